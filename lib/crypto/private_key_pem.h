#pragma once
// Private keys out of PEM, for this folder.
//
// OpenSSL 3 reads keys through chains of decoders whose making costs more than an RSA signature.
// A tool that runs once for each message feels that: the two forms that keys usually have, PKCS#8
// (RFC 5958) and RSAPrivateKey (RFC 8017 A.1.2), are taken apart here, by the strictest reading;
// whatever is not exactly that is left to OpenSSL.

#include "crypto/signing_key.h"

namespace sm::crypto {

enum class PemDefect {
  none,
  unreadable,    ///< no PEM private key
  encrypted,     ///< with a passphrase
  another_kind,  ///< neither RSA nor Ed25519
};

enum class UsualForm { pkcs8, pkcs1 };

/// An RSA key of two primes or an Ed25519 key that is all of `der`, in the form's one right
/// encoding. Null says only that this is something else: OpenSSL may still read it. A key that is
/// read is the one that OpenSSL reads.
SharedPkey read_usual_key(UsualForm form, Bytes der);

/// The key, or null with the defect.
SharedPkey read_private_key(Bytes pem, PemDefect& defect);

}  // namespace sm::crypto
