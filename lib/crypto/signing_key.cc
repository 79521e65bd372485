#include "crypto/signing_key.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/file.h"
#include "base/text.h"
#include "crypto/must.h"
#include "crypto/owned.h"
#include "crypto/private_key_pem.h"
#include "crypto/random.h"

namespace sm::crypto {
namespace {

constexpr unsigned kLeastRsaBits = 2048;  // RFC 8301 §3.2
constexpr unsigned kMostRsaBits = 8192;
constexpr std::size_t kMostKeyFile = 64 * 1024;

using DigestContext = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;

std::optional<KeyType> type_of(const EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      return KeyType::rsa;
    case EVP_PKEY_ED25519:
      return KeyType::ed25519;
    default:
      return std::nullopt;
  }
}

/// A key that d2i read from all of `der`, of a kind that we know.
SharedPkey checked(EVP_PKEY* key, const unsigned char* end, Bytes der) {
  SharedPkey shared = share(key);
  ERR_clear_error();
  if (!key || end != der.data() + der.size() || !type_of(key)) return nullptr;
  return shared;
}

/// RSA over a digest made elsewhere: PKCS #1 v1.5, SHA-256 (RFC 6376 §3.3.2).
bool set_rsa(EVP_PKEY_CTX* context) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
         EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1;
}

Ed25519Signature ed25519_sign(EVP_MD_CTX* context, Bytes message) {
  Ed25519Signature signature;
  std::size_t size = signature.size();
  must(EVP_DigestSign(context, signature.data(), &size, message.data(), message.size()) == 1);
  must(size == signature.size());
  return signature;
}

DigestContext ed25519_context(EVP_PKEY* key) {
  DigestContext context(EVP_MD_CTX_new());
  must(context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key) == 1);
  return context;
}

KeyContext rsa_context(EVP_PKEY* key) {
  KeyContext context(EVP_PKEY_CTX_new(key, nullptr));
  must(context != nullptr);
  if (EVP_PKEY_sign_init(context.get()) != 1 || !set_rsa(context.get())) return nullptr;
  return context;
}

/// Things of which each is used by one thread at a time.
template <class Thing>
class Pool {
 public:
  /// One that is idle, or null.
  Thing take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return {};
    Thing thing = std::move(idle_.back());
    idle_.pop_back();
    return thing;
  }
  void give(Thing thing) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(thing));
  }

 private:
  std::mutex mutex_;
  std::vector<Thing> idle_;
};

bool ed25519_verify(EVP_PKEY* key, Bytes message, Bytes signature) {
  const DigestContext context(EVP_MD_CTX_new());
  must(context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1);
  const bool is_good = EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                                        message.data(), message.size()) == 1;
  ERR_clear_error();
  return is_good;
}

}  // namespace

Ed25519Key::Ed25519Key(SharedPkey key) : key_(std::move(key)) {
  std::size_t size = public_.size();
  must(key_ && EVP_PKEY_get_raw_public_key(key_.get(), public_.data(), &size) == 1);
}

Ed25519Key Ed25519Key::generate() {
  const auto seed = random_key<32>();
  return from_seed(seed.reveal());
}

Ed25519Key Ed25519Key::from_seed(std::span<const std::uint8_t, 32> seed) {
  return Ed25519Key(
      share(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size())));
}

SecretKey<32> Ed25519Key::seed() const {
  SecretKey<32> seed;
  std::size_t size = 32;
  must(EVP_PKEY_get_raw_private_key(key_.get(), seed.writable().data(), &size) == 1);
  return seed;
}

Ed25519Signature Ed25519Key::sign(Bytes message) const {
  return ed25519_sign(ed25519_context(key_.get()).get(), message);
}

bool verify_ed25519(const Ed25519Public& key, Bytes message, Bytes signature) {
  const SharedPkey pkey =
      share(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  must(pkey != nullptr);
  return ed25519_verify(pkey.get(), message, signature);
}

std::optional<PublicKey> PublicKey::from_spki(Bytes der) {
  const unsigned char* at = der.data();
  EVP_PKEY* key = d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size()));
  if (auto shared = checked(key, at, der)) return PublicKey(std::move(shared));
  return std::nullopt;
}

std::optional<PublicKey> PublicKey::from_pkcs1(Bytes der) {
  const unsigned char* at = der.data();
  EVP_PKEY* key = d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, static_cast<long>(der.size()));
  if (auto shared = checked(key, at, der)) return PublicKey(std::move(shared));
  return std::nullopt;
}

std::optional<PublicKey> PublicKey::from_ed25519(Bytes raw) {
  if (raw.size() != Ed25519Public{}.size()) return std::nullopt;
  SharedPkey key =
      share(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw.data(), raw.size()));
  must(key != nullptr);
  return PublicKey(std::move(key));
}

KeyType PublicKey::type() const {
  return *type_of(key_.get());
}

unsigned PublicKey::bits() const {
  return type() == KeyType::ed25519 ? 256u : static_cast<unsigned>(EVP_PKEY_get_bits(key_.get()));
}

std::vector<std::uint8_t> PublicKey::spki() const {
  const int size = i2d_PUBKEY(key_.get(), nullptr);
  must(size > 0);
  std::vector<std::uint8_t> der(static_cast<std::size_t>(size));
  unsigned char* at = der.data();
  must(i2d_PUBKEY(key_.get(), &at) == size);
  return der;
}

std::optional<Ed25519Public> PublicKey::ed25519() const {
  if (type() != KeyType::ed25519) return std::nullopt;
  Ed25519Public raw;
  std::size_t size = raw.size();
  must(EVP_PKEY_get_raw_public_key(key_.get(), raw.data(), &size) == 1);
  return raw;
}

bool PublicKey::verify(const Sha256& digest, Bytes signature) const {
  if (type() == KeyType::ed25519) return ed25519_verify(key_.get(), digest, signature);
  const KeyContext context(EVP_PKEY_CTX_new(key_.get(), nullptr));
  must(context && EVP_PKEY_verify_init(context.get()) == 1 && set_rsa(context.get()));
  const bool is_good = EVP_PKEY_verify(context.get(), signature.data(), signature.size(),
                                       digest.data(), digest.size()) == 1;
  ERR_clear_error();
  return is_good;
}

std::optional<Sha256> PublicKey::signed_digest(Bytes signature) const {
  if (type() != KeyType::rsa) return std::nullopt;
  const KeyContext context(EVP_PKEY_CTX_new(key_.get(), nullptr));
  must(context && EVP_PKEY_verify_recover_init(context.get()) == 1 && set_rsa(context.get()));
  std::vector<std::uint8_t> recovered(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())));
  std::size_t size = recovered.size();
  const bool is_done = EVP_PKEY_verify_recover(context.get(), recovered.data(), &size,
                                               signature.data(), signature.size()) == 1;
  ERR_clear_error();
  Sha256 digest;
  if (!is_done || size != digest.size()) return std::nullopt;
  std::copy_n(recovered.begin(), size, digest.begin());
  return digest;
}

bool operator==(const PublicKey& a, const PublicKey& b) {
  return EVP_PKEY_eq(a.key_.get(), b.key_.get()) == 1;
}

class SigningKey::Contexts {
 public:
  Pool<KeyContext> rsa;
  Pool<DigestContext> ed25519;
};

SigningKey::SigningKey(SharedPkey key, bool is_on_token)
    : key_(std::move(key)), contexts_(std::make_shared<Contexts>()), is_on_token_(is_on_token) {}

SigningKey SigningKey::generate_ed25519() {
  return SigningKey(Ed25519Key::generate());
}

Result<SigningKey> SigningKey::generate_rsa(unsigned bits) {
  if (bits < kLeastRsaBits || bits > kMostRsaBits) {
    return fail(Errc::usage, "an RSA key of " + std::to_string(bits) + " bits is not made",
                "2048 is what DNS and receivers take; 8192 is the most that is verified");
  }
  EVP_PKEY* key = EVP_RSA_gen(bits);
  if (!key) return fail(Errc::temporary, "making an RSA key failed");
  return SigningKey(share(key), false);
}

Result<SigningKey> SigningKey::from_pem(const Secret& pem, const std::string& name) {
  PemDefect defect;
  SharedPkey key = read_private_key(pem.reveal(), defect);
  switch (defect) {
    case PemDefect::none:
      return SigningKey(std::move(key), false);
    case PemDefect::unreadable:
      return fail(Errc::malformed, name + " holds no PEM private key that can be read",
                  "smsign keygen makes one");
    case PemDefect::encrypted:
      return fail(Errc::malformed, name + " is encrypted with a passphrase",
                  "store it without one, readable by its owner alone");
    case PemDefect::another_kind:
      return fail(Errc::malformed, name + " is neither an RSA nor an Ed25519 key");
  }
  return fail(Errc::bug, "a defect of a kind that does not exist");
}

Result<SigningKey> SigningKey::from_file(const std::string& path, bool is_credential) {
  const auto pem = read_secret_file(path, kMostKeyFile, is_credential);
  if (!pem) return fail(pem.error());
  return from_pem(*pem, path);
}

Result<SigningKey> SigningKey::open(const std::string& file_or_uri, bool is_credential,
                                    PinSource* pin) {
  if (starts_with_ignoring_case(file_or_uri, "pkcs11:")) return from_token(file_or_uri, pin);
  return from_file(file_or_uri, is_credential);
}

KeyType SigningKey::type() const {
  return *type_of(key_.get());
}

unsigned SigningKey::bits() const {
  return PublicKey(key_).bits();
}

PublicKey SigningKey::public_key() const {
  // Through its encoding: a copy that holds no private part and no token.
  auto key = PublicKey::from_spki(PublicKey(key_).spki());
  must(key.has_value());
  return *key;
}

Result<std::vector<std::uint8_t>> SigningKey::sign(const Sha256& digest) const {
  if (type() == KeyType::ed25519) {
    DigestContext context = contexts_->ed25519.take();
    // Without a key: begins anew with the one it has.
    if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, nullptr) != 1) {
      context = ed25519_context(key_.get());
    }
    const auto signature = ed25519_sign(context.get(), digest);
    contexts_->ed25519.give(std::move(context));
    return std::vector<std::uint8_t>(signature.begin(), signature.end());
  }
  KeyContext context = contexts_->rsa.take();
  if (!context) context = rsa_context(key_.get());
  std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(key_.get()));
  std::vector<std::uint8_t> signature(size);
  const bool is_signed = context && EVP_PKEY_sign(context.get(), signature.data(), &size,
                                                  digest.data(), digest.size()) == 1;
  ERR_clear_error();
  if (!is_signed) {
    return fail(Errc::unavailable,
                is_on_token_ ? "the token did not sign" : "signing with the RSA key failed");
  }
  contexts_->rsa.give(std::move(context));
  signature.resize(size);
  return signature;
}

Result<Secret> SigningKey::pem() const {
  if (is_on_token_) return fail(Errc::denied, "a private key on a token does not leave it");
  const Bio bio(BIO_new(BIO_s_secmem()));
  must(bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                            nullptr) == 1);
  const char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  must(size > 0);
  return Secret(as_bytes({text, static_cast<std::size_t>(size)}));
}

}  // namespace sm::crypto
