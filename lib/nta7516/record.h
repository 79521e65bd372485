#pragma once
// NTA 7516 (Dutch healthcare mail): a domain says in a TXT record at its own apex that it takes
// mail by that norm, since when and until when, through which provider, and at which hosts:
//
//   v=NTA7516-1;startdate=2024-01;enddate=2026-12;provider=Zorgmail;ntamx=10 mx.nta.example
//
// While the record is valid, mail goes to the ntamx hosts where there are any, else to the MX, and
// DANE is mandatory. The norm's own message headers are not this folder's business.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "dns/mx.h"
#include "dns/only_record.h"
#include "dns/resolver.h"
#include "name/domain.h"

namespace sm::nta7516 {

struct Record {
  std::chrono::year_month start;
  std::optional<std::chrono::year_month> end{};  ///< nothing: no end
  std::string provider{};
  std::vector<dns::MxHost> ntamx{};    ///< as written; order them by order_hosts
  std::vector<std::string> unknown{};  ///< fields that this program does not know, as written
  std::string text{};                  ///< the TXT record as found

  /// From the first day of the start month to the last day of the end month, in UTC.
  [[nodiscard]] bool is_valid_at(WallTime now) const;
};

/// `record` whether it is valid today or not.
using Outcome = dns::OnlyOutcome;
using Lookup = dns::OnlyLookup<Record>;

/// Fields in any order; `:` is taken for `=`; white space around names and values is dropped;
/// months that do not exist, a missing startdate and ntamx hosts that are no host names are errors
/// (Errc::malformed).
Result<Record> parse_record(std::string_view text);
/// Pure: judges a TXT answer of the domain's apex.
Lookup judge(dns::Answer txt);
Lookup lookup_record(dns::Resolver& resolver, const name::Domain& domain);

/// The ntamx hosts by preference, at random within one, at most dns::kMaxHosts.
std::vector<dns::MxHost> order_hosts(const Record& record, const dns::RandomBelow& random);

}  // namespace sm::nta7516
