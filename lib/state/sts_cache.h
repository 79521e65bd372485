#pragma once
// MTA-STS policies kept in the state's database (RFC 8461 §3.3): between runs, for as long as the
// policy said.

#include <memory>

#include "mtasts/lookup.h"
#include "store/index.h"

namespace sm::state {

/// Thread safe.
class StsCache final : public mtasts::Cache {
 public:
  explicit StsCache(std::shared_ptr<store::Index> index) : index_(std::move(index)) {}
  explicit StsCache(store::Index index)
      : StsCache(std::make_shared<store::Index>(std::move(index))) {}
  Result<std::optional<mtasts::CachedPolicy>> find(const name::Domain& domain) override;
  Result<void> keep(const name::Domain& domain, const mtasts::CachedPolicy& policy) override;
  Result<void> forget(const name::Domain& domain) override;
  Result<std::optional<mtasts::FailedFetch>> find_failure(const name::Domain& domain) override;
  Result<void> keep_failure(const name::Domain& domain,
                            const mtasts::FailedFetch& failure) override;

 private:
  std::shared_ptr<store::Index> index_;
};

}  // namespace sm::state
