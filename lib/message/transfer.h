#pragma once
// Content transfer encodings: quoted-printable and base64 (RFC 2045 §6.7, §6.8), in pieces.
//
// Encoders give lines of at most 76 characters and no line end after the last; what they give
// decodes to exactly the octets that went in. Decoders are for mail from anywhere: they take what
// other programs take, and say whether it was clean.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace sm::message {

class Base64Encoder {
 public:
  void feed(Bytes bytes, std::string& out);
  void finish(std::string& out);

 private:
  static constexpr std::size_t kLine = 57;  ///< octets that make 76 characters
  void put_line(Bytes line, std::string& out);
  std::array<std::uint8_t, kLine> held_{};
  std::size_t held_size_ = 0;
  bool has_lines_ = false;
};

/// For text: CRLF stays a line end; a CR or LF alone, "=", controls and octets above 126 are
/// encoded, and so are blanks at the end of a line.
class QuotedPrintableEncoder {
 public:
  void feed(Bytes bytes, std::string& out);
  void finish(std::string& out);

 private:
  void put(std::uint8_t octet, std::string& out);
  void put_encoded(std::uint8_t octet, std::string& out);
  void put_token(const char* token, std::size_t size, std::string& out);
  void put_run(std::string_view run, std::string& out);
  void flush_blank(bool is_line_end, std::string& out);
  std::size_t column_ = 0;
  std::uint8_t held_blank_ = 0;
  bool holds_cr_ = false;
};

/// Skips what is not in the alphabet; goes on after padding, where a new run may begin.
class Base64Decoder {
 public:
  void feed(Bytes bytes, std::string& out);
  void finish();
  /// Only letters of the alphabet, line ends, blanks and right padding came.
  [[nodiscard]] bool is_clean() const { return is_clean_; }

 private:
  std::uint32_t value_ = 0;
  int bits_ = 0;
  int digits_ = 0;  ///< in the current group of four
  int padding_ = 0;
  bool is_clean_ = true;
};

/// A "=" that begins no escape stays as it is; blanks at the end of a line go (RFC 2045 §6.7 (3)).
class QuotedPrintableDecoder {
 public:
  void feed(Bytes bytes, std::string& out);
  void finish(std::string& out);
  [[nodiscard]] bool is_clean() const { return is_clean_; }

 private:
  void put(char c, std::string& out);
  std::string held_;  ///< blanks, or an escape that has not ended
  bool is_clean_ = true;
};

}  // namespace sm::message
