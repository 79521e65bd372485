#include "crypto/digest.h"

#include <cstdlib>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "crypto/must.h"

namespace sm::crypto {
namespace {

// Fetched once: an implicit fetch at each use costs more than hashing a log line.
const EVP_MD* md(Hash hash) {
  static EVP_MD* const sha256_md = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  static EVP_MD* const sha512_md = EVP_MD_fetch(nullptr, "SHA2-512", nullptr);
  return hash == Hash::sha256 ? sha256_md : sha512_md;
}

EVP_MD_CTX* thread_context() {
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
      EVP_MD_CTX_new(), EVP_MD_CTX_free);
  must(context != nullptr);
  return context.get();
}

template <class Digest>
Digest digest(Hash hash, Bytes a, Bytes b) {
  Digest out;
  EVP_MD_CTX* context = thread_context();
  must(EVP_DigestInit_ex2(context, md(hash), nullptr) == 1);
  must(EVP_DigestUpdate(context, a.data(), a.size()) == 1);
  must(b.empty() || EVP_DigestUpdate(context, b.data(), b.size()) == 1);
  must(EVP_DigestFinal_ex(context, out.data(), nullptr) == 1);
  return out;
}

template <class Digest>
Digest hmac(Hash hash, Bytes key, Bytes bytes) {
  Digest out;
  static constexpr std::uint8_t kNone = 0;  // HMAC() takes a null key as "the key before"
  must(HMAC(md(hash), key.empty() ? &kNone : key.data(), static_cast<int>(key.size()), bytes.data(),
            bytes.size(), out.data(), nullptr) != nullptr);
  return out;
}

}  // namespace

void Sha256Stream::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Sha256Stream::Sha256Stream() : context_(EVP_MD_CTX_new()) {
  must(context_ && EVP_DigestInit_ex2(context_.get(), md(Hash::sha256), nullptr) == 1);
}

void Sha256Stream::update(Bytes bytes) {
  must(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

Sha256 Sha256Stream::finish() {
  Sha256 out;
  must(EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) == 1);
  must(EVP_DigestInit_ex2(context_.get(), md(Hash::sha256), nullptr) == 1);
  return out;
}

Sha256 Sha256Stream::peek() const {
  Sha256 out;
  EVP_MD_CTX* context = thread_context();
  must(EVP_MD_CTX_copy_ex(context, context_.get()) == 1);
  must(EVP_DigestFinal_ex(context, out.data(), nullptr) == 1);
  return out;
}

Sha256Stream Sha256Stream::clone() const {
  Sha256Stream copy;
  must(EVP_MD_CTX_copy_ex(copy.context_.get(), context_.get()) == 1);
  return copy;
}

Sha256 sha256(Bytes bytes) {
  return digest<Sha256>(Hash::sha256, bytes, {});
}
Sha256 sha256(Bytes a, Bytes b) {
  return digest<Sha256>(Hash::sha256, a, b);
}
Sha512 sha512(Bytes bytes) {
  return digest<Sha512>(Hash::sha512, bytes, {});
}
Sha256 hmac_sha256(Bytes key, Bytes bytes) {
  return hmac<Sha256>(Hash::sha256, key, bytes);
}
Sha512 hmac_sha512(Bytes key, Bytes bytes) {
  return hmac<Sha512>(Hash::sha512, key, bytes);
}

}  // namespace sm::crypto
