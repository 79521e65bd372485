#pragma once
// What the short way and the long way of reading a line agree on: which characters a field may
// hold. Part of scan.h.

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sm::audit {

/// Larger integers are strings: they do not survive every reader (RFC 8259 §6).
inline constexpr std::uint64_t kMostExact = std::uint64_t{1} << 53;

using CharacterClass = std::array<bool, 256>;

constexpr CharacterClass class_of(std::string_view characters) {
  CharacterClass members{};
  for (const char c : characters) {
    members[static_cast<unsigned char>(c)] = true;
  }
  return members;
}

inline constexpr auto kBase64UrlDigits =
    class_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
/// The last of the 43 digits of 32 bytes: its two lowest bits are zero (RFC 4648 §3.5).
inline constexpr auto kLastOf32Bytes = class_of("AEIMQUYcgkosw048");

inline bool consists_of(std::string_view text, const CharacterClass& members) {
  unsigned good = 1;
  for (const char c : text) {
    good &= members[static_cast<unsigned char>(c)] ? 1u : 0u;
  }
  return good != 0;
}

/// Whether they are SHA-256 in base64url, sorted.
inline bool are_digests(const std::vector<std::string_view>& digests) {
  return std::all_of(digests.begin(), digests.end(),
                     [](std::string_view one) {
                       return one.size() == 43 && consists_of(one, kBase64UrlDigits) &&
                              kLastOf32Bytes[static_cast<unsigned char>(one[42])];
                     }) &&
         std::is_sorted(digests.begin(), digests.end());
}

/// Whether the digits of a timestamp ("2026-11-21T10:00:00…", its shape known) can be a time.
constexpr bool is_possible_time(std::string_view ts) {
  const auto two = [&](std::size_t at) { return (ts[at] - '0') * 10 + (ts[at + 1] - '0'); };
  return two(5) >= 1 && two(5) <= 12 && two(8) >= 1 && two(8) <= 31 && two(11) <= 23 &&
         two(14) <= 59 && two(17) <= 60;
}

}  // namespace sm::audit
