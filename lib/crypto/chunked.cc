#include "crypto/chunked.h"

#include <algorithm>
#include <cstdlib>

#include "crypto/hkdf.h"
#include "crypto/random.h"

namespace sm::crypto {
namespace {

// The specification's info begins with this text and a zero byte.
constexpr std::string_view kLabel{"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0", 48};

}  // namespace

ChunkedKeys ChunkedKeys::derive(const AeadKey& input_key, const ChunkedSalt& salt, Bytes context) {
  Secret info(as_bytes(kLabel));
  info.append(salt);
  info.append(context);
  std::array<std::uint8_t, 32 + kGcmNonceSize + kCommitmentSize> derived{};
  hkdf_expand_sha512(input_key.reveal(), info.reveal(), derived);

  ChunkedKeys keys;
  std::copy_n(derived.begin(), 32, keys.key_.writable().begin());
  std::copy_n(derived.begin() + 32, kGcmNonceSize, keys.base_nonce_.begin());
  std::copy_n(salt.begin(), salt.size(), keys.prefix_.begin());
  std::copy_n(derived.begin() + 32 + kGcmNonceSize, kCommitmentSize,
              keys.prefix_.begin() + kChunkedSaltSize);
  wipe(derived.data(), derived.size());
  return keys;
}

ChunkedKeys ChunkedKeys::fresh(const AeadKey& input_key, Bytes context) {
  return derive(input_key, random_bytes<kChunkedSaltSize>(), context);
}

std::optional<ChunkedKeys> ChunkedKeys::matching(const AeadKey& input_key,
                                                 const ChunkedPrefix& prefix, Bytes context) {
  ChunkedSalt salt;
  std::copy_n(prefix.begin(), salt.size(), salt.begin());
  ChunkedKeys keys = derive(input_key, salt, context);
  if (!equal_constant_time(keys.prefix_, prefix)) return std::nullopt;
  return keys;
}

ChunkedKeys ChunkedKeys::clone() const {
  ChunkedKeys copy;
  copy.prefix_ = prefix_;
  copy.key_ = key_.clone();
  copy.base_nonce_ = base_nonce_;
  return copy;
}

std::array<std::uint8_t, kGcmNonceSize> ChunkCipher::nonce(std::uint64_t index) const {
  if (index >= kMaxChunks) std::abort();  // the next would repeat a nonce: never go on
  auto nonce = base_nonce_;
  for (std::size_t i = 0; i < 8; ++i) {
    auto& byte = nonce[nonce.size() - 1 - i];
    byte = static_cast<std::uint8_t>(byte ^ (index >> (8 * i)));
  }
  return nonce;
}

void ChunkCipher::seal(std::uint64_t index, Bytes plaintext, std::span<std::uint8_t> out) {
  if (plaintext.size() > kChunkSize) std::abort();
  cipher_.seal(nonce(index), {}, plaintext, out);
}

bool ChunkCipher::open(std::uint64_t index, Bytes sealed, std::span<std::uint8_t> out) {
  if (index >= kMaxChunks || sealed.size() > kSealedChunkSize) return false;
  return cipher_.open(nonce(index), {}, sealed, out);
}

}  // namespace sm::crypto
