#pragma once
// X25519 (RFC 7748): two key pairs give one shared secret, which whoever knows only the public
// keys does not learn.

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/secret.h"

namespace sm::crypto {

using X25519Public = std::array<std::uint8_t, 32>;
using X25519Private = SecretKey<32>;

struct X25519Pair {
  X25519Private private_key;
  X25519Public public_key{};
};

X25519Pair generate_x25519();
X25519Public x25519_public(const X25519Private& key);

/// Nothing where the shared secret is all zeros (RFC 7748 §6.1: the public key is of low order).
std::optional<SecretKey<32>> x25519_shared(const X25519Private& key, const X25519Public& peer);

}  // namespace sm::crypto
