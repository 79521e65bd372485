#pragma once
// OpenSSL's objects, freed when their owner goes; for this folder.

#include <memory>

#include <openssl/bio.h>
#include <openssl/evp.h>

#include "crypto/signing_key.h"

namespace sm::crypto {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;

/// Takes the key over; null stays null.
inline SharedPkey share(EVP_PKEY* key) {
  if (!key) return nullptr;
  return {key, [](EVP_PKEY* k) { EVP_PKEY_free(k); }};
}

}  // namespace sm::crypto
