#pragma once
// The octets of a message on their way out, in blocks, so that memory does not grow with the
// message.

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace sm::smtp {

/// A message as it is hashed and sent: CRLF line ends only, the last line ended, no dot-stuffing.
/// What breaks these promises is never sent to its end: the connection is dropped instead.
class Content {
 public:
  virtual ~Content() = default;
  /// Exactly how many octets all blocks have together.
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  /// Back to the first block; called before each transaction.
  virtual Result<void> rewind() = 0;
  /// The next block, valid until the next call; empty at the end. Blocks may split anywhere.
  virtual Result<std::string_view> next() = 0;
};

/// A message that is in memory already.
class TextContent final : public Content {
 public:
  explicit TextContent(std::string_view text) : text_(text) {}
  [[nodiscard]] std::uint64_t size() const override { return text_.size(); }
  Result<void> rewind() override {
    is_read_ = false;
    return {};
  }
  Result<std::string_view> next() override {
    const bool was_read = is_read_;
    is_read_ = true;
    return was_read ? std::string_view() : text_;
  }

 private:
  std::string_view text_;
  bool is_read_ = false;
};

}  // namespace sm::smtp
