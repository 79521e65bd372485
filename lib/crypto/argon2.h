#pragma once
// Argon2id (RFC 9106): a key out of a password, slow and large in memory on purpose, so that
// guessing is expensive. The parameters come from outside with the salt; they are a type of their
// own, which cannot hold what would allocate terabytes or run for a day.

#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/aead.h"

namespace sm::crypto {

inline constexpr std::size_t kArgon2SaltSize = 16;

/// Time cost, memory cost and lanes (RFC 9106 §3.1), within our caps.
class Argon2Params {
 public:
  /// What we write: t=3, m=65536 (64 MiB), p=4.
  Argon2Params() = default;
  /// Nothing unless 1 ≤ t ≤ 16, 1 ≤ p ≤ 16 and 8p ≤ m ≤ 1048576 (1 GiB).
  static std::optional<Argon2Params> checked(std::uint64_t t, std::uint64_t m_kib, std::uint64_t p);
  [[nodiscard]] std::uint32_t t() const { return t_; }
  [[nodiscard]] std::uint32_t m_kib() const { return m_kib_; }
  [[nodiscard]] std::uint32_t p() const { return p_; }
  bool operator==(const Argon2Params&) const = default;

 private:
  std::uint32_t t_ = 3;
  std::uint32_t m_kib_ = 65536;
  std::uint32_t p_ = 4;
};

/// 32 bytes. Errc::temporary where the memory cannot be had.
Result<AeadKey> argon2id(Bytes password, std::span<const std::uint8_t, kArgon2SaltSize> salt,
                         const Argon2Params& params);

}  // namespace sm::crypto
