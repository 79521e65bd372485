#include "crypto/certificate.h"

#include <ctime>
#include <memory>
#include <string_view>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/encoding.h"
#include "base/text.h"

namespace sm::crypto {
namespace {

template <auto Function>
struct Free {
  template <class T>
  void operator()(T* pointer) const {
    Function(pointer);
  }
};
using X509Pointer = std::unique_ptr<X509, Free<X509_free>>;
using BioPointer = std::unique_ptr<BIO, Free<BIO_free_all>>;
using NamesPointer = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;

std::string_view octets_of(const ASN1_STRING* string) {
  const auto* octets = ASN1_STRING_get0_data(string);
  const int length = ASN1_STRING_length(string);
  if (octets == nullptr || length <= 0) return {};
  return {reinterpret_cast<const char*>(octets), static_cast<std::size_t>(length)};
}

// RFC 4514 with UTF-8 kept; XN_FLAG_RFC2253 escapes control characters itself, and printable()
// takes what could still mislead a terminal.
std::string name_text(const X509_NAME* name) {
  const BioPointer bio(BIO_new(BIO_s_mem()));
  const unsigned long flags = (XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, flags) < 0) return {};
  char* start = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &start);
  if (start == nullptr || length <= 0) return {};
  return to_valid_utf8({start, static_cast<std::size_t>(length)});
}

std::vector<std::string> dns_names_of(const X509* certificate) {
  const NamesPointer names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> texts;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) texts.push_back(to_lower(printable(octets_of(name->d.dNSName))));
  }
  return texts;
}

std::vector<std::string> common_names_of(const X509_NAME* subject) {
  std::vector<std::string> texts;
  int at = -1;
  while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0) {
    unsigned char* utf8 = nullptr;
    const int length =
        ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (length < 0) continue;
    texts.push_back(
        printable({reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(length)}));
    OPENSSL_free(utf8);
  }
  return texts;
}

std::optional<std::chrono::sys_seconds> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  using namespace std::chrono;
  const year_month_day day{year(parts.tm_year + 1900),
                           month(static_cast<unsigned>(parts.tm_mon + 1)),
                           std::chrono::day(static_cast<unsigned>(parts.tm_mday))};
  if (!day.ok()) return std::nullopt;
  return sys_days(day) + hours(parts.tm_hour) + minutes(parts.tm_min) + seconds(parts.tm_sec);
}

std::vector<std::uint8_t> taken(unsigned char* der, int length) {
  if (length <= 0) return {};
  std::vector<std::uint8_t> bytes(der, der + length);
  OPENSSL_free(der);
  return bytes;
}

/// The octets that were signed: OpenSSL keeps them as they came.
std::vector<std::uint8_t> der_of(const X509* certificate) {
  unsigned char* der = nullptr;
  const int length = i2d_X509(certificate, &der);
  return taken(der, length);
}

std::vector<std::uint8_t> spki_of(const X509* certificate) {
  unsigned char* der = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  return taken(der, length);
}

}  // namespace

std::optional<Certificate> read_certificate(Bytes der) {
  const unsigned char* at = der.data();
  const X509Pointer x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (!x509 || at != der.data() + der.size()) return std::nullopt;
  return certificate_of(x509.get());
}

std::optional<Certificate> certificate_of(const x509_st* x509) {
  Certificate certificate;
  certificate.der = der_of(x509);
  certificate.spki = spki_of(x509);
  const auto not_before = time_of(X509_get0_notBefore(x509));
  const auto not_after = time_of(X509_get0_notAfter(x509));
  if (certificate.der.empty() || certificate.spki.empty() || !not_before || !not_after) {
    return std::nullopt;
  }
  certificate.sha256 = sha256(certificate.der);
  certificate.spki_sha256 = sha256(certificate.spki);
  const X509_NAME* subject = X509_get_subject_name(x509);
  const X509_NAME* issuer = X509_get_issuer_name(x509);
  certificate.subject = name_text(subject);
  certificate.issuer = name_text(issuer);
  certificate.dns_names = dns_names_of(x509);
  certificate.common_names = common_names_of(subject);
  certificate.not_before = *not_before;
  certificate.not_after = *not_after;
  certificate.is_self_issued = X509_NAME_cmp(subject, issuer) == 0;
  ERR_clear_error();
  return certificate;
}

std::optional<Certificate> read_certificate_pem(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  const auto begin = pem.find(kBegin);
  const auto end = pem.find(kEnd, begin == pem.npos ? 0 : begin);
  if (begin == pem.npos || end == pem.npos) return std::nullopt;
  std::string base64;
  for (const char c : pem.substr(begin + kBegin.size(), end - begin - kBegin.size())) {
    if (c != '\n' && c != '\r' && c != ' ' && c != '\t') base64 += c;
  }
  const auto der = from_base64(base64);
  return der ? read_certificate(*der) : std::nullopt;
}

}  // namespace sm::crypto
