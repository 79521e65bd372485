#pragma once
// Certificates made on the spot, good and bad, and a TLS server in memory that shows them.

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/certificate.h"

namespace sm::test {

/// A certificate with its private key.
struct Issued {
  std::shared_ptr<X509> certificate;
  std::shared_ptr<EVP_PKEY> key;

  [[nodiscard]] std::vector<std::uint8_t> der() const {
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate.get(), &bytes);
    std::vector<std::uint8_t> made(bytes, bytes + size);
    OPENSSL_free(bytes);
    return made;
  }
  [[nodiscard]] crypto::Certificate facts() const {
    return crypto::read_certificate(der()).value();
  }
  [[nodiscard]] std::string pem() const {
    std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), BIO_free_all);
    PEM_write_bio_X509(bio.get(), certificate.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }
  [[nodiscard]] std::string key_pem() const {
    std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), BIO_free_all);
    PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }
};

/// What a certificate says.
struct Recipe {
  std::string common_name = "test";
  std::vector<std::string> dns_names{};  ///< may hold NULs
  bool is_ca = false;
  long from_days = -1;  ///< notBefore, in days from now
  long to_days = 30;
  std::string permitted_dns{};  ///< a name constraint, for a CA
};

inline void must(bool is_done) {
  if (!is_done) throw std::runtime_error("OpenSSL refused while making a test certificate");
}

inline std::shared_ptr<EVP_PKEY> make_key() {
  return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}

inline void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  must(extension != nullptr);
  must(X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

inline void add_dns_names(X509* certificate, const std::vector<std::string>& names) {
  GENERAL_NAMES* general = sk_GENERAL_NAME_new_null();
  for (const std::string& name : names) {
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    must(ASN1_STRING_set(text, name.data(), static_cast<int>(name.size())) == 1);
    GENERAL_NAME* one = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(one, GEN_DNS, text);
    sk_GENERAL_NAME_push(general, one);
  }
  must(X509_add1_ext_i2d(certificate, NID_subject_alt_name, general, 0, X509V3_ADD_DEFAULT) == 1);
  GENERAL_NAMES_free(general);
}

/// Signed by `issuer`, or by itself.
inline Issued issue(const Recipe& recipe, const Issued* issuer = nullptr) {
  static long serial = 1000;
  Issued made{{X509_new(), X509_free}, make_key()};
  X509* x509 = made.certificate.get();
  X509* by = issuer != nullptr ? issuer->certificate.get() : x509;
  must(X509_set_version(x509, 2) == 1);
  must(ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial) == 1);
  X509_gmtime_adj(X509_getm_notBefore(x509), recipe.from_days * 86400);
  X509_gmtime_adj(X509_getm_notAfter(x509), recipe.to_days * 86400);
  must(X509_set_pubkey(x509, made.key.get()) == 1);
  must(X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
                                  reinterpret_cast<const unsigned char*>(recipe.common_name.data()),
                                  static_cast<int>(recipe.common_name.size()), -1, 0) == 1);
  must(X509_set_issuer_name(x509, X509_get_subject_name(by)) == 1);
  add_extension(x509, by, NID_basic_constraints, recipe.is_ca ? "critical,CA:TRUE" : "CA:FALSE");
  add_extension(x509, by, NID_subject_key_identifier, "hash");
  if (recipe.is_ca) add_extension(x509, by, NID_key_usage, "critical,keyCertSign,cRLSign");
  if (!recipe.permitted_dns.empty()) {
    add_extension(x509, by, NID_name_constraints,
                  ("critical,permitted;DNS:" + recipe.permitted_dns).c_str());
  }
  if (!recipe.dns_names.empty()) add_dns_names(x509, recipe.dns_names);
  must(X509_sign(x509, issuer != nullptr ? issuer->key.get() : made.key.get(), EVP_sha256()) > 0);
  return made;
}

/// How a test server does TLS.
struct ServerRecipe {
  Issued leaf;
  std::vector<Issued> chain{};  ///< sent after the leaf
  int min_version = TLS1_2_VERSION;
  int max_version = TLS1_3_VERSION;
  std::string suites{};  ///< for TLS 1.2 and before; OpenSSL's default where empty
};

inline std::shared_ptr<SSL_CTX> make_server_context(const ServerRecipe& recipe) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  must(context != nullptr);
  if (recipe.max_version < TLS1_2_VERSION || !recipe.suites.empty()) {
    SSL_CTX_set_security_level(context.get(), 0);
  }
  must(SSL_CTX_set_min_proto_version(context.get(), recipe.min_version) == 1);
  must(SSL_CTX_set_max_proto_version(context.get(), recipe.max_version) == 1);
  if (!recipe.suites.empty()) {
    must(SSL_CTX_set_cipher_list(context.get(), recipe.suites.c_str()) == 1);
  }
  must(SSL_CTX_use_certificate(context.get(), recipe.leaf.certificate.get()) == 1);
  must(SSL_CTX_use_PrivateKey(context.get(), recipe.leaf.key.get()) == 1);
  for (const Issued& more : recipe.chain) {
    must(SSL_CTX_add1_chain_cert(context.get(), more.certificate.get()) == 1);
  }
  return context;
}

/// A TLS server that takes and gives octets.
class MemoryServer {
 public:
  explicit MemoryServer(const ServerRecipe& recipe)
      : context_(make_server_context(recipe)), ssl_(SSL_new(context_.get()), SSL_free) {
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    SSL_set_bio(ssl_.get(), in_, out_);
    SSL_set_accept_state(ssl_.get());
  }
  void receive(const std::string& octets) {
    if (!octets.empty()) BIO_write(in_, octets.data(), static_cast<int>(octets.size()));
  }
  std::string take_output() {
    std::string octets(BIO_ctrl_pending(out_), '\0');
    if (!octets.empty()) BIO_read(out_, octets.data(), static_cast<int>(octets.size()));
    return octets;
  }
  /// True when done; false when it waits for more.
  bool handshake() { return SSL_do_handshake(ssl_.get()) == 1; }
  void write(const std::string& plaintext) {
    must(SSL_write(ssl_.get(), plaintext.data(), static_cast<int>(plaintext.size())) > 0);
  }
  std::string read() {
    std::string plaintext(65536, '\0');
    const int got = SSL_read(ssl_.get(), plaintext.data(), static_cast<int>(plaintext.size()));
    plaintext.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return plaintext;
  }
  void close() { SSL_shutdown(ssl_.get()); }
  [[nodiscard]] std::string sni() const {
    const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    return name != nullptr ? name : "";
  }
  SSL* native() { return ssl_.get(); }

 private:
  std::shared_ptr<SSL_CTX> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
};

}  // namespace sm::test
