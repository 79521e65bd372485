#pragma once
// A client session and a server in memory, joined, and what their handshake came to.

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "support/domain.h"
#include "support/temp_dir.h"
#include "support/test_pki.h"
#include "tls/context.h"
#include "tls/session.h"

namespace sm::test {

/// A context that trusts only `root`.
inline tls::Context trusting(const Issued& root, const Clock& clock = system_clock()) {
  const TempDir folder;
  const std::string path = folder / "ca.pem";
  must(bool(publish_file(path, as_bytes(root.pem()))));
  return tls::Context::create({.ca_file = path, .clock = &clock}).value();
}

inline tls::DaneRecord tlsa_3_1_1(const Issued& leaf) {
  const auto digest = leaf.facts().spki_sha256;
  return {3, 1, 1, {digest.begin(), digest.end()}};
}
inline tls::DaneRecord tlsa_2_0_1(const Issued& anchor) {
  const auto digest = anchor.facts().sha256;
  return {2, 0, 1, {digest.begin(), digest.end()}};
}

struct Met {
  tls::Session session;
  std::unique_ptr<MemoryServer> server;
  std::optional<tls::Handshake> handshake{};
  std::optional<tls::HandshakeFailure> failure{};

  /// Ciphertext both ways, once.
  void exchange() {
    server->receive(session.take_output());
    session.receive(server->take_output());
  }
};

inline Met meet(const tls::Context& context, const tls::Expectations& expected,
                const ServerRecipe& recipe) {
  Met met{tls::Session::start(context, expected).value(), std::make_unique<MemoryServer>(recipe)};
  for (int round = 0; round < 20 && !met.handshake && !met.failure; ++round) {
    auto step = met.session.handshake();
    if (auto* done = std::get_if<tls::Handshake>(&step)) met.handshake = std::move(*done);
    if (auto* failed = std::get_if<tls::HandshakeFailure>(&step)) met.failure = std::move(*failed);
    met.server->receive(met.session.take_output());
    met.server->handshake();
    met.session.receive(met.server->take_output());
  }
  return met;
}

}  // namespace sm::test
