#include "crypto/aead.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <openssl/evp.h>

#include "crypto/bulk_gcm.h"
#include "crypto/must.h"

namespace sm::crypto {
namespace {

// Fetched once; EVP_aes_256_gcm() would be looked up again for each context.
const EVP_CIPHER* gcm_cipher() {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  must(cipher != nullptr);
  return cipher;
}

const EVP_CIPHER* block_cipher() {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr);
  must(cipher != nullptr);
  return cipher;
}

using Block = std::array<std::uint8_t, 16>;

/// The raw AES-256 block function, as CMAC uses it.
class BlockCipher {
 public:
  explicit BlockCipher(const AeadKey& key) : context_(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free) {
    must(context_ != nullptr);
    must(EVP_EncryptInit_ex2(context_.get(), block_cipher(), key.reveal().data(), nullptr,
                             nullptr) == 1);
    must(EVP_CIPHER_CTX_set_padding(context_.get(), 0) == 1);
  }
  void encrypt(const Block& in, std::uint8_t* out) {
    int size = 0;
    must(EVP_EncryptUpdate(context_.get(), out, &size, in.data(), static_cast<int>(in.size())) ==
         1);
    must(size == static_cast<int>(in.size()));
  }

 private:
  std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context_;
};

/// c2sp.org/XAES-256-GCM, steps 1 and 2: CMAC's subkey K1, the encrypted zero block doubled in
/// GF(2^128).
Block cmac_subkey(BlockCipher& cipher) {
  Block l{};
  cipher.encrypt(Block{}, l.data());
  Block k1{};
  for (std::size_t i = 0; i < k1.size(); ++i) {
    const unsigned next = i + 1 < l.size() ? l[i + 1] >> 7 : 0;
    k1[i] = static_cast<std::uint8_t>(l[i] << 1 | next);
  }
  // Without a branch on key material.
  k1[15] = static_cast<std::uint8_t>(k1[15] ^ (0x87 & (0 - (l[0] >> 7))));
  wipe(l.data(), l.size());
  return k1;
}

/// Steps 3 to 5: the AES-256-GCM key for the nonce's first 12 bytes.
AeadKey derive_xaes_key(const AeadKey& key, XaesNonce nonce) {
  BlockCipher cipher(key);
  Block k1 = cmac_subkey(cipher);
  AeadKey derived;
  for (std::uint8_t i = 1; i <= 2; ++i) {
    Block m{0, i, 'X', 0};
    std::copy_n(nonce.begin(), kGcmNonceSize, m.begin() + 4);
    for (std::size_t j = 0; j < m.size(); ++j)
      m[j] = static_cast<std::uint8_t>(m[j] ^ k1[j]);
    cipher.encrypt(m, derived.writable().data() + (i - 1) * 16);
    wipe(m.data(), m.size());
  }
  wipe(k1.data(), k1.size());
  return derived;
}

void add_aad(EVP_CIPHER_CTX* context, Bytes aad) {
  int size = 0;
  if (aad.empty()) return;
  must(EVP_CipherUpdate(context, nullptr, &size, aad.data(), static_cast<int>(aad.size())) == 1);
}

/// Whether the faster library seals as OpenSSL does; tried once, before it seals anything.
bool bulk_is_right() {
  static const bool is_right = [] {
    AeadKey key;
    std::ranges::fill(key.writable(), std::uint8_t{0x5a});
    const auto bulk = BulkGcm::make(key.reveal());
    if (!bulk) return false;
    Aes256Gcm plain(key);
    const std::array<std::uint8_t, kGcmNonceSize> nonce{1, 2, 3};
    for (const std::size_t size : {0, 1, 15, 16, 17, 255, 4096, 16383, 16384}) {
      const std::vector<std::uint8_t> text(size, 0xa5);
      std::vector<std::uint8_t> a(size + kTagSize);
      std::vector<std::uint8_t> b(size + kTagSize);
      plain.seal(GcmNonce(nonce), {}, text, a);
      bulk->seal(GcmNonce(nonce), {}, text, b.data());
      if (a != b) return false;
    }
    return true;
  }();
  return is_right;
}

}  // namespace

void Aes256Gcm::Free::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);  // wipes the key schedule
}

Aes256Gcm::Aes256Gcm(std::span<const std::uint8_t, 32> key, Amount amount)
    : context_(EVP_CIPHER_CTX_new()) {
  must(context_ != nullptr);
  must(EVP_CipherInit_ex2(context_.get(), gcm_cipher(), key.data(), nullptr, 1, nullptr) == 1);
  if (amount == Amount::bulk && bulk_is_right()) bulk_ = BulkGcm::make(key);
}

Aes256Gcm::Aes256Gcm(Aes256Gcm&&) noexcept = default;
Aes256Gcm& Aes256Gcm::operator=(Aes256Gcm&&) noexcept = default;
Aes256Gcm::~Aes256Gcm() = default;

void Aes256Gcm::seal(GcmNonce nonce, Bytes aad, Bytes plaintext, std::span<std::uint8_t> out) {
  must(out.size() == plaintext.size() + kTagSize);
  must(plaintext.size() <= INT32_MAX && aad.size() <= INT32_MAX);
  if (bulk_) return bulk_->seal(nonce, aad, plaintext, out.data());
  EVP_CIPHER_CTX* context = context_.get();
  int size = 0;
  must(EVP_CipherInit_ex2(context, nullptr, nullptr, nonce.data(), 1, nullptr) == 1);
  add_aad(context, aad);
  must(plaintext.empty() || EVP_CipherUpdate(context, out.data(), &size, plaintext.data(),
                                             static_cast<int>(plaintext.size())) == 1);
  must(EVP_CipherFinal_ex(context, out.data() + plaintext.size(), &size) == 1);
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagSize,
                           out.data() + plaintext.size()) == 1);
}

bool Aes256Gcm::open(GcmNonce nonce, Bytes aad, Bytes sealed, std::span<std::uint8_t> out) {
  if (sealed.size() < kTagSize) return false;
  const Bytes ciphertext = sealed.first(sealed.size() - kTagSize);
  must(out.size() == ciphertext.size());
  must(sealed.size() <= INT32_MAX && aad.size() <= INT32_MAX);
  std::array<std::uint8_t, kTagSize> tag{};
  std::copy_n(sealed.data() + ciphertext.size(), kTagSize, tag.begin());
  if (bulk_) {
    std::array<std::uint8_t, kTagSize> right{};
    bulk_->open(nonce, aad, ciphertext, out.data(), right);
    if (equal_constant_time(tag, right)) return true;
    wipe(out.data(), out.size());
    return false;
  }
  EVP_CIPHER_CTX* context = context_.get();
  int size = 0;
  must(EVP_CipherInit_ex2(context, nullptr, nullptr, nonce.data(), 0, nullptr) == 1);
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) == 1);
  add_aad(context, aad);
  must(ciphertext.empty() || EVP_CipherUpdate(context, out.data(), &size, ciphertext.data(),
                                              static_cast<int>(ciphertext.size())) == 1);
  std::uint8_t none = 0;
  if (EVP_CipherFinal_ex(context, &none, &size) == 1) return true;
  wipe(out.data(), out.size());
  return false;
}

std::vector<std::uint8_t> xaes_seal(const AeadKey& key, XaesNonce nonce, Bytes aad,
                                    Bytes plaintext) {
  std::vector<std::uint8_t> sealed(plaintext.size() + kTagSize);
  Aes256Gcm(derive_xaes_key(key, nonce)).seal(nonce.last<kGcmNonceSize>(), aad, plaintext, sealed);
  return sealed;
}

std::optional<Secret> xaes_open(const AeadKey& key, XaesNonce nonce, Bytes aad, Bytes sealed) {
  if (sealed.size() < kTagSize) return std::nullopt;
  Secret plaintext(sealed.size() - kTagSize);
  Aes256Gcm gcm(derive_xaes_key(key, nonce));
  if (!gcm.open(nonce.last<kGcmNonceSize>(), aad, sealed, plaintext.writable())) {
    return std::nullopt;
  }
  return plaintext;
}

}  // namespace sm::crypto
