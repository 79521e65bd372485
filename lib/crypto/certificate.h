#pragma once
// X.509 certificates as evidence (RFC 5280): what one says, and the digests by which it is named.
//
// A Certificate is a plain value made from DER: the names and dates that people are shown, and the
// SHA-256 of the whole and of its public key (SPKI), which DANE records and audit logs carry. It
// judges nothing: whether a chain is trusted or a name matches is decided in tls/.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "crypto/digest.h"

struct x509_st;

namespace sm::crypto {

struct Certificate {
  std::vector<std::uint8_t> der;
  std::vector<std::uint8_t> spki;  ///< DER of SubjectPublicKeyInfo
  Sha256 sha256{};                 ///< of der
  Sha256 spki_sha256{};            ///< of spki
  std::string subject;             ///< RFC 4514 text, UTF-8, control characters escaped
  std::string issuer;              ///< the same
  /// DNS names of subjectAltName in their order, lower case as printable(): a NUL or a control
  /// character shows as an escape and is never cut off.
  std::vector<std::string> dns_names;
  std::vector<std::string> common_names;  ///< of the subject, as printable()
  std::chrono::sys_seconds not_before{};
  std::chrono::sys_seconds not_after{};
  bool is_self_issued = false;  ///< issuer and subject are equal
};

/// Nothing when the bytes are not exactly one X.509 certificate with readable dates and key.
std::optional<Certificate> read_certificate(Bytes der);
/// The same of one that OpenSSL has read already.
std::optional<Certificate> certificate_of(const x509_st* x509);
/// The first certificate of a PEM text (RFC 7468 §5), which may hold a whole chain.
std::optional<Certificate> read_certificate_pem(std::string_view pem);

}  // namespace sm::crypto
