#pragma once
// HKDF with SHA-512 (RFC 5869): keys out of keys. Extract makes one uniform key of input that has
// enough secret in it; Expand makes any number of independent keys of a uniform one, told apart by
// `info`. Passwords have not enough in them for either: crypto/argon2.h is for those.

#include <array>
#include <cstdint>
#include <span>

#include "base/secret.h"

namespace sm::crypto {

/// RFC 5869 §2.3: the most that one Expand gives, 255 digests.
inline constexpr std::size_t kHkdfMost = 255 * 64;

/// RFC 5869 §2.3, `out` filled with 1 to kHkdfMost bytes. `prk` is uniform.
void hkdf_expand_sha512(Bytes prk, Bytes info, std::span<std::uint8_t> out);

/// RFC 5869 §2: Extract, then Expand. An empty salt is 64 zeros.
void hkdf_sha512(Bytes salt, Bytes input, Bytes info, std::span<std::uint8_t> out);

}  // namespace sm::crypto
