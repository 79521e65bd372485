#pragma once
// What was signed last, remembered outside the log's folder: a log that was put back from
// yesterday's backup, or replaced whole, is noticed before anything is appended or signed.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "crypto/digest.h"

namespace sm::audit {

/// Size and root of the newest checkpoint that was signed.
struct SignedTree {
  std::uint64_t size = 0;
  crypto::Sha256 root{};
  bool operator==(const SignedTree&) const = default;
};

class SignedState {
 public:
  virtual ~SignedState() = default;
  /// Nothing: never signed. A failure: do not append, do not sign.
  virtual Result<std::optional<SignedTree>> newest(const std::string& org) = 0;
  /// Called before the checkpoint appears; durable on return. A failure: the checkpoint must not
  /// appear.
  virtual Result<void> remember(const std::string& org, const SignedTree& tree) = 0;
};

/// In memory, for tests.
class MemorySignedState final : public SignedState {
 public:
  Result<std::optional<SignedTree>> newest(const std::string& org) override {
    const auto found = trees_.find(org);
    return found == trees_.end() ? std::optional<SignedTree>() : found->second;
  }
  Result<void> remember(const std::string& org, const SignedTree& tree) override {
    trees_[org] = tree;
    return {};
  }

 private:
  std::map<std::string, SignedTree> trees_;
};

}  // namespace sm::audit
