#include "tls/context.h"

#include <mutex>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "base/file.h"

namespace sm::tls {
namespace {

// RFC 9325 §4.2: forward secrecy first; RSA key transport last, since a server that has nothing
// else is still better served verified than not at all. TLS 1.3 suites are OpenSSL's own three.
constexpr const char* kSuites =
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:kRSA+AES:"
    "!aNULL:!eNULL:!EXPORT:!RC4:!3DES:!DES:!MD5:!PSK:!SRP:!AESCCM8";

bool harden(SSL_CTX* context) {
  // RFC 8996: TLS 1.0 and 1.1 MUST NOT be used. Set here and not by openssl.cnf, which may differ.
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) return false;
  if (SSL_CTX_set_max_proto_version(context, 0) != 1) return false;
  if (SSL_CTX_set_cipher_list(context, kSuites) != 1) return false;
  SSL_CTX_set_security_level(context, 2);  // 112 bits: RSA and DH of 2048 bits, no SHA-1 signatures
  // RFC 9325 §3.3, §3.5: no compression, no renegotiation; legacy renegotiation is never allowed.
  SSL_CTX_clear_options(context, SSL_OP_LEGACY_SERVER_CONNECT |
                                     SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  // A18: a resumed session would skip the certificate; every handshake is a full one.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return SSL_CTX_dane_enable(context) == 1;
}

bool is_folder(const char* path) {
  struct stat status {};
  return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

// The folder is looked into by hash, one file a handshake, where the bundle costs 10 ms at once.
bool use_system_roots(X509_STORE* store) {
  const char* folder = X509_get_default_cert_dir();
  if (is_folder(folder)) return X509_STORE_load_path(store, folder) == 1;
  return X509_STORE_load_file(store, X509_get_default_cert_file()) == 1;
}

Unexpected no_certificate(const std::string& ca_file) {
  return fail(Errc::malformed, "no certificate can be read from the CA file " + ca_file,
              "it must hold certificates in PEM form");
}

/// What stands in the CA file: nothing where none is named. Whether it can be read as certificates
/// shows when they are needed.
Result<std::string> look_at_roots(X509_STORE* store, const std::optional<std::string>& ca_file) {
  if (!ca_file) {
    if (use_system_roots(store)) return std::string();
    return fail(Errc::unavailable,
                "no roots of the system's own are there to judge certificates by",
                "install the package ca-certificates, or name a file with --ca-file");
  }
  constexpr std::size_t kMost = 64 << 20;
  auto text = read_file(*ca_file, kMost);
  if (!text) return fail(text.error(), "the CA file");
  const bool has_certificate =
      text->find("-----BEGIN ") != text->npos && text->find("CERTIFICATE-----") != text->npos;
  return has_certificate ? std::move(text) : no_certificate(*ca_file);
}

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeInfos {
  void operator()(STACK_OF(X509_INFO) * infos) const {
    sk_X509_INFO_pop_free(infos, X509_INFO_free);
  }
};

/// True when there is at least one certificate, and all can be read.
bool add_roots(X509_STORE* store, const std::string& pem) {
  const std::unique_ptr<BIO, FreeBio> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return false;
  const std::unique_ptr<STACK_OF(X509_INFO), FreeInfos> infos(
      PEM_X509_INFO_read_bio(bio.get(), nullptr, nullptr, nullptr));
  int added = 0;
  for (int i = 0; i < sk_X509_INFO_num(infos.get()); ++i) {
    X509* const certificate = sk_X509_INFO_value(infos.get(), i)->x509;
    if (certificate == nullptr) continue;
    if (X509_STORE_add_cert(store, certificate) != 1) return false;
    ++added;
  }
  return added > 0;
}

}  // namespace

struct Context::Roots {
  std::string ca_file{};  ///< its name
  std::string pem{};      ///< what is to be read of it; empty: nothing
  std::once_flag once{};
  Result<void> outcome{};
};

Result<void> Context::need_roots() const {
  std::call_once(roots_->once, [&roots = *roots_, context = context_.get()] {
    if (roots.pem.empty()) return;
    const bool is_added = add_roots(SSL_CTX_get_cert_store(context), roots.pem);
    ERR_clear_error();
    if (!is_added) roots.outcome = no_certificate(roots.ca_file);
    roots.pem.clear();
  });
  if (roots_->outcome) return {};
  return fail(roots_->outcome.error());
}

Result<Context> Context::create(const Options& options) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context || !harden(context.get())) {
    ERR_clear_error();
    return fail(Errc::unavailable, "OpenSSL could not be set up for TLS 1.2 and later");
  }
  auto looked = look_at_roots(SSL_CTX_get_cert_store(context.get()), options.ca_file);
  ERR_clear_error();
  if (!looked) return fail(std::move(looked).error());
  auto roots = std::make_shared<Roots>();
  roots->ca_file = options.ca_file.value_or("");
  roots->pem = std::move(*looked);
  return Context(std::move(context), std::move(roots), options.clock);
}

}  // namespace sm::tls
