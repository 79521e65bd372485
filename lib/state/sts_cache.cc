#include "state/sts_cache.h"

namespace sm::state {
namespace {

std::chrono::sys_seconds time_of(std::int64_t seconds) {
  return std::chrono::sys_seconds(std::chrono::seconds(seconds));
}

std::int64_t number_of(std::chrono::sys_seconds time) {
  return time.time_since_epoch().count();
}

Result<mtasts::FetchFailed> why_of(std::int64_t kind, std::string detail) {
  using Kind = mtasts::FetchFailed::Kind;
  for (const auto each : {Kind::fetch, Kind::webpki, Kind::invalid}) {
    if (kind == static_cast<std::int64_t>(each))
      return mtasts::FetchFailed{each, std::move(detail)};
  }
  return fail(Errc::configuration, "the state's note of a failed policy fetch is damaged");
}

}  // namespace

Result<std::optional<mtasts::CachedPolicy>> StsCache::find(const name::Domain& domain) {
  auto rows = index_->prepare("SELECT id,policy,fetched FROM sts_policy WHERE domain=?");
  if (!rows) return fail(std::move(rows).error());
  auto found = rows->bind(domain.text()).row();
  if (!found) return fail(std::move(found).error());
  if (!*found) return std::optional<mtasts::CachedPolicy>();
  return std::optional(
      mtasts::CachedPolicy{rows->text(0), rows->text(1), time_of(rows->number(2))});
}

Result<void> StsCache::keep(const name::Domain& domain, const mtasts::CachedPolicy& policy) {
  return index_->transaction([&]() -> Result<void> {
    auto forgotten = index_->prepare("DELETE FROM sts_failure WHERE domain=?");
    if (!forgotten) return fail(std::move(forgotten).error());
    if (auto done = forgotten->bind(domain.text()).run(); !done) return done;
    auto kept = index_->prepare("INSERT OR REPLACE INTO sts_policy VALUES(?,?,?,?)");
    if (!kept) return fail(std::move(kept).error());
    return kept->bind(domain.text())
        .bind(policy.id)
        .bind(policy.text)
        .bind(number_of(policy.fetched))
        .run();
  });
}

Result<void> StsCache::forget(const name::Domain& domain) {
  auto statement = index_->prepare("DELETE FROM sts_policy WHERE domain=?");
  if (!statement) return fail(std::move(statement).error());
  return statement->bind(domain.text()).run();
}

Result<std::optional<mtasts::FailedFetch>> StsCache::find_failure(const name::Domain& domain) {
  auto rows = index_->prepare("SELECT id,at,kind,detail FROM sts_failure WHERE domain=?");
  if (!rows) return fail(std::move(rows).error());
  auto found = rows->bind(domain.text()).row();
  if (!found) return fail(std::move(found).error());
  if (!*found) return std::optional<mtasts::FailedFetch>();
  auto why = why_of(rows->number(2), rows->text(3));
  if (!why) return fail(std::move(why).error());
  return std::optional(
      mtasts::FailedFetch{rows->text(0), time_of(rows->number(1)), std::move(*why)});
}

Result<void> StsCache::keep_failure(const name::Domain& domain,
                                    const mtasts::FailedFetch& failure) {
  auto statement = index_->prepare("INSERT OR REPLACE INTO sts_failure VALUES(?,?,?,?,?)");
  if (!statement) return fail(std::move(statement).error());
  return statement->bind(domain.text())
      .bind(failure.id)
      .bind(number_of(failure.at))
      .bind(static_cast<std::int64_t>(failure.why.kind))
      .bind(failure.why.detail)
      .run();
}

}  // namespace sm::state
