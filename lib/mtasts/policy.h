#pragma once
// MTA-STS (RFC 8461): a domain says over DNS that it has a policy, and over HTTPS what the policy
// is: which MX hosts are its own, and that mail to it must cross TLS with a certificate that the
// public key infrastructure vouches for.
//
// Here: the TXT record and the policy file as types, and the question whether a host is one of the
// policy's. Looking up, fetching and caching are in lookup.h.

#include <chrono>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "name/domain.h"

namespace sm::mtasts {

/// The TXT record at _mta-sts.<domain> (§3.1).
struct Record {
  std::string id;  ///< 1 to 32 letters and digits; a new one says that the policy changed
};
/// No record: none, or several, or none that is one (§3.1: "senders MUST assume … no policy").
struct NoRecord {
  std::string why;  ///< empty where there is nothing at all
};
using RecordAnswer = std::variant<Record, NoRecord>;

/// From the domain's TXT records, each with its strings joined without spaces.
RecordAnswer parse_records(const std::vector<std::string>& texts);

enum class Mode { enforce, testing, none };
std::string_view text(Mode mode);

/// One `mx` of a policy (§3.2): a host, or "*." and a domain that stands for exactly one label.
class MxPattern {
 public:
  static Result<MxPattern> parse(std::string_view text);
  /// §4.1: "*.example.com" matches "mx.example.com", neither "example.com" nor "a.b.example.com".
  [[nodiscard]] bool matches(const name::Domain& host) const;
  [[nodiscard]] std::string text() const { return (is_wildcard_ ? "*." : "") + domain_.text(); }

 private:
  MxPattern(bool is_wildcard, name::Domain domain)
      : is_wildcard_(is_wildcard), domain_(std::move(domain)) {}
  bool is_wildcard_;
  name::Domain domain_;
};

/// The policy file (§3.2).
struct Policy {
  Mode mode;
  std::chrono::seconds max_age;  ///< 0 to 31557600
  std::vector<MxPattern> mx;     ///< never empty unless the mode is none

  /// One of `mx` matches.
  [[nodiscard]] bool covers(const name::Domain& host) const;
};

/// Longest policy that is read (§3.3: 64 KiB suggested).
inline constexpr std::size_t kMostPolicyOctets = std::size_t{64} << 10;

/// Errc::protocol says what is wrong with it: a policy that is wrong is none (§3.3).
Result<Policy> parse_policy(std::string_view text);

}  // namespace sm::mtasts
