#pragma once
// DMARC (RFC 7489) from the owner's side: what a domain asks of receivers when a message that bears
// its name in From passes neither SPF nor DKIM under that name.
//
// Where a domain has no record of its own, the nearest domain above it that has one speaks for it:
// found by walking up label by label, never to a top-level domain (the tree walk of RFC 7489's
// successor), so that no list of public suffixes is needed.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/resolver.h"
#include "name/domain.h"

namespace sm::sender {

enum class DmarcPolicy { none, quarantine, reject };
std::string_view text(DmarcPolicy policy);

enum class DmarcAlignment { relaxed, strict };

struct DmarcRecord {
  std::string text{};
  DmarcPolicy policy = DmarcPolicy::none;         ///< p=
  std::optional<DmarcPolicy> subdomain_policy{};  ///< sp=
  DmarcAlignment dkim = DmarcAlignment::relaxed;  ///< adkim=
  DmarcAlignment spf = DmarcAlignment::relaxed;   ///< aspf=
  unsigned percent = 100;                         ///< pct=
  std::vector<std::string> rua{};                 ///< URIs, without size limits
  std::vector<std::string> ruf{};
};

/// RFC 7489 §6.3 and §6.4; unknown tags are ignored. A record without a valid p= but with rua= asks
/// for reports only (§6.6.3): p=none. Errc::malformed otherwise.
Result<DmarcRecord> parse_dmarc(std::string_view text);

enum class DmarcState { good, none, invalid, unknown };
std::string_view text(DmarcState state);

struct Dmarc {
  DmarcState state;
  std::string why{};
  std::optional<DmarcRecord> record{};
  std::optional<name::Domain> found_at{};  ///< the domain whose record it is
  std::optional<DmarcPolicy> policy{};  ///< that holds for the domain asked: p=, or sp= of a parent
  std::vector<dns::Answer> answers{};   ///< the evidence
};

Dmarc look_at_dmarc(dns::Resolver& resolver, const name::Domain& domain);

/// RFC 7489 §7.1: a report address at another domain counts only when that domain agrees. The
/// addresses of `record` that no such agreement was found for.
std::vector<std::string> unauthorised_reports(dns::Resolver& resolver, const name::Domain& domain,
                                              const DmarcRecord& record);

}  // namespace sm::sender
