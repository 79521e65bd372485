#pragma once
// Cobblestone-256 (c2sp.org/chunked-encryption with SHA-512 and AES-256-GCM): a message of up to
// 4 PiB as chunks of 16 KiB, each of which can be opened alone and in any order.
//
// From an input key, a fresh random salt and a context come, by HKDF-Expand, one AES key, one base
// nonce and a commitment, by which a body opens under one key only. Chunk k is sealed under the
// base nonce XOR k. The last chunk is always shorter than 16 KiB (empty, if need be): that is how
// its end is known, and a message cut anywhere is seen to be cut.
//
// Sealed: salt(24) ‖ commitment(32) ‖ chunks of 16,400 bytes, the last of 16 to 16,399.

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/secret.h"
#include "crypto/aead.h"

namespace sm::crypto {

inline constexpr std::size_t kChunkSize = 16384;
inline constexpr std::size_t kSealedChunkSize = kChunkSize + kTagSize;
inline constexpr std::size_t kChunkedSaltSize = 24;
inline constexpr std::size_t kCommitmentSize = 32;
inline constexpr std::size_t kChunkedPrefixSize = kChunkedSaltSize + kCommitmentSize;
inline constexpr std::uint64_t kMaxChunks = std::uint64_t{1} << 38;
/// 4 PiB - 1.
inline constexpr std::uint64_t kMaxChunkedSize = kMaxChunks * kChunkSize - 1;

using ChunkedSalt = std::array<std::uint8_t, kChunkedSaltSize>;
/// salt ‖ commitment: what a sealed message begins with, and what names it.
using ChunkedPrefix = std::array<std::uint8_t, kChunkedPrefixSize>;

/// Bytes of the sealed message, prefix included; `size` at most kMaxChunkedSize.
constexpr std::uint64_t sealed_size(std::uint64_t size) {
  return kChunkedPrefixSize + size + kTagSize * (size / kChunkSize + 1);
}
/// Bytes of plaintext in a sealed message of that size, or nothing where no message has that size
/// (it was cut, or something was added).
constexpr std::optional<std::uint64_t> plaintext_size(std::uint64_t sealed) {
  if (sealed < kChunkedPrefixSize + kTagSize) return std::nullopt;
  const std::uint64_t chunks = (sealed - kChunkedPrefixSize) / kSealedChunkSize;
  const std::uint64_t last = (sealed - kChunkedPrefixSize) % kSealedChunkSize;
  if (last < kTagSize || chunks >= kMaxChunks) return std::nullopt;
  return chunks * kChunkSize + last - kTagSize;
}

/// What one salt makes of one input key. The salt must be fresh for each message.
class ChunkedKeys {
 public:
  static ChunkedKeys derive(const AeadKey& input_key, const ChunkedSalt& salt, Bytes context);
  /// With a fresh random salt, to seal a new message.
  static ChunkedKeys fresh(const AeadKey& input_key, Bytes context);
  /// To open the message that begins with `prefix`: nothing where the commitment is not this key's
  /// (another key, another context, or a changed prefix).
  static std::optional<ChunkedKeys> matching(const AeadKey& input_key, const ChunkedPrefix& prefix,
                                             Bytes context);

  [[nodiscard]] const ChunkedPrefix& prefix() const { return prefix_; }
  [[nodiscard]] ChunkedKeys clone() const;

 private:
  friend class ChunkCipher;
  friend struct ChunkedKeysInspection;  ///< tests compare key and base nonce with the vectors
  ChunkedPrefix prefix_{};
  AeadKey key_;
  std::array<std::uint8_t, kGcmNonceSize> base_nonce_{};
};

/// Seals and opens chunks; one object for each thread.
class ChunkCipher {
 public:
  explicit ChunkCipher(const ChunkedKeys& keys, Amount amount = Amount::small)
      : cipher_(keys.key_, amount), base_nonce_(keys.base_nonce_) {}

  /// `plaintext` is 16,384 bytes, or fewer in the last chunk; `out` 16 more. `index` below
  /// kMaxChunks, and never used twice with different plaintext.
  void seal(std::uint64_t index, Bytes plaintext, std::span<std::uint8_t> out);
  /// False: not chunk `index` of this message, and `out` is zeros. Whether the last chunk is
  /// shorter than 16 KiB, and the only one that is, stays the caller's to see.
  [[nodiscard]] bool open(std::uint64_t index, Bytes sealed, std::span<std::uint8_t> out);

 private:
  [[nodiscard]] std::array<std::uint8_t, kGcmNonceSize> nonce(std::uint64_t index) const;
  Aes256Gcm cipher_;
  std::array<std::uint8_t, kGcmNonceSize> base_nonce_;
};

}  // namespace sm::crypto
