#pragma once
// What every TLS connection of ours has in common (RFC 8996, RFC 9325, RFC 7525's successors):
// TLS 1.2 or 1.3; no anonymous, NULL, export, RC4 or 3DES suite; no compression, no renegotiation,
// no resumption; and the roots that the public key infrastructure is judged by.
//
// Made once, shared by all threads: loading roots costs more than a handshake. The environment
// (SSL_CERT_FILE, SSL_CERT_DIR) names no roots here: a policy's anchors are not loosened by a
// variable.

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

struct ssl_ctx_st;

namespace sm::tls {

class Context {
 public:
  struct Options {
    /// PEM file of the only roots; the system's own where none is named.
    std::optional<std::string> ca_file{};
    /// By whose time certificates are judged. Must outlive the context.
    const Clock* clock = &system_clock();
  };
  /// Errc::no_input when the file cannot be read, malformed when it holds no certificate,
  /// unavailable when the system has no roots.
  static Result<Context> create(const Options& options);

  /// For session.cc: reads the roots of the CA file, once, for the first session that is judged by
  /// them. DANE needs none, and a bundle takes ten milliseconds. Errors as create().
  [[nodiscard]] Result<void> need_roots() const;

  [[nodiscard]] const Clock& clock() const { return *clock_; }
  /// For session.cc.
  [[nodiscard]] ssl_ctx_st* native() const { return context_.get(); }

 private:
  struct Roots;
  Context(std::shared_ptr<ssl_ctx_st> context, std::shared_ptr<Roots> roots, const Clock* clock)
      : context_(std::move(context)), roots_(std::move(roots)), clock_(clock) {}
  std::shared_ptr<ssl_ctx_st> context_;
  std::shared_ptr<Roots> roots_;
  const Clock* clock_;
};

}  // namespace sm::tls
