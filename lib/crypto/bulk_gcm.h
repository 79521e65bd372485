#pragma once
// AES-256-GCM for large amounts, by libipsec-mb where it is installed: its code for processors with
// VAES is two to three times as fast as OpenSSL 3.0's. It is looked for only when it is asked for,
// and believed only after it gave what OpenSSL gives. Without it nothing changes but the speed.

#include <cstdint>
#include <memory>
#include <span>

#include "base/secret.h"

namespace sm::crypto {

class BulkGcm {
 public:
  /// Null where the library is not there, the processor has no VAES, or the self-test fails.
  static std::unique_ptr<BulkGcm> make(std::span<const std::uint8_t, 32> key);
  BulkGcm(const BulkGcm&) = delete;
  BulkGcm& operator=(const BulkGcm&) = delete;
  ~BulkGcm();

  /// As Aes256Gcm's; `out` has room for plaintext and tag.
  void seal(std::span<const std::uint8_t, 12> nonce, Bytes aad, Bytes plaintext, std::uint8_t* out);
  /// Decrypts, and gives the tag that would be right: the caller compares.
  void open(std::span<const std::uint8_t, 12> nonce, Bytes aad, Bytes ciphertext, std::uint8_t* out,
            std::span<std::uint8_t, 16> tag);

 private:
  struct State;
  explicit BulkGcm(State* state) : state_(state) {}
  State* state_;
};

}  // namespace sm::crypto
