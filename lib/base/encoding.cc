#include "base/encoding.h"

#include <array>

namespace sm {
namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::uint8_t kNotADigit = 0xff;

constexpr std::array<std::uint8_t, 256> reverse(std::string_view alphabet) {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNotADigit);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    digits[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}
constexpr auto kFromBase64 = reverse(kBase64);
constexpr auto kFromBase64Url = reverse(kBase64Url);

/// Calls put(char) for each digit of the encoding.
template <class Put>
void encode(Bytes bytes, std::string_view alphabet, bool is_padded, Put put) {
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t v = std::uint32_t{bytes[i]} << 16 | bytes[i + 1] << 8 | bytes[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6)
      put(alphabet[v >> shift & 63]);
  }
  const std::size_t rest = bytes.size() - i;
  if (rest == 0) return;
  const std::uint32_t v =
      std::uint32_t{bytes[i]} << 16 | (rest == 2 ? std::uint32_t{bytes[i + 1]} << 8 : 0);
  put(alphabet[v >> 18 & 63]);
  put(alphabet[v >> 12 & 63]);
  if (rest == 2) put(alphabet[v >> 6 & 63]);
  for (std::size_t pad = rest; is_padded && pad < 3; ++pad)
    put('=');
}

/// Decodes unpadded digits; calls put(byte). False when the text is not canonical.
template <class Put>
bool decode(std::string_view text, const std::array<std::uint8_t, 256>& digits, Put put) {
  if (text.size() % 4 == 1) return false;
  std::uint32_t value = 0;
  int bits = 0;
  for (const char c : text) {
    const std::uint8_t digit = digits[static_cast<std::uint8_t>(c)];
    if (digit == kNotADigit) return false;
    value = (value << 6 | digit) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      put(static_cast<std::uint8_t>(value >> bits));
    }
  }
  return (value & ((1u << bits) - 1)) == 0;  // RFC 4648 §3.5: trailing bits must be zero
}

/// Removes the padding of a text whose length must be a multiple of four.
std::optional<std::string_view> without_padding(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.ends_with("==")) return text.substr(0, text.size() - 2);
  if (text.ends_with('=')) return text.substr(0, text.size() - 1);
  return text;
}

}  // namespace

std::string to_base64(Bytes bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '\0');
  std::size_t size = 0;
  encode(bytes, kBase64, true, [&](char c) { text[size++] = c; });
  return text;
}

std::string to_base64url(Bytes bytes) {
  std::string text((bytes.size() * 4 + 2) / 3, '\0');
  std::size_t size = 0;
  encode(bytes, kBase64Url, false, [&](char c) { text[size++] = c; });
  return text;
}

std::string to_hex(Bytes bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text.push_back(kHex[byte >> 4]);
    text.push_back(kHex[byte & 15]);
  }
  return text;
}

std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text) {
  const auto digits = without_padding(text);
  if (!digits) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(digits->size() * 3 / 4);
  if (!decode(*digits, kFromBase64, [&](std::uint8_t b) { bytes.push_back(b); })) {
    return std::nullopt;
  }
  return bytes;
}

std::optional<std::vector<std::uint8_t>> from_base64url(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() * 3 / 4);
  if (!decode(text, kFromBase64Url, [&](std::uint8_t b) { bytes.push_back(b); })) {
    return std::nullopt;
  }
  return bytes;
}

std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = kHex.find(text[i]);
    const auto low = kHex.find(text[i + 1]);
    if (high == kHex.npos || low == kHex.npos) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return bytes;
}

std::optional<Secret> secret_from_base64(std::string_view text) {
  const auto digits = without_padding(text);
  if (!digits) return std::nullopt;
  Secret bytes(digits->size() * 3 / 4);
  std::size_t size = 0;
  if (!decode(*digits, kFromBase64, [&](std::uint8_t b) { bytes.writable()[size++] = b; })) {
    return std::nullopt;
  }
  return bytes;
}

Secret secret_to_base64(Bytes bytes) {
  Secret text((bytes.size() + 2) / 3 * 4);
  std::size_t size = 0;
  encode(bytes, kBase64, true,
         [&](char c) { text.writable()[size++] = static_cast<std::uint8_t>(c); });
  return text;
}

}  // namespace sm
