#include "passage.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

namespace sm::smsign {
namespace {

constexpr std::size_t kPiece = 1024 * 1024;
constexpr std::size_t kBlock = 65536;
constexpr std::string_view kStdin = "standard input";

std::string_view as_chars(const std::array<std::uint8_t, kBlock>& block, std::size_t size) {
  return {reinterpret_cast<const char*>(block.data()), size};
}

/// "From somebody Sat Nov 21 …" and not the field "From :".
bool is_mbox_line(std::string_view line) {
  return line.starts_with("From ") && !trimmed(line.substr(4), " \t").starts_with(':');
}

}  // namespace

std::optional<Mapping> Mapping::of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const off_t place = ::lseek(fd, 0, SEEK_CUR);
  if (place < 0 || place >= status.st_size) return std::nullopt;
  const auto size = static_cast<std::size_t>(status.st_size);
  void* start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (start == MAP_FAILED) return std::nullopt;
  ::madvise(start, size, MADV_SEQUENTIAL);
  ::lseek(fd, status.st_size, SEEK_SET);  // as if it had been read
  const auto skipped = static_cast<std::size_t>(place);
  return Mapping(start, size,
                 std::string_view(static_cast<const char*>(start), size).substr(skipped));
}

Mapping::Mapping(Mapping&& other) noexcept
    : start_(std::exchange(other.start_, nullptr)), size_(other.size_), bytes_(other.bytes_) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(start_, other.start_);
  std::swap(size_, other.size_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Mapping::~Mapping() {
  if (start_) ::munmap(start_, size_);
}

void Mapping::let_go(std::string_view part) const {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<std::size_t>(part.data() - static_cast<const char*>(start_));
  const std::size_t begin = offset / page * page;
  const std::size_t end = (offset + part.size()) / page * page;
  if (end > begin) ::madvise(static_cast<char*>(start_) + begin, end - begin, MADV_DONTNEED);
}

Unexpected Passage::refuse(const std::string& why, std::string hint) const {
  return fail(Errc::malformed, "line " + std::to_string(line_) + ": " + why, std::move(hint));
}

Result<void> Passage::read(int fd) {
  mapping_ = Mapping::of(fd);
  auto taken = mapping_ ? read_mapping() : read_pipe(fd);
  if (!taken) return taken;
  return finish();
}

Result<void> Passage::read_mapping() {
  for (std::string_view rest = mapping_->bytes(); !rest.empty();) {
    const std::string_view piece = rest.substr(0, kPiece);
    rest.remove_prefix(piece.size());
    std::string_view body = piece;
    if (!is_in_body_) {
      const auto left = take_header(piece);
      if (!left) return fail(left.error());
      body = *left;
      if (is_in_body_) mapped_body_ = {body.data(), body.size() + rest.size()};
    }
    if (auto taken = take_body(body); !taken) return taken;
    mapping_->let_go(piece);
  }
  return {};
}

Result<void> Passage::read_pipe(int fd) {
  scratch_.emplace();
  std::array<std::uint8_t, kBlock> block;
  for (;;) {
    const auto size = read_full(fd, block.data(), block.size(), kStdin);
    if (!size) return fail(size.error());
    std::string_view body = as_chars(block, *size);
    if (!is_in_body_) {
      const auto left = take_header(body);
      if (!left) return fail(left.error());
      body = *left;
    }
    if (!body.empty()) {
      if (auto kept = scratch_->append(body); !kept) return kept;
      if (auto taken = take_body(body); !taken) return taken;
    }
    if (*size < block.size()) return scratch_->finish();
  }
}

Result<std::string_view> Passage::take_header(std::string_view block) {
  // The empty line may lie across the blocks' border.
  const std::size_t before = header_text_.size();
  header_text_ += block.substr(0, message::HeaderIndex::kMaxBytes + 4);
  std::size_t at = before < 2 ? 0 : before - 2;
  std::size_t end = header_text_.npos;
  while (end == header_text_.npos && at < header_text_.size()) {
    const bool is_line_start = at == 0 || header_text_[at - 1] == '\n';
    const std::string_view rest = std::string_view(header_text_).substr(at);
    if (is_line_start && rest.starts_with('\n')) end = at + 1;
    if (is_line_start && rest.starts_with("\r\n")) end = at + 2;
    const auto newline = header_text_.find('\n', at);
    if (newline == header_text_.npos) break;
    at = newline + 1;
  }
  if (end == header_text_.npos) {
    if (header_text_.size() > message::HeaderIndex::kMaxBytes) {
      return fail(Errc::malformed, "the header is larger than 1 MiB");
    }
    return std::string_view();
  }
  is_in_body_ = true;
  header_text_.resize(end);
  if (auto indexed = index_header(); !indexed) return fail(indexed.error());
  return block.substr(end - before);
}

/// The header with CRLF, without the empty line after it and an mbox line before it. Its first line
/// end decides what all must be.
Result<std::string> Passage::normalised_header() const {
  std::string normalised;
  normalised.reserve(header_text_.size() + header_text_.size() / 32);
  std::string_view rest = header_text_;
  while (!rest.empty()) {
    const auto newline = rest.find('\n');
    std::string_view line = rest.substr(0, newline);
    rest.remove_prefix(newline == rest.npos ? rest.size() : newline + 1);
    const bool has_cr = line.ends_with('\r');
    if (newline != rest.npos && has_cr != (ends_ == Ends::crlf)) {
      return fail(Errc::malformed, "the header has bare LFs beside lines that end in CRLF",
                  "write all line ends as LF or all as CRLF");
    }
    if (has_cr) line.remove_suffix(1);
    if (line.find('\r') != line.npos) return fail(Errc::malformed, "the header has a bare CR");
    if (line.find('\0') != line.npos) return fail(Errc::malformed, "the header has a NUL");
    if (line.empty() && is_in_body_ && rest.empty()) break;
    if (normalised.empty() && is_mbox_line(line)) continue;
    normalised.append(line).append("\r\n");
  }
  return normalised;
}

Result<void> Passage::index_header() {
  const auto newline = header_text_.find('\n');
  const bool is_crlf =
      newline != header_text_.npos && newline > 0 && header_text_[newline - 1] == '\r';
  ends_ = is_crlf ? Ends::crlf : Ends::lf;
  line_ =
      1 + static_cast<std::uint64_t>(std::count(header_text_.begin(), header_text_.end(), '\n'));
  auto normalised = normalised_header();
  if (!normalised) return fail(normalised.error());
  header_text_ = std::move(normalised).value();
  auto index = message::HeaderIndex::parse(header_text_, message::Syntax::lenient);
  if (!index) return fail(index.error());
  header_ = std::move(index).value();
  for (const message::Field& field : header_) {
    if (field.raw[field.name.size()] != ':') {
      // RFC 5322 §4.5.8 lets readers accept it; they do not agree on what it is.
      return fail(Errc::malformed, "there is white space before the colon of " +
                                       printable(field.name) + ": receivers read that differently");
    }
  }
  return {};
}

Result<void> Passage::check_lines(std::string_view block) {
  while (!block.empty()) {
    const auto newline = block.find('\n');
    std::string_view line = block.substr(0, newline);
    if (last_ == '\r' && !block.starts_with('\n')) return refuse("a bare CR");
    bool ends_in_cr = line.empty() ? last_ == '\r' : line.ends_with('\r');
    if (!line.empty() && ends_in_cr) line.remove_suffix(1);
    if (line.find('\r') != line.npos) return refuse("a bare CR");
    if (line.find('\0') != line.npos) return refuse("a NUL");
    if (newline == block.npos) {
      last_ = block.back();
      return {};
    }
    if (ends_in_cr != (ends_ == Ends::crlf)) {
      return refuse(ends_in_cr ? "a CRLF beside lines that end in LF"
                               : "a bare LF beside lines that end in CRLF",
                    "write all line ends as LF or all as CRLF");
    }
    last_ = '\n';
    ++line_;
    block.remove_prefix(newline + 1);
  }
  return {};
}

Result<void> Passage::take_body(std::string_view block) {
  if (block.empty()) return {};
  if (auto checked = check_lines(block); !checked) return checked;
  if (ends_ == Ends::crlf) {
    take_body_(as_bytes(block));
    return {};
  }
  converted_.clear();
  while (!block.empty()) {
    const auto newline = block.find('\n');
    converted_ += block.substr(0, newline);
    if (newline == block.npos) break;
    converted_ += "\r\n";
    block.remove_prefix(newline + 1);
  }
  take_body_(as_bytes(converted_));
  return {};
}

Result<void> Passage::finish() {
  if (!is_in_body_) return index_header();
  if (last_ == '\r') return refuse("a bare CR");
  lacks_last_end_ = last_ != '\n';
  return {};
}

std::string Passage::in_own_ends(std::string_view crlf_text) const {
  std::string text(crlf_text);
  if (ends_ != Ends::crlf) text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
  return text;
}

Result<void> Passage::write(std::string_view fields, cli::Printer& out) const {
  out.print(in_own_ends(fields));
  for (const message::Field& field : header_) {
    if (!field.is("Return-Path")) out.print(in_own_ends(field.raw));
  }
  if (!is_in_body_) return out.flush();
  out.print(in_own_ends("\r\n"));
  if (mapping_) {
    for (std::string_view rest = mapped_body_; !rest.empty();) {
      const std::string_view piece = rest.substr(0, kPiece);
      rest.remove_prefix(piece.size());
      out.print(piece);
      if (auto written = out.flush(); !written) return written;
      mapping_->let_go(piece);
    }
  } else {
    const auto body = scratch_->open();
    for (;;) {
      const auto block = body->next();
      if (!block) return fail(block.error());
      if (block->empty()) break;
      out.print(as_text(*block));
      if (auto written = out.flush(); !written) return written;
    }
  }
  if (lacks_last_end_) out.print(in_own_ends("\r\n"));
  return out.flush();
}

}  // namespace sm::smsign
