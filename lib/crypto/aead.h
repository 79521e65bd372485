#pragma once
// Authenticated encryption with associated data (AEAD): AES-256-GCM (NIST SP 800-38D) and
// XAES-256-GCM (c2sp.org/XAES-256-GCM), over OpenSSL's EVP.
//
// AES-256-GCM has a nonce of 12 bytes that must never meet two plaintexts under one key: callers
// take it from a counter, under a key that is used once. XAES-256-GCM derives such a key from half
// of a nonce of 24 bytes, which is long enough to be drawn at random each time. Neither commits to
// its key: who needs that adds a commitment (crypto/chunked.h does).
//
// Nothing here says why something does not open: a wrong key, another nonce, other associated data
// and a changed ciphertext look the same.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/secret.h"

struct evp_cipher_ctx_st;

namespace sm::crypto {

class BulkGcm;

inline constexpr std::size_t kTagSize = 16;
inline constexpr std::size_t kGcmNonceSize = 12;
inline constexpr std::size_t kXaesNonceSize = 24;

using AeadKey = SecretKey<32>;
using GcmNonce = std::span<const std::uint8_t, kGcmNonceSize>;
using XaesNonce = std::span<const std::uint8_t, kXaesNonceSize>;

/// What an Aes256Gcm is for. For bulk data a faster library is used where there is one
/// (crypto/bulk_gcm.h); the bytes are the same.
enum class Amount { small, bulk };

/// AES-256-GCM under one key, whose schedule is computed once however many chunks follow. One
/// object belongs to one thread; make one for each thread that works.
class Aes256Gcm {
 public:
  explicit Aes256Gcm(std::span<const std::uint8_t, 32> key, Amount amount = Amount::small);
  explicit Aes256Gcm(const AeadKey& key, Amount amount = Amount::small)
      : Aes256Gcm(key.reveal(), amount) {}
  Aes256Gcm(Aes256Gcm&&) noexcept;
  Aes256Gcm& operator=(Aes256Gcm&&) noexcept;
  ~Aes256Gcm();

  /// Writes ciphertext ‖ tag. `out` has plaintext.size() + 16 bytes; it may begin at the plaintext
  /// itself, and must not overlap it otherwise. The nonce was never used with this key before.
  void seal(GcmNonce nonce, Bytes aad, Bytes plaintext, std::span<std::uint8_t> out);

  /// Opens ciphertext ‖ tag into `out` (sealed.size() - 16 bytes; in place or apart). False: it is
  /// not what seal made with this key, nonce and aad, and `out` is zeros.
  [[nodiscard]] bool open(GcmNonce nonce, Bytes aad, Bytes sealed, std::span<std::uint8_t> out);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
  std::unique_ptr<BulkGcm> bulk_;  ///< null: EVP does everything
};

/// XAES-256-GCM: ciphertext ‖ tag. The nonce is random, fresh each time.
std::vector<std::uint8_t> xaes_seal(const AeadKey& key, XaesNonce nonce, Bytes aad,
                                    Bytes plaintext);

/// The plaintext, or nothing when it does not open.
std::optional<Secret> xaes_open(const AeadKey& key, XaesNonce nonce, Bytes aad, Bytes sealed);

}  // namespace sm::crypto
