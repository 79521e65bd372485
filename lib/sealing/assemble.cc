#include "sealing/assemble.h"

#include <algorithm>
#include <variant>
#include <vector>

#include "base/encoding.h"
#include "base/file_name.h"
#include "base/text.h"
#include "crypto/random.h"
#include "message/header.h"
#include "message/parameters.h"
#include "message/transfer.h"

namespace sm::sealing {
namespace {

constexpr std::size_t kBlock = 57 * 1024;  // whole lines of base64

/// Octets of a part as they are, from an offset on.
struct Raw {
  std::size_t part;
  std::uint64_t from;
};
struct Base64 {
  std::size_t part;
};
using Piece = std::variant<std::string, Raw, Base64>;

class Assembled final : public message::Source {
 public:
  Assembled(envelope::Envelope& envelope, std::vector<Piece> pieces)
      : envelope_(envelope), pieces_(std::move(pieces)), in_(kBlock) {}

  Result<Bytes> next() override {
    out_.clear();
    while (out_.empty() && at_ < pieces_.size()) {
      auto done = std::visit([&](const auto& piece) { return give(piece); }, pieces_[at_]);
      if (!done) return fail(std::move(done).error());
      if (*done) {
        ++at_;
        open_.reset();
        encoder_ = {};
      }
    }
    sent_.swap(out_);
    return as_bytes(sent_);
  }

 private:
  /// True when the piece is at its end.
  Result<bool> give(const std::string& text) {
    out_ = text;
    return true;
  }
  Result<bool> give(const Raw& raw) {
    auto read = fill(raw.part, raw.from);
    if (!read) return fail(std::move(read).error());
    out_ = as_text(in_.reveal().first(*read));
    return *read == 0;
  }
  Result<bool> give(const Base64& piece) {
    auto read = fill(piece.part, 0);
    if (!read) return fail(std::move(read).error());
    if (*read > 0) {
      encoder_.feed(in_.reveal().first(*read), out_);
      return false;
    }
    encoder_.finish(out_);
    return true;
  }
  Result<std::size_t> fill(std::size_t part, std::uint64_t from) {
    if (!open_) {
      auto opened = envelope_.part(part);
      if (!opened) return fail(std::move(opened).error());
      open_.emplace(std::move(*opened));
      offset_ = from;
    }
    auto read = open_->read(offset_, in_.writable());
    if (read) offset_ += *read;
    return read;
  }

  envelope::Envelope& envelope_;
  std::vector<Piece> pieces_;
  std::size_t at_ = 0;
  std::optional<envelope::OpenPart> open_;
  std::uint64_t offset_ = 0;
  message::Base64Encoder encoder_;
  Secret in_;
  std::string out_, sent_;
};

/// The header of the message part; empty where it has none that is one.
Result<std::string> header_of(envelope::Envelope& envelope, std::size_t part) {
  auto opened = envelope.part(part);
  if (!opened) return fail(std::move(opened).error());
  std::string text(message::HeaderIndex::kMaxBytes + 2, '\0');
  auto read = opened->read(
      0, std::span<std::uint8_t>(reinterpret_cast<std::uint8_t*>(text.data()), text.size()));
  if (!read) return fail(std::move(read).error());
  text.resize(*read);
  if (text.starts_with("\r\n")) return std::string();
  const auto end = text.find("\r\n\r\n");
  return end == text.npos ? std::string() : text.substr(0, end + 2);
}

bool describes_content(std::string_view name) {
  return starts_with_ignoring_case(name, "content-") || equal_ignoring_case(name, "mime-version");
}

/// A type out of a manifest, where it is one: "image/png".
std::string checked_type(std::string_view type) {
  const auto slash = type.find('/');
  const auto is_token = [](char c) {
    return is_alnum(c) || std::string_view("!#$&-^_.+").find(c) != std::string_view::npos;
  };
  const bool is_type =
      slash != type.npos && slash > 0 && slash + 1 < type.size() &&
      std::all_of(type.begin(), type.end(), [&](char c) { return c == '/' || is_token(c); }) &&
      type.find('/', slash + 1) == type.npos;
  // RFC 2046 §5: these two may not be encoded in base64.
  const bool is_composite =
      starts_with_ignoring_case(type, "message/") || starts_with_ignoring_case(type, "multipart/");
  return is_type && !is_composite ? std::string(type) : "application/octet-stream";
}

std::string file_header(const envelope::PartInfo& info, std::size_t n) {
  std::string name = safe_file_name(info.name.value_or(""));
  if (name.empty()) name = "part-" + std::to_string(n);
  return "Content-Type: " + checked_type(info.type) +
         "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment" +
         message::parameter_text("filename", name) + "\r\n\r\n";
}

}  // namespace

Result<std::unique_ptr<message::Source>> assemble(envelope::Envelope& envelope) {
  const auto& parts = envelope.manifest().parts;
  const auto is_message = [](const envelope::Part& part) {
    return part.info.role == envelope::Role::message;
  };
  const auto found = std::find_if(parts.begin(), parts.end(), is_message);
  const bool has_message = found != parts.end();
  const std::size_t message_part =
      has_message ? static_cast<std::size_t>(found - parts.begin()) + 1 : 0;
  if (has_message && parts.size() == 1) {
    return std::unique_ptr<message::Source>(
        std::make_unique<Assembled>(envelope, std::vector<Piece>{Raw{1, 0}}));
  }
  std::string header;
  if (has_message) {
    auto read = header_of(envelope, message_part);
    if (!read) return fail(std::move(read).error());
    header = std::move(*read);
  }
  auto index = message::HeaderIndex::parse(header, message::Syntax::lenient);
  if (!index) return fail(std::move(index).error(), "the sealed message's header");

  const auto boundary = "=_" + to_base64url(crypto::random_bytes<18>());
  std::string outer;
  std::string inner;
  for (const auto& field : *index)
    (describes_content(field.name) ? inner : outer) += field.raw;
  outer += "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"" + boundary +
           "\"\r\n\r\n--" + boundary + "\r\n" + inner + "\r\n";
  std::vector<Piece> pieces = {outer};
  if (has_message) pieces.emplace_back(Raw{message_part, header.size() + 2});
  for (std::size_t n = 1; n <= parts.size(); ++n) {
    if (n == message_part) continue;
    pieces.emplace_back("\r\n--" + boundary + "\r\n" + file_header(parts[n - 1].info, n));
    pieces.emplace_back(Base64{n});
  }
  pieces.emplace_back("\r\n--" + boundary + "--\r\n");
  return std::unique_ptr<message::Source>(std::make_unique<Assembled>(envelope, std::move(pieces)));
}

}  // namespace sm::sealing
