#pragma once
// MTA-STS policies kept in memory: for one run of a tool that has no state of its own.

#include <map>
#include <mutex>
#include <string>

#include "mtasts/lookup.h"

namespace sm::delivery {

/// Thread safe.
class StsMemoryCache final : public mtasts::Cache {
 public:
  Result<std::optional<mtasts::CachedPolicy>> find(const name::Domain& domain) override {
    return look_up(policies_, domain);
  }
  Result<void> keep(const name::Domain& domain, const mtasts::CachedPolicy& policy) override {
    const std::lock_guard lock(mutex_);
    policies_.insert_or_assign(domain.text(), policy);
    return {};
  }
  Result<void> forget(const name::Domain& domain) override {
    const std::lock_guard lock(mutex_);
    policies_.erase(domain.text());
    return {};
  }
  Result<std::optional<mtasts::FailedFetch>> find_failure(const name::Domain& domain) override {
    return look_up(failures_, domain);
  }
  Result<void> keep_failure(const name::Domain& domain,
                            const mtasts::FailedFetch& failure) override {
    const std::lock_guard lock(mutex_);
    failures_.insert_or_assign(domain.text(), failure);
    return {};
  }

 private:
  template <class T>
  std::optional<T> look_up(const std::map<std::string, T>& table, const name::Domain& domain) {
    const std::lock_guard lock(mutex_);
    const auto found = table.find(domain.text());
    if (found == table.end()) return std::nullopt;
    return found->second;
  }
  std::mutex mutex_;
  std::map<std::string, mtasts::CachedPolicy> policies_;
  std::map<std::string, mtasts::FailedFetch> failures_;
};

}  // namespace sm::delivery
