#pragma once
// Size and root of each log's newest checkpoint, in the state's database: outside the log's folder,
// so that a log which was put back from a backup is noticed.

#include <mutex>

#include "audit/signed_state.h"
#include "store/index.h"

namespace sm::state {

/// Thread safe; the Index must be used by nothing else at the same time.
class SignedTrees final : public audit::SignedState {
 public:
  explicit SignedTrees(store::Index index) : index_(std::move(index)) {}
  Result<std::optional<audit::SignedTree>> newest(const std::string& org) override;
  Result<void> remember(const std::string& org, const audit::SignedTree& tree) override;

 private:
  std::mutex mutex_;
  store::Index index_;
};

}  // namespace sm::state
