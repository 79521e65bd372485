#pragma once
// Byte strings of a fixed size in text: canonical base64 and base64url of exactly N bytes.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/encoding.h"

namespace sm::envelope {

template <std::size_t N>
std::optional<std::array<std::uint8_t, N>> exactly(
    const std::optional<std::vector<std::uint8_t>>& bytes) {
  if (!bytes || bytes->size() != N) return std::nullopt;
  std::array<std::uint8_t, N> out;
  std::copy_n(bytes->begin(), N, out.begin());
  return out;
}

template <std::size_t N>
std::optional<std::array<std::uint8_t, N>> fixed_from_base64(std::string_view text) {
  return exactly<N>(from_base64(text));
}

template <std::size_t N>
std::optional<std::array<std::uint8_t, N>> fixed_from_base64url(std::string_view text) {
  return exactly<N>(from_base64url(text));
}

}  // namespace sm::envelope
