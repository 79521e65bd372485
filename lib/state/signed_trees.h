#pragma once
// Size and root of each log's newest checkpoint, in the state's database: outside the log's folder,
// so that a log which was put back from a backup is noticed.

#include <memory>

#include "audit/signed_state.h"
#include "store/index.h"

namespace sm::state {

/// Thread safe.
class SignedTrees final : public audit::SignedState {
 public:
  explicit SignedTrees(std::shared_ptr<store::Index> index) : index_(std::move(index)) {}
  explicit SignedTrees(store::Index index)
      : SignedTrees(std::make_shared<store::Index>(std::move(index))) {}
  Result<std::optional<audit::SignedTree>> newest(const std::string& org) override;
  Result<void> remember(const std::string& org, const audit::SignedTree& tree) override;

 private:
  std::shared_ptr<store::Index> index_;
};

}  // namespace sm::state
