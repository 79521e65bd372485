#include "crypto/x25519.h"

#include <cstdlib>
#include <memory>

#include <openssl/evp.h>

#include "crypto/must.h"
#include "crypto/random.h"

namespace sm::crypto {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using ExchangeContext = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;

// Any 32 bytes are a key (RFC 7748 §5).
Key load(const X25519Private& key) {
  Key loaded(EVP_PKEY_new_raw_private_key_ex(nullptr, "X25519", nullptr, key.reveal().data(), 32),
             EVP_PKEY_free);
  must(loaded != nullptr);
  return loaded;
}

}  // namespace

X25519Pair generate_x25519() {
  X25519Pair pair{random_key<32>(), {}};
  pair.public_key = x25519_public(pair.private_key);
  return pair;
}

X25519Public x25519_public(const X25519Private& key) {
  X25519Public public_key{};
  std::size_t size = public_key.size();
  must(EVP_PKEY_get_raw_public_key(load(key).get(), public_key.data(), &size) == 1 && size == 32);
  return public_key;
}

std::optional<SecretKey<32>> x25519_shared(const X25519Private& key, const X25519Public& peer) {
  const Key own = load(key);
  const Key other(EVP_PKEY_new_raw_public_key_ex(nullptr, "X25519", nullptr, peer.data(), 32),
                  EVP_PKEY_free);
  must(other != nullptr);
  const ExchangeContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), nullptr),
                                EVP_PKEY_CTX_free);
  must(context != nullptr && EVP_PKEY_derive_init(context.get()) == 1);
  must(EVP_PKEY_derive_set_peer(context.get(), other.get()) == 1);
  SecretKey<32> shared;
  std::size_t size = 32;
  // OpenSSL refuses an all-zero result itself; whether it does is not left to its version.
  if (EVP_PKEY_derive(context.get(), shared.writable().data(), &size) != 1) return std::nullopt;
  constexpr std::array<std::uint8_t, 32> kZeros{};
  if (size != 32 || equal_constant_time(shared.reveal(), kZeros)) return std::nullopt;
  return shared;
}

}  // namespace sm::crypto
