#pragma once
// TLS reporting (RFC 8460): a domain says at `_smtp._tls.<domain>` where it wants to hear how TLS
// connections to its mail servers fared:
//
//   v=TLSRPTv1; rua=mailto:tls@example.com,https://report.example.com/v1
//
// This folder reads the record and names the result types that reports and our own reasons use.
// Making and sending reports is not here.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/only_record.h"
#include "dns/resolver.h"
#include "name/domain.h"

namespace sm::tlsrpt {

/// The eleven result types of RFC 8460 §4.3.
enum class ResultType {
  starttls_not_supported,
  certificate_host_mismatch,
  certificate_expired,
  certificate_not_trusted,
  validation_failure,
  tlsa_invalid,
  dnssec_invalid,
  dane_required,
  sts_policy_fetch_error,
  sts_policy_invalid,
  sts_webpki_invalid,
};
/// "starttls-not-supported", …
std::string_view text(ResultType type);
std::optional<ResultType> parse_result_type(std::string_view text);

struct Record {
  std::vector<std::string> rua;        ///< mailto: and https: URIs, as written; at least one
  std::vector<std::string> ignored{};  ///< URIs of other schemes, or no URIs at all
  std::string text{};                  ///< the TXT record as found
};

using Outcome = dns::OnlyOutcome;
using Lookup = dns::OnlyLookup<Record>;

/// RFC 8460 §3's grammar; unknown fields are ignored. Errc::malformed otherwise.
Result<Record> parse_record(std::string_view text);
/// Pure: judges a TXT answer of `_smtp._tls.<domain>`.
Lookup judge(dns::Answer txt);
Lookup lookup_record(dns::Resolver& resolver, const name::Domain& domain);
/// The lookup will be asked for soon. Returns at once.
void prefetch_record(dns::Resolver& resolver, const name::Domain& domain);

}  // namespace sm::tlsrpt
