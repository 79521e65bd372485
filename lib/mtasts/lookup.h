#pragma once
// Finding a domain's MTA-STS policy (RFC 8461 §3.3, §5.1): TXT record, cache, fetch.
//
// A policy once seen binds until its max_age is over, whatever becomes of the record or the policy
// host: an attacker who can suppress both must not be able to take the promise back. The first
// contact has no such protection, by the standard's design. Storage is behind the Cache interface;
// DNS and HTTPS are behind Source, so that tests need neither.

#include <optional>
#include <string>
#include <variant>

#include "base/clock.h"
#include "base/result.h"
#include "mtasts/policy.h"
#include "name/domain.h"

namespace sm::mtasts {

/// A policy as it was fetched.
struct CachedPolicy {
  std::string id;    ///< of the record that announced it
  std::string text;  ///< the policy file, valid
  std::chrono::sys_seconds fetched;
};
/// Why a policy could not be fetched, in RFC 8460 §4.3's words where it has them.
struct FetchFailed {
  enum class Kind {
    fetch,    ///< sts-policy-fetch-error: DNS, connect, time, status other than 200, too large
    webpki,   ///< sts-webpki-invalid: the policy host's certificate
    invalid,  ///< sts-policy-invalid: fetched, but no policy
  };
  Kind kind;
  std::string detail;
};
std::string_view text(FetchFailed::Kind kind);

/// A fetch that failed: not tried again for five minutes unless the id changes (§3.3).
struct FailedFetch {
  std::string id;
  std::chrono::sys_seconds at;
  FetchFailed why{FetchFailed::Kind::fetch, {}};
};

/// Where policies are kept between runs. Implementations report their own trouble as Errors; a
/// lookup then fails, since a promise that cannot be read is not absent.
class Cache {
 public:
  virtual ~Cache() = default;
  virtual Result<std::optional<CachedPolicy>> find(const name::Domain& domain) = 0;
  virtual Result<void> keep(const name::Domain& domain, const CachedPolicy& policy) = 0;
  virtual Result<void> forget(const name::Domain& domain) = 0;
  virtual Result<std::optional<FailedFetch>> find_failure(const name::Domain& domain) = 0;
  virtual Result<void> keep_failure(const name::Domain& domain, const FailedFetch& failure) = 0;
};

/// DNS could not say whether there is a record.
struct RecordUnknown {
  std::string why;
  bool is_bogus;  ///< DNSSEC says that the answer was forged
};
using RecordSource = std::variant<Record, NoRecord, RecordUnknown>;

/// The outside world: the TXT record and the policy file's text.
class Source {
 public:
  virtual ~Source() = default;
  /// record() will be called for this domain soon. Returns at once.
  virtual void expect_record(const name::Domain&) {}
  virtual RecordSource record(const name::Domain& domain) = 0;
  virtual std::variant<std::string, FetchFailed> policy_text(const name::Domain& domain) = 0;
};

/// No policy applies; `failed` where one was announced and could not be had.
struct NoPolicy {
  std::optional<FetchFailed> failed;
};
struct Found {
  Policy policy;
  std::string id;
  std::chrono::sys_seconds fetched;
  bool is_from_cache;  ///< the record or the fetch failed, or there was no need to fetch
};
/// It could not be found out whether there is one: mail waits.
struct Undetermined {
  std::string why;
  bool is_bogus;
};
using Lookup = std::variant<NoPolicy, Found, Undetermined>;

/// A policy is fetched again after a day even where its id stays (§3.3 leaves the interval open),
/// and a failed fetch is left alone for five minutes.
inline constexpr std::chrono::hours kRefreshAfter{24};
inline constexpr std::chrono::minutes kBackOff{5};

/// The policy that applies to mail for `domain` now: the recipient's domain itself, never a parent
/// and never the target of a CNAME (§3.1).
Result<Lookup> lookup(const name::Domain& domain, Source& source, Cache& cache, const Clock& clock);

}  // namespace sm::mtasts
