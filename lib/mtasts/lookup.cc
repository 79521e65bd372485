#include "mtasts/lookup.h"

namespace sm::mtasts {
namespace {

using std::chrono::floor;
using std::chrono::seconds;
using std::chrono::sys_seconds;

/// Fetched again only when a day has passed. A time of fetching that lies in the future (the clock
/// was wrong then or is now) is no reason to wait for it.
bool is_fresh(sys_seconds fetched, sys_seconds now) {
  return fetched <= now && now - fetched < kRefreshAfter;
}

/// The cached policy while its max_age lasts; nothing else ends it (§5.1).
Result<std::optional<Found>> find_living(const name::Domain& domain, Cache& cache,
                                         sys_seconds now) {
  auto cached = cache.find(domain);
  if (!cached) return fail(std::move(cached).error());
  if (!*cached) return std::optional<Found>();
  auto policy = parse_policy((*cached)->text);
  if (!policy) {
    return fail(Errc::configuration, "the MTA-STS policy kept for " + domain.text() +
                                         " is damaged: " + policy.error().what);
  }
  if (now - (*cached)->fetched >= policy->max_age) return std::optional<Found>();
  return std::optional<Found>(Found{std::move(*policy), (*cached)->id, (*cached)->fetched, true});
}

Lookup kept_or_none(std::optional<Found> kept, std::optional<FetchFailed> failed) {
  if (kept) return std::move(*kept);
  return NoPolicy{std::move(failed)};
}

/// Whether this very policy could not be fetched a moment ago.
Result<std::optional<FetchFailed>> recent_failure(const name::Domain& domain, const std::string& id,
                                                  Cache& cache, sys_seconds now) {
  auto failure = cache.find_failure(domain);
  if (!failure) return fail(std::move(failure).error());
  const auto& found = *failure;
  const bool is_recent = found && found->id == id && found->at <= now && now - found->at < kBackOff;
  if (!is_recent) return std::optional<FetchFailed>();
  return std::optional<FetchFailed>(found->why);
}

Result<Lookup> fetch(const name::Domain& domain, const std::string& id, std::optional<Found> kept,
                     Source& source, Cache& cache, sys_seconds now) {
  auto fetched = source.policy_text(domain);
  std::optional<FetchFailed> failed;
  if (auto* why = std::get_if<FetchFailed>(&fetched)) {
    failed = std::move(*why);
  } else {
    auto& text = std::get<std::string>(fetched);
    auto policy = parse_policy(text);
    if (policy) {
      const bool is_kept = policy->max_age > seconds(0);
      auto stored = is_kept ? cache.keep(domain, {id, std::move(text), now}) : cache.forget(domain);
      if (!stored) return fail(std::move(stored).error());
      return Lookup(Found{std::move(*policy), id, now, false});
    }
    failed = FetchFailed{FetchFailed::Kind::invalid, policy.error().what};
  }
  if (auto noted = cache.keep_failure(domain, {id, now, *failed}); !noted) {
    return fail(std::move(noted).error());
  }
  return kept_or_none(std::move(kept), std::move(failed));
}

}  // namespace

std::string_view text(FetchFailed::Kind kind) {
  switch (kind) {
    case FetchFailed::Kind::fetch:
      return "sts-policy-fetch-error";
    case FetchFailed::Kind::webpki:
      return "sts-webpki-invalid";
    case FetchFailed::Kind::invalid:
      return "sts-policy-invalid";
  }
  return "sts-policy-fetch-error";
}

Result<Lookup> lookup(const name::Domain& domain, Source& source, Cache& cache,
                      const Clock& clock) {
  const auto now = floor<seconds>(clock.now());
  auto living = find_living(domain, cache, now);
  if (!living) return fail(std::move(living).error());
  auto& kept = *living;

  auto answer = source.record(domain);
  if (auto* unknown = std::get_if<RecordUnknown>(&answer)) {
    if (kept) return Lookup(std::move(*kept));
    return Lookup(Undetermined{std::move(unknown->why), unknown->is_bogus});
  }
  if (std::holds_alternative<NoRecord>(answer)) return kept_or_none(std::move(kept), {});
  const auto& id = std::get<Record>(answer).id;
  const bool is_current = kept && kept->id == id && is_fresh(kept->fetched, now);
  if (is_current) return Lookup(std::move(*kept));

  auto failure = recent_failure(domain, id, cache, now);
  if (!failure) return fail(std::move(failure).error());
  if (*failure) return kept_or_none(std::move(kept), std::move(*failure));
  return fetch(domain, id, std::move(kept), source, cache, now);
}

}  // namespace sm::mtasts
