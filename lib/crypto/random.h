#pragma once
// Random bytes from the kernel (getrandom(2)). There is no weaker source to fall back to: where the
// kernel gives none, the program ends.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/secret.h"

namespace sm::crypto {

void fill_random(std::span<std::uint8_t> bytes);

template <std::size_t N>
std::array<std::uint8_t, N> random_bytes() {
  std::array<std::uint8_t, N> bytes;
  fill_random(bytes);
  return bytes;
}

template <std::size_t N>
SecretKey<N> random_key() {
  SecretKey<N> key;
  fill_random(key.writable());
  return key;
}

/// Uniform in [0, bound), bound ≥ 1: for shuffling and for codes.
std::uint32_t random_below(std::uint32_t bound);

}  // namespace sm::crypto
