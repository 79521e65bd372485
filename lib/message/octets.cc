#include "message/octets.h"

#include <algorithm>
#include <cstring>

namespace sm::message {
namespace {

constexpr std::uint64_t kHighBits = 0x8080808080808080;

}  // namespace

bool has_8bit(std::string_view bytes) {
  std::uint64_t seen = 0;
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, 8);
    seen |= word;
  }
  for (; i < bytes.size(); ++i)
    seen |= static_cast<std::uint8_t>(bytes[i]);
  return (seen & kHighBits) != 0;
}

std::uint64_t count_8bit(std::string_view bytes) {
  if (!has_8bit(bytes)) return 0;
  return static_cast<std::uint64_t>(std::count_if(
      bytes.begin(), bytes.end(), [](char c) { return static_cast<std::uint8_t>(c) > 127; }));
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

void Utf8Stream::feed(std::string_view bytes) {
  if (!is_valid_) return;
  if (missing_ == 0 && !has_8bit(bytes)) return;
  for (const char c : bytes)
    feed_octet(static_cast<std::uint8_t>(c));
}

void Utf8Stream::feed_octet(std::uint8_t octet) {
  if (missing_ > 0) {
    if (octet < low_ || octet > high_) is_valid_ = false;
    --missing_;
    low_ = 0x80;
    high_ = 0xbf;
    return;
  }
  if (octet < 0x80) return;
  // RFC 3629 §4: the first octet bounds the second, against overlong forms and surrogates.
  if (octet >= 0xc2 && octet <= 0xdf) {
    missing_ = 1;
  } else if (octet >= 0xe0 && octet <= 0xef) {
    missing_ = 2;
    if (octet == 0xe0) low_ = 0xa0;
    if (octet == 0xed) high_ = 0x9f;
  } else if (octet >= 0xf0 && octet <= 0xf4) {
    missing_ = 3;
    if (octet == 0xf0) low_ = 0x90;
    if (octet == 0xf4) high_ = 0x8f;
  } else {
    is_valid_ = false;
  }
}

}  // namespace sm::message
