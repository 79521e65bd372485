#pragma once
// Message digests: SHA-256 and SHA-512 (FIPS 180-4), over OpenSSL's EVP, fetched once.

#include <array>
#include <cstdint>
#include <memory>

#include "base/secret.h"

struct evp_md_ctx_st;

namespace sm::crypto {

enum class Hash { sha256, sha512 };

using Sha256 = std::array<std::uint8_t, 32>;
using Sha512 = std::array<std::uint8_t, 64>;

/// SHA-256 of a message that comes in pieces.
class Sha256Stream {
 public:
  Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept = default;
  Sha256Stream& operator=(Sha256Stream&&) noexcept = default;
  void update(Bytes bytes);
  /// The digest; the stream begins anew.
  Sha256 finish();
  /// The digest of what came so far; the stream goes on.
  [[nodiscard]] Sha256 peek() const;
  /// A stream that has taken the same bytes and goes its own way.
  [[nodiscard]] Sha256Stream clone() const;

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

Sha256 sha256(Bytes bytes);
/// Of a ‖ b: one byte or label before a message, without copying it.
Sha256 sha256(Bytes a, Bytes b);
Sha512 sha512(Bytes bytes);
Sha256 hmac_sha256(Bytes key, Bytes bytes);
Sha512 hmac_sha512(Bytes key, Bytes bytes);

}  // namespace sm::crypto
