#pragma once
// What octets of a body are, block by block: 8-bit or not, UTF-8 or not.

#include <cstdint>
#include <string_view>

namespace sm::message {

/// How many octets above 127 there are.
std::uint64_t count_8bit(std::string_view bytes);
bool has_8bit(std::string_view bytes);

/// 0 to 15, in either case; -1 for any other character.
int hex_digit(char c);

/// Well-formed UTF-8 (RFC 3629 §4) that comes in pieces.
class Utf8Stream {
 public:
  void feed(std::string_view bytes);
  /// So far; a character may still be incomplete.
  [[nodiscard]] bool is_valid() const { return is_valid_; }
  /// At the end: valid, and no character is cut.
  [[nodiscard]] bool is_complete() const { return is_valid_ && missing_ == 0; }

 private:
  void feed_octet(std::uint8_t octet);
  bool is_valid_ = true;
  int missing_ = 0;          ///< continuation octets still to come
  std::uint8_t low_ = 0x80;  ///< bounds of the next one
  std::uint8_t high_ = 0xbf;
};

}  // namespace sm::message
