#pragma once
// Taking a message apart for its envelope: the message without its attachments, and each attachment
// decoded, so that it can be fetched in ranges. What a reader sees inside the message (texts, and
// the images that an HTML text refers to) stays; what is signed or encrypted as it is stays whole.

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "envelope/stream.h"
#include "message/mime.h"
#include "message/prepare.h"
#include "message/scratch.h"

namespace sm::sealing {

/// An attachment in the body of a message.
struct Attached {
  message::Span body;
  message::TransferEncoding encoding = message::TransferEncoding::seven_bit;
  std::string name{};  ///< as its sender called it; may be empty
  std::string type{};
};

/// Which of the parts are attachments: indices into the table, none inside another. Pure.
std::vector<std::size_t> attachments_of(const std::vector<message::Part>& parts);

struct SplitMessage {
  message::Scratch text;  ///< the message without its attachments
  std::vector<Attached> attached;
};

/// Errors are the scratch space's; a message whose structure is broken is one part.
Result<SplitMessage> split_message(const message::PreparedMessage& message);

/// An attachment, decoded. More than `most` octets are Errc::malformed (message-too-large).
std::unique_ptr<envelope::Source> decode(const message::PreparedMessage& message,
                                         const Attached& attached, std::uint64_t most);

/// Reads a message::Source from front to end as an envelope::Source.
class StreamSource final : public envelope::Source {
 public:
  explicit StreamSource(std::unique_ptr<message::Source> in) : in_(std::move(in)) {}
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override;
  [[nodiscard]] bool is_positioned() const override { return false; }
  [[nodiscard]] std::optional<std::uint64_t> size() const override { return std::nullopt; }

 private:
  std::unique_ptr<message::Source> in_;
  Bytes left_{};
  bool is_at_end_ = false;
};

}  // namespace sm::sealing
