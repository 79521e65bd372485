// links: crypto
// Private keys: what the short way reads, OpenSSL reads too, as the same key. The first byte
// chooses the form, the rest is DER.

#include <cstdint>
#include <cstdlib>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/private_key_pem.h"

namespace {

void must(bool is_so) {
  if (!is_so) std::abort();
}

EVP_PKEY* read_by_openssl(sm::crypto::UsualForm form, sm::Bytes der) {
  const unsigned char* at = der.data();
  const auto size = static_cast<long>(der.size());
  if (form == sm::crypto::UsualForm::pkcs1) {
    return d2i_PrivateKey(EVP_PKEY_RSA, nullptr, &at, size);
  }
  PKCS8_PRIV_KEY_INFO* info = d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, size);
  EVP_PKEY* key = info ? EVP_PKCS82PKEY(info) : nullptr;
  PKCS8_PRIV_KEY_INFO_free(info);
  return key;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm::crypto;
  if (size == 0) return 0;
  const auto form = bytes[0] % 2 == 0 ? UsualForm::pkcs8 : UsualForm::pkcs1;
  const sm::Bytes der(bytes + 1, size - 1);
  const SharedPkey ours = read_usual_key(form, der);
  if (ours) {
    EVP_PKEY* theirs = read_by_openssl(form, der);
    must(theirs && EVP_PKEY_eq(ours.get(), theirs) == 1);
    EVP_PKEY_free(theirs);
  }
  ERR_clear_error();
  return 0;
}
