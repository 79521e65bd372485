#include "message/mime.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "message/octets.h"

namespace sm::message {
namespace {

/// RFC 2046 §5.1.1: 1 to 70 characters of bchars, not ending in a space.
bool is_boundary(std::string_view text) {
  static constexpr std::string_view kOthers = "'()+_,-./:=? ";
  return !text.empty() && text.size() <= 70 && text.back() != ' ' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alnum(c) || kOthers.find(c) != kOthers.npos; });
}

TransferEncoding parse_encoding(std::string_view value) {
  const auto field = parse_structured(value);
  if (!field) return TransferEncoding::unknown;
  if (field->value == "7bit") return TransferEncoding::seven_bit;
  if (field->value == "8bit") return TransferEncoding::eight_bit;
  if (field->value == "binary") return TransferEncoding::binary;
  if (field->value == "quoted-printable") return TransferEncoding::quoted_printable;
  if (field->value == "base64") return TransferEncoding::base64;
  return TransferEncoding::unknown;
}

bool is_identity(TransferEncoding encoding) {
  return encoding == TransferEncoding::seven_bit || encoding == TransferEncoding::eight_bit ||
         encoding == TransferEncoding::binary;
}

/// A multipart whose closing delimiter has not come yet.
struct Open {
  std::size_t part;
  std::string boundary;
};

enum class Delimiter { none, between, closing };

Delimiter match(std::string_view line, std::string_view boundary) {
  // RFC 2046 §5.1.1: "--" boundary, "--" again at the end, white space that transport added.
  if (!line.substr(2).starts_with(boundary)) return Delimiter::none;
  const auto rest = trimmed(line.substr(2 + boundary.size()), " \t\r\n");
  if (rest.empty()) return Delimiter::between;
  return line.substr(2 + boundary.size()).starts_with("--") && rest == "--" ? Delimiter::closing
                                                                            : Delimiter::none;
}

class Scanner {
 public:
  explicit Scanner(MimeLimits limits) : limits_(limits) {}

  Result<void> begin(const HeaderIndex& header);
  Result<void> feed(std::string_view block);
  Result<std::vector<Part>> finish();

 private:
  enum class Place { header, leaf, around };  ///< around: before, between and after parts

  [[nodiscard]] Unexpected refuse(const std::string& why) const {
    return fail(Errc::malformed, "MIME part " + std::to_string(parts_.size()) + ": " + why);
  }

  Result<void> take_line(std::string_view line, std::uint64_t size, std::uint64_t eight_bit);
  Result<bool> take_delimiter(std::string_view line, std::uint64_t begin);
  Result<void> begin_part(std::size_t parent);
  Result<void> take_header_line(std::string_view line, std::uint64_t size);
  Result<void> cut_header(std::uint64_t end);
  Result<void> read_header(std::uint64_t end, std::uint64_t body_begin);
  Result<void> describe(Part& part, const HeaderIndex& header);
  Result<void> enter(std::size_t part);
  Result<void> end_parts(std::size_t above, std::uint64_t end);

  MimeLimits limits_;
  std::vector<Part> parts_;
  std::vector<Open> open_;
  std::size_t current_ = 0;
  Place place_ = Place::leaf;
  std::string header_;  ///< of the current part
  std::size_t header_bytes_ = 0;
  std::uint64_t at_ = 0;
  // A line that came in pieces.
  std::string held_;
  std::uint64_t held_size_ = 0;
  std::uint64_t held_8bit_ = 0;
};

Result<void> Scanner::begin(const HeaderIndex& header) {
  parts_.emplace_back();
  if (auto described = describe(parts_[0], header); !described) return described;
  return enter(0);
}

Result<void> Scanner::feed(std::string_view block) {
  constexpr std::size_t kMostHeld = 65536;  // more than a delimiter or a part's header can be
  while (!block.empty()) {
    const auto newline = block.find('\n');
    const auto piece = block.substr(0, newline == block.npos ? block.npos : newline + 1);
    block.remove_prefix(piece.size());
    const auto eight_bit = count_8bit(piece);
    if (newline != block.npos && held_size_ == 0) {
      if (auto taken = take_line(piece, piece.size(), eight_bit); !taken) return taken;
      continue;
    }
    held_ += piece.substr(0, kMostHeld - std::min(kMostHeld, held_.size()));
    held_size_ += piece.size();
    held_8bit_ += eight_bit;
    if (newline == block.npos) continue;
    auto taken = take_line(held_, held_size_, held_8bit_);
    held_.clear();
    held_size_ = held_8bit_ = 0;
    if (!taken) return taken;
  }
  return {};
}

/// A whole line; `line` may be cut, `size` is the true one.
Result<void> Scanner::take_line(std::string_view line, std::uint64_t size,
                                std::uint64_t eight_bit) {
  const std::uint64_t begin = at_;
  at_ += size;
  if (!open_.empty() && line.starts_with("--")) {
    const auto taken = take_delimiter(line, begin);
    if (!taken) return fail(taken.error());
    if (*taken) return {};
  }
  if (place_ == Place::header) return take_header_line(line, size);
  parts_[current_].eight_bit += eight_bit;
  return {};
}

/// The delimiter of an open multipart, the innermost first; one of an outer multipart ends all
/// inside it.
Result<bool> Scanner::take_delimiter(std::string_view line, std::uint64_t begin) {
  for (std::size_t i = open_.size(); i-- > 0;) {
    const auto delimiter = match(line, open_[i].boundary);
    if (delimiter == Delimiter::none) continue;
    const std::size_t multipart = open_[i].part;
    if (auto ended = end_parts(multipart, begin); !ended) return fail(ended.error());
    if (delimiter == Delimiter::between) {
      open_.resize(i + 1);
      auto begun = begin_part(multipart);
      if (!begun) return fail(begun.error());
    } else {
      open_.resize(i);
      parts_[multipart].close = begin;
      current_ = multipart;
      place_ = Place::around;
    }
    return true;
  }
  return false;
}

Result<void> Scanner::begin_part(std::size_t parent) {
  if (parts_.size() == limits_.parts) {
    return refuse("more than " + std::to_string(limits_.parts) + " parts");
  }
  const int depth = parts_[parent].depth + 1;
  if (depth > limits_.depth) {
    return refuse("parts are more than " + std::to_string(limits_.depth) + " deep");
  }
  Part part;
  part.parent = parent;
  part.depth = depth;
  part.header = {at_, at_};
  current_ = parts_.size();
  parts_.push_back(std::move(part));
  place_ = Place::header;
  header_.clear();
  return {};
}

Result<void> Scanner::take_header_line(std::string_view line, std::uint64_t size) {
  constexpr std::size_t kMostHeader = 65536;
  if (trimmed(line, "\r\n").empty()) {
    if (auto read = read_header(at_ - size, at_); !read) return read;
    return enter(current_);
  }
  header_bytes_ += size;
  if (header_.size() + size > kMostHeader || header_bytes_ > limits_.header_bytes) {
    return refuse("its header is too large");
  }
  header_ += line;
  return {};
}

Result<void> Scanner::read_header(std::uint64_t end, std::uint64_t body_begin) {
  auto& part = parts_[current_];
  part.header.end = end;
  part.body = {body_begin, body_begin};
  const auto header = HeaderIndex::parse(header_, Syntax::lenient);
  if (!header) return refuse(header.error().what);
  return describe(part, *header);
}

/// No empty line ends the header: a part without content, unless it must have parts.
Result<void> Scanner::cut_header(std::uint64_t end) {
  if (auto read = read_header(end, end); !read) return read;
  if (!parts_[current_].is_leaf()) return refuse("no empty line ends its header");
  place_ = Place::leaf;
  return {};
}

/// What the header says of the part.
Result<void> Scanner::describe(Part& part, const HeaderIndex& header) {
  const bool is_in_digest =
      part.parent != Part::kNoParent && parts_[part.parent].type.value == "multipart/digest";
  part.type.value = is_in_digest ? "message/rfc822" : "text/plain";
  part.is_header_8bit = has_8bit(header.bytes());
  part.is_signed = header.count("DKIM-Signature") > 0;
  if (header.count("Content-Type") > 1) return refuse("it has two Content-Type fields");
  if (const auto* field = header.first("Content-Type")) {
    auto type = parse_structured(field->value);
    if (!type) return refuse(type.error().what);
    part.type = *std::move(type);
    part.has_type = true;
  }
  if (header.count("Content-Transfer-Encoding") > 1) {
    return refuse("it has two Content-Transfer-Encoding fields");
  }
  if (const auto* field = header.first("Content-Transfer-Encoding")) {
    part.encoding = parse_encoding(field->value);
    const auto offset = static_cast<std::uint64_t>(field->raw.data() - header.bytes().data());
    if (part.parent != Part::kNoParent) {
      part.encoding_field = {part.header.begin + offset,
                             part.header.begin + offset + field->raw.size()};
    }
  }
  std::optional<StructuredField> disposition;
  if (const auto* field = header.first("Content-Disposition")) {
    // It decides nothing about structure: one that cannot be read is as none.
    if (auto parsed = parse_structured(field->value)) disposition = *std::move(parsed);
  }
  if (disposition) part.disposition = disposition->value;
  const auto* name = disposition ? disposition->find("filename") : nullptr;
  if (name == nullptr) name = part.type.find("name");
  if (name != nullptr) part.file_name = to_valid_utf8(*name);
  return {};
}

/// The header is known: what comes is parts, a message, or content.
Result<void> Scanner::enter(std::size_t index) {
  const Part& part = parts_[index];
  current_ = index;
  place_ = part.is_leaf() ? Place::leaf : Place::around;
  if (part.is_message()) return begin_part(index);
  if (!part.is_multipart()) return {};
  // RFC 2045 §6.4: no other encoding is allowed here, and readers differ over what it would mean.
  if (!is_identity(part.encoding)) return refuse("a multipart is encoded");
  const auto* boundary = part.type.find_parameter("boundary");
  if (boundary == nullptr) return refuse("a multipart has no boundary");
  if (!boundary->is_plain || !is_boundary(boundary->value)) {
    return refuse("a boundary has other characters than it may, or more than 70");
  }
  open_.push_back({index, boundary->value});
  return {};
}

/// Ends the current part and those that it is in, up to, not including, `above`. The CRLF before a
/// delimiter belongs to the delimiter.
Result<void> Scanner::end_parts(std::size_t above, std::uint64_t end) {
  constexpr std::uint64_t kLineEnd = 2;
  if (place_ == Place::header) {
    if (auto cut = cut_header(end); !cut) return cut;
  }
  for (std::size_t i = current_; i != above; i = parts_[i].parent) {
    auto& body = parts_[i].body;
    body.end = std::max(body.begin, end - std::min(end, kLineEnd));
  }
  return {};
}

Result<std::vector<Part>> Scanner::finish() {
  if (held_size_ > 0) {
    if (auto taken = take_line(held_, held_size_, held_8bit_); !taken) return fail(taken.error());
  }
  if (place_ == Place::header) {
    if (auto cut = cut_header(at_); !cut) return fail(cut.error());
  }
  for (std::size_t i = current_; i != Part::kNoParent; i = parts_[i].parent)
    parts_[i].body.end = at_;
  return std::move(parts_);
}

}  // namespace

bool Part::is_message() const {
  return (type.value == "message/rfc822" || type.value == "message/global") &&
         is_identity(encoding);
}

bool Part::is_sealed() const {
  return is_signed || is_sealed_type(type.value);
}

bool is_sealed_type(std::string_view type) {
  return type == "multipart/signed" || type == "multipart/encrypted" ||
         type == "application/pkcs7-mime" || type == "application/x-pkcs7-mime";
}

Result<std::vector<Part>> scan_mime(const HeaderIndex& header, Source& body, MimeLimits limits) {
  Scanner scanner(limits);
  if (auto begun = scanner.begin(header); !begun) return fail(begun.error());
  for (;;) {
    const auto block = body.next();
    if (!block) return fail(block.error());
    if (block->empty()) return scanner.finish();
    if (auto fed = scanner.feed(as_text(*block)); !fed) return fail(fed.error());
  }
}

}  // namespace sm::message
