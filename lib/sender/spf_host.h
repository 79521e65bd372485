#pragma once
// Whether a domain's SPF record lets one host send (RFC 7208 §4, check_host), asked by the domain's
// owner about a host of their own. What depends on the single message (macros) or on reverse names
// (ptr) is not decided here; nobody judges incoming mail by this.

#include <string>

#include "base/address.h"
#include "dns/resolver.h"
#include "name/domain.h"

namespace sm::sender {

enum class SpfHost {
  pass,
  fail,       ///< refused or softly refused, by the term that `why` names
  neutral,    ///< the record says nothing of this host
  none,       ///< there is no record
  undecided,  ///< a lookup failed, the record is wrong, or a macro decides; `why`
};

struct SpfHostAnswer {
  SpfHost answer;
  std::string why{};
};

SpfHostAnswer may_send(dns::Resolver& resolver, const name::Domain& domain,
                       const IpAddress& address);

}  // namespace sm::sender
