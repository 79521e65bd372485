#include "message/reader.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "message/octets.h"

namespace sm::message {
namespace {

constexpr std::string_view kMboxFrom = "From ";

/// A line that looks like a field: name characters, perhaps blanks, a colon.
bool is_field_like(std::string_view line) {
  const auto end = std::find_if(line.begin(), line.end(),
                                [](char c) { return c <= 32 || c >= 127 || c == ':'; });
  if (end == line.begin()) return false;
  const auto rest = line.substr(static_cast<std::size_t>(end - line.begin()));
  return trimmed(rest, " \t").starts_with(':');
}

std::string without_return_path(const HeaderIndex& header) {
  std::string kept;
  for (const auto& field : header) {
    if (!field.is("Return-Path")) kept += field.raw;
  }
  return kept;
}

}  // namespace

/// Takes blocks in any cut, and turns them into lines of a header and a body.
class Reader {
 public:
  Reader(Purpose purpose, ScratchSpace space) : purpose_(purpose) {
    message_.header_bytes_ = std::make_unique<std::string>();
    message_.body_ = Scratch(std::move(space));
  }

  Result<void> feed(std::string_view block);
  Result<Message> finish();

 private:
  enum class LineEnds { unknown, lf, crlf };
  enum class Place { header, body };

  [[nodiscard]] bool is_strict() const { return purpose_ == Purpose::submission; }
  [[nodiscard]] Unexpected refuse(const std::string& why, std::string hint = {}) const {
    return fail(Errc::malformed, "line " + std::to_string(line_) + ": " + why, std::move(hint));
  }
  std::string& header() { return *message_.header_bytes_; }

  Result<void> take_piece(std::string_view piece);
  Result<void> end_line(LineEnds end);
  Result<void> end_header_line();
  Result<void> take_first_line(std::size_t begin, std::size_t end);
  Result<void> take_all_as_body();
  Result<void> append_body(std::string_view bytes);
  Result<void> index_header();

  Purpose purpose_;
  Message message_;
  Utf8Stream utf8_;
  Place place_ = Place::header;
  LineEnds line_ends_ = LineEnds::unknown;
  bool holds_cr_ = false;  ///< the last block ended in CR; what it is shows in the next
  std::uint64_t line_ = 1;
  std::size_t column_ = 0;
  std::size_t line_begin_ = 0;  ///< of the current line, in the header
  bool has_mbox_line_ = false;  ///< "From …" came first; what it is shows in the next line
};

Result<void> Reader::feed(std::string_view block) {
  while (!block.empty()) {
    if (holds_cr_ && block.front() != '\n') {
      holds_cr_ = false;
      if (auto taken = take_piece("\r"); !taken) return taken;
    }
    const auto newline = block.find('\n');
    auto piece = block.substr(0, newline);
    block.remove_prefix(newline == block.npos ? block.size() : newline + 1);
    const bool ends_in_cr = piece.ends_with('\r');
    if (ends_in_cr) piece.remove_suffix(1);
    if (auto taken = take_piece(piece); !taken) return taken;
    if (newline == block.npos) {
      holds_cr_ = ends_in_cr;
      continue;
    }
    const bool is_crlf = std::exchange(holds_cr_, false) || ends_in_cr;
    if (auto ended = end_line(is_crlf ? LineEnds::crlf : LineEnds::lf); !ended) return ended;
  }
  return {};
}

/// Part of a line, without its line end.
Result<void> Reader::take_piece(std::string_view piece) {
  column_ += piece.size();
  if (is_strict()) {
    // RFC 5321 §2.3.8: CR and LF only as CRLF. RFC 5322 §2.1.1: 998 octets; §4: NUL is obsolete.
    if (piece.find('\r') != piece.npos) return refuse("a bare CR");
    if (piece.find('\0') != piece.npos) return refuse("a NUL");
    if (column_ > HeaderIndex::kMaxLine) return refuse("it is longer than 998 octets");
  }
  if (place_ == Place::body) return append_body(piece);
  if (header().size() + piece.size() + 2 > HeaderIndex::kMaxBytes) {
    return refuse("the header is larger than 1 MiB");
  }
  header() += piece;
  return {};
}

Result<void> Reader::end_line(LineEnds end) {
  if (is_strict() && line_ends_ != LineEnds::unknown && end != line_ends_) {
    return refuse("a bare LF beside lines that end in CRLF",
                  "write all line ends as LF or all as CRLF");
  }
  line_ends_ = end;
  auto ended = place_ == Place::body ? append_body("\r\n") : end_header_line();
  ++line_;
  column_ = 0;
  return ended;
}

Result<void> Reader::end_header_line() {
  const std::size_t begin = line_begin_;
  const std::size_t end = header().size();
  header() += "\r\n";
  line_begin_ = header().size();
  if (begin == 0 || has_mbox_line_) return take_first_line(begin, end);
  if (begin == end) {  // RFC 5322 §2.1: an empty line ends the header
    header().resize(begin);
    place_ = Place::body;
  }
  return {};
}

/// The first line, or the one after an mbox line: it shows whether there is a header at all.
Result<void> Reader::take_first_line(std::size_t begin, std::size_t end) {
  const auto line = std::string_view(header()).substr(begin, end - begin);
  if (begin == 0 && line.empty()) {
    header().clear();
    place_ = Place::body;
    return {};
  }
  // "From : a@b" is a field (RFC 5322 §4.5.8): dropping it would change who the author is.
  if (begin == 0 && line.starts_with(kMboxFrom) && !is_field_like(line)) {
    has_mbox_line_ = true;
    return {};
  }
  if (!is_field_like(line)) return take_all_as_body();
  header().erase(0, begin);
  line_begin_ = header().size();
  has_mbox_line_ = false;
  return {};
}

Result<void> Reader::take_all_as_body() {
  place_ = Place::body;
  has_mbox_line_ = false;
  const std::string text = std::exchange(header(), {});
  return append_body(text);
}

Result<void> Reader::append_body(std::string_view bytes) {
  auto& facts = message_.facts_;
  facts.is_8bit = facts.is_8bit || has_8bit(bytes);
  utf8_.feed(bytes);
  return message_.body_.append(bytes);
}

Result<void> Reader::index_header() {
  const auto syntax = is_strict() ? Syntax::strict : Syntax::lenient;
  auto index = HeaderIndex::parse(header(), syntax);
  if (index && is_strict() && index->count("Return-Path") > 0) {
    // RFC 5321 §4.4: it is the final delivery's to add.
    header() = without_return_path(*index);
    index = HeaderIndex::parse(header(), syntax);
  }
  if (!index) return fail(std::move(index).error());
  message_.header_ = *std::move(index);
  return {};
}

Result<Message> Reader::finish() {
  if (std::exchange(holds_cr_, false)) {
    if (auto taken = take_piece("\r"); !taken) return fail(taken.error());
  }
  if (column_ > 0) {
    const auto end = line_ends_ == LineEnds::unknown ? LineEnds::lf : line_ends_;
    if (auto ended = end_line(end); !ended) return fail(ended.error());
  }
  if (has_mbox_line_) {
    if (auto taken = take_all_as_body(); !taken) return fail(taken.error());
  }
  if (auto indexed = index_header(); !indexed) return fail(indexed.error());
  if (auto finished = message_.body_.finish(); !finished) return fail(finished.error());
  message_.facts_.is_utf8 = utf8_.is_complete();
  return std::move(message_);
}

namespace {

/// Whoever writes into a pipe is not cut off by a refusal.
Unexpected drain(Source& source, Error error) {
  for (;;) {
    const auto block = source.next();
    if (!block || block->empty()) return fail(std::move(error));
  }
}

}  // namespace

Result<Message> read_message(Source& source, Purpose purpose, ScratchSpace space) {
  Reader reader(purpose, std::move(space));
  for (;;) {
    const auto block = source.next();
    if (!block) return fail(block.error());
    if (block->empty()) return reader.finish();
    if (auto fed = reader.feed(as_text(*block)); !fed) return drain(source, std::move(fed).error());
  }
}

}  // namespace sm::message
