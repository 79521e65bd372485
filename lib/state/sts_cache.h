#pragma once
// MTA-STS policies kept in the state's database (RFC 8461 §3.3): between runs, for as long as the
// policy said.

#include <mutex>

#include "mtasts/lookup.h"
#include "store/index.h"

namespace sm::state {

/// Thread safe; the Index must be used by nothing else at the same time.
class StsCache final : public mtasts::Cache {
 public:
  explicit StsCache(store::Index index) : index_(std::move(index)) {}
  Result<std::optional<mtasts::CachedPolicy>> find(const name::Domain& domain) override;
  Result<void> keep(const name::Domain& domain, const mtasts::CachedPolicy& policy) override;
  Result<void> forget(const name::Domain& domain) override;
  Result<std::optional<mtasts::FailedFetch>> find_failure(const name::Domain& domain) override;
  Result<void> keep_failure(const name::Domain& domain,
                            const mtasts::FailedFetch& failure) override;

 private:
  std::mutex mutex_;
  store::Index index_;
};

}  // namespace sm::state
