#include "sealing/split.h"

#include <algorithm>

#include "base/text.h"
#include "message/rewrite.h"
#include "message/transfer.h"

namespace sm::sealing {
namespace {

using message::Edit;
using message::Part;

bool is_text(const Part& part) {
  return part.type.value == "text/plain" || part.type.value == "text/html";
}

bool is_in_related(const std::vector<Part>& parts, const Part& part) {
  for (auto at = part.parent; at != Part::kNoParent; at = parts[at].parent) {
    if (parts[at].type.value == "multipart/related") return true;
  }
  return false;
}

bool is_attachment(const std::vector<Part>& parts, const Part& part) {
  if (part.is_multipart() || part.header.empty()) return false;
  if (part.disposition == "attachment") return true;
  if (part.type.value.starts_with("message/")) return true;
  if (is_text(part)) return !part.file_name.empty() && part.disposition != "inline";
  return !is_in_related(parts, part);
}

/// A message whose only content is a file: `Content-Type: application/pdf` at the top.
bool is_bare_file(const Part& root) {
  return root.is_leaf() && root.has_type && (!is_text(root) || root.disposition == "attachment");
}

std::string type_of(const Part& part) {
  return part.type.value.empty() ? "application/octet-stream" : part.type.value;
}

Attached attached_of(const Part& part) {
  return {part.body, part.encoding, part.file_name, type_of(part)};
}

/// Where the delimiter line before a part begins: the line that ends where the part's header does
/// begin.
Result<std::uint64_t> delimiter_begin(const message::Scratch& body, const Part& parent,
                                      const Part& part) {
  constexpr std::uint64_t kLongestLine = 2048;
  const auto from =
      std::max(parent.body.begin, part.header.begin - std::min(part.header.begin, kLongestLine));
  auto source = body.open(from, part.header.begin);
  auto before = message::read_all(*source, kLongestLine);
  if (!before) return fail(std::move(before).error());
  if (before->size() < 2) return from;
  const auto line_end = before->rfind("\r\n", before->size() - 3);
  const bool is_first_line = before->size() < 3 || line_end == std::string::npos;
  return is_first_line ? from : from + line_end + 2;
}

class Splitter {
 public:
  Splitter(const message::PreparedMessage& message, const std::vector<Part>& parts)
      : message_(message), parts_(parts), chosen_(attachments_of(parts)) {}

  Result<SplitMessage> split() {
    SplitMessage made;
    if (chosen_.size() == 1 && chosen_.front() == 0) return bare_file();
    if (auto planned = plan(made); !planned) return fail(std::move(planned).error());
    auto done = made.text.append(message_.header().bytes());
    if (done) done = made.text.append("\r\n");
    if (done) {
      done =
          message::append_edited(message_.body(), {0, message_.body().size()}, edits_, made.text);
    }
    if (done) done = made.text.finish();
    if (!done) return fail(std::move(done).error());
    return made;
  }

 private:
  /// The fields that describe the content go with it; an empty text takes its place.
  Result<SplitMessage> bare_file() {
    SplitMessage made;
    made.attached.push_back(attached_of(parts_[0]));
    made.attached.front().body = {0, message_.body().size()};
    Result<void> done;
    for (const auto& field : message_.header()) {
      if (!done) break;
      if (!starts_with_ignoring_case(field.name, "content-")) done = made.text.append(field.raw);
    }
    if (done) done = made.text.append("\r\n");
    if (done) done = made.text.finish();
    if (!done) return fail(std::move(done).error());
    return made;
  }

  Result<void> plan(SplitMessage& made) {
    for (const auto index : chosen_) {
      const Part& part = parts_[index];
      made.attached.push_back(attached_of(part));
      if (is_last_of_its_kind(index)) {
        edits_.push_back({.place = {part.header.begin, part.body.end},
                          .text = "Content-Type: text/plain; charset=us-ascii\r\n\r\n"});
        continue;
      }
      auto begin = delimiter_begin(message_.body(), parts_[part.parent], part);
      if (!begin) return fail(std::move(begin).error());
      const auto end = std::min(part.body.end + 2, message_.body().size());
      edits_.push_back({.place = {*begin, end}});
    }
    return {};
  }

  /// The first of a multipart's parts where all of them go: a multipart has at least one
  /// (RFC 2046 §5.1.1), so an empty text stays in its place.
  bool is_last_of_its_kind(std::size_t index) const {
    const auto parent = parts_[index].parent;
    const auto is_sibling = [&](std::size_t other) { return parts_[other].parent == parent; };
    const auto first = std::find_if(chosen_.begin(), chosen_.end(), is_sibling);
    if (*first != index) return false;
    for (std::size_t other = 0; other < parts_.size(); ++other) {
      if (parts_[other].parent != parent) continue;
      if (std::find(chosen_.begin(), chosen_.end(), other) == chosen_.end()) return false;
    }
    return true;
  }

  const message::PreparedMessage& message_;
  const std::vector<Part>& parts_;
  std::vector<std::size_t> chosen_;
  std::vector<Edit> edits_;
};

/// The attachment's octets as they stand in the message, decoded block by block.
class Decoder final : public message::Source {
 public:
  Decoder(std::unique_ptr<message::Source> in, message::TransferEncoding encoding,
          std::uint64_t most)
      : in_(std::move(in)), encoding_(encoding), most_(most) {}

  Result<Bytes> next() override {
    out_.clear();
    while (out_.empty() && !is_at_end_) {
      auto block = in_->next();
      if (!block) return block;
      is_at_end_ = block->empty();
      feed(*block);
    }
    total_ += out_.size();
    if (total_ > most_) {
      return fail(
          Errc::malformed,
          "an attachment is larger than " + std::to_string(most_) + " octets (message-too-large)",
          "send it as a large file with --link");
    }
    return as_bytes(out_);
  }

 private:
  void feed(Bytes block) {
    switch (encoding_) {
      case message::TransferEncoding::base64:
        if (is_at_end_) {
          base64_.finish();
        } else {
          base64_.feed(block, out_);
        }
        return;
      case message::TransferEncoding::quoted_printable:
        if (is_at_end_) {
          quoted_printable_.finish(out_);
        } else {
          quoted_printable_.feed(block, out_);
        }
        return;
      default:
        out_.append(as_text(block));
    }
  }

  std::unique_ptr<message::Source> in_;
  message::TransferEncoding encoding_;
  std::uint64_t most_;
  std::uint64_t total_ = 0;
  std::string out_;
  bool is_at_end_ = false;
  message::Base64Decoder base64_;
  message::QuotedPrintableDecoder quoted_printable_;
};

}  // namespace

std::vector<std::size_t> attachments_of(const std::vector<Part>& parts) {
  if (parts.empty() || message::is_sealed_type(parts[0].type.value)) return {};
  if (is_bare_file(parts[0])) return {0};
  std::vector<std::size_t> chosen;
  std::vector<bool> is_closed(parts.size(), false);  // inside one that was taken, or is left whole
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const Part& part = parts[i];
    if (part.parent != Part::kNoParent && is_closed[part.parent]) {
      is_closed[i] = true;
    } else if (part.is_sealed() && part.is_multipart()) {
      is_closed[i] = true;
    } else if (is_attachment(parts, part)) {
      is_closed[i] = true;
      chosen.push_back(i);
    }
  }
  return chosen;
}

Result<SplitMessage> split_message(const message::PreparedMessage& message) {
  auto body = message.open_body();
  auto parts = message::scan_mime(message.header(), *body);
  if (!parts && parts.error().code != Errc::malformed) return fail(std::move(parts).error());
  const std::vector<Part> none;
  return Splitter(message, parts ? *parts : none).split();
}

std::unique_ptr<envelope::Source> decode(const message::PreparedMessage& message,
                                         const Attached& attached, std::uint64_t most) {
  return std::make_unique<StreamSource>(std::make_unique<Decoder>(
      message.body().open(attached.body.begin, attached.body.end), attached.encoding, most));
}

Result<std::size_t> StreamSource::read_at(std::uint64_t, std::span<std::uint8_t> into) {
  std::size_t filled = 0;
  while (filled < into.size() && !is_at_end_) {
    if (left_.empty()) {
      auto block = in_->next();
      if (!block) return fail(std::move(block).error());
      left_ = *block;
      is_at_end_ = left_.empty();
    }
    const auto size = std::min(left_.size(), into.size() - filled);
    std::copy_n(left_.begin(), size, into.begin() + static_cast<std::ptrdiff_t>(filled));
    left_ = left_.subspan(size);
    filled += size;
  }
  return filled;
}

}  // namespace sm::sealing
