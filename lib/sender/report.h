#pragma once
// One's own side as receivers see it: SPF, DKIM keys, DMARC, and whether they fit together, for
// `smprobe --sender` and the set-up's check. Facts and findings; nothing is changed anywhere.

#include <optional>
#include <string>
#include <vector>

#include "dkim/key_record.h"
#include "sender/dmarc.h"
#include "sender/spf.h"

namespace sm::sender {

struct DkimKey {
  std::string selector;
  dkim::KeyAnswer answer;
};

enum class Weight {
  problem,  ///< mail suffers now
  advice,   ///< sound, but it could be better
};

/// Something that the domain's owner can mend.
struct Finding {
  Weight weight;
  std::string code;  ///< stable: "spf-missing", "dkim-key-revoked", …
  std::string text;  ///< one or two sentences: what is wrong, and what to do
};

enum class Aligned {
  yes,      ///< a DMARC record, and SPF or a DKIM key that passes under the domain's own name
  no,       ///< definitely not
  unknown,  ///< a lookup failed that would decide it
};

struct Report {
  name::Domain domain;
  Spf spf;
  std::vector<DkimKey> dkim{};  ///< one a selector asked about, in that order
  Dmarc dmarc;
  Aligned aligned;
  std::vector<Finding> findings{};
};

/// `selectors` are those that the domain signs with: without them nothing can be known of its keys,
/// since the DNS does not list them.
Report look_at_sender(dns::Resolver& resolver, const name::Domain& domain,
                      const std::vector<std::string>& selectors);

/// {"domain","spf","dkim","dmarc","aligned","findings":[…]}: spf {state, record, all, lookups,
/// why}, dkim a list of {selector, state, type, bits, testing, dnssec, why}, dmarc {state, record,
/// domain, policy, adkim, aspf, rua, why}, aligned true, false or null, findings a list of {code,
/// weight, text}.
std::string json(const Report& report);

}  // namespace sm::sender
