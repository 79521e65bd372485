#pragma once
// A message that passes through: read once, given out again byte for byte with fields before it.
//
// From a regular file the bytes are mapped, and read a second time to be given out. From a pipe the
// body is kept in a message::Scratch: in memory while it is small, else encrypted in a file without
// a name. Either way memory is bounded and nothing is on disk in the clear. Line ends stay as they
// came, LF or CRLF; what is hashed always has CRLF.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/printer.h"
#include "message/header.h"
#include "message/scratch.h"

namespace sm::smsign {

/// Bytes of a regular file, mapped.
class Mapping {
 public:
  /// From the descriptor's place to the file's end; nothing where it is no regular file.
  static std::optional<Mapping> of(int fd);
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();
  [[nodiscard]] std::string_view bytes() const { return bytes_; }
  /// Tells the kernel that these bytes will not be needed soon.
  void let_go(std::string_view part) const;

 private:
  Mapping(void* start, std::size_t size, std::string_view bytes)
      : start_(start), size_(size), bytes_(bytes) {}
  void* start_;
  std::size_t size_;
  std::string_view bytes_;
};

class Passage {
 public:
  /// Takes pieces of the body, lines ending in CRLF.
  using TakeBody = std::function<void(Bytes)>;

  /// `take_body` must outlive read().
  explicit Passage(TakeBody take_body) : take_body_(std::move(take_body)) {}
  Passage(const Passage&) = delete;
  Passage& operator=(const Passage&) = delete;

  /// Reads all of the descriptor. Errc::malformed for a message that two readers could read in two
  /// ways: mixed line ends, a bare CR, a NUL, a header with a line that is no field, white space
  /// before a colon.
  Result<void> read(int fd);

  /// Fields with CRLF.
  [[nodiscard]] const message::HeaderIndex& header() const { return header_; }

  /// `fields` (with CRLF), then the message in the line ends it came with. An mbox "From " line and
  /// Return-Path, which is the final delivery's to add (RFC 5321 §4.4), are left out; a missing
  /// last line end is added.
  Result<void> write(std::string_view fields, cli::Printer& out) const;

 private:
  enum class Ends { unknown, lf, crlf };

  Result<void> read_mapping();
  Result<void> read_pipe(int fd);
  /// Takes header bytes of the block; what is left of it is body.
  Result<std::string_view> take_header(std::string_view block);
  Result<void> index_header();
  Result<std::string> normalised_header() const;
  Result<void> take_body(std::string_view block);
  Result<void> check_lines(std::string_view block);
  Result<void> finish();
  [[nodiscard]] Unexpected refuse(const std::string& why, std::string hint = {}) const;
  [[nodiscard]] std::string in_own_ends(std::string_view crlf_text) const;

  TakeBody take_body_;
  Ends ends_ = Ends::unknown;
  bool is_in_body_ = false;      ///< the empty line that parts header and body was there
  bool lacks_last_end_ = false;  ///< of the body
  std::uint64_t line_ = 1;
  char last_ = '\n';         ///< the body's byte before the current block
  std::string header_text_;  ///< as it came; with CRLF once it is indexed
  std::string converted_;    ///< a piece of body with its LFs made CRLFs
  message::HeaderIndex header_;
  std::optional<Mapping> mapping_;
  std::string_view mapped_body_;
  std::optional<message::Scratch> scratch_;
};

}  // namespace sm::smsign
