#pragma once
// One TLS connection, as the client's side sees it (RFC 8446, RFC 5246), without sockets:
// ciphertext goes in and comes out as bytes, so the caller decides when to write (one write a round
// trip) and how long to wait.
//
// The handshake always completes if it can, whatever the certificate says: the verdicts are for the
// caller to read and to record. What a caller cannot do is send mail to a peer whose verdict does
// not satisfy the demand: take_verified_peer() gives nothing then.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "crypto/certificate.h"
#include "tls/context.h"
#include "tls/trust.h"

namespace sm::tls {

/// What a completed handshake showed.
struct Handshake {
  std::string version;                     ///< "TLSv1.3"
  std::string cipher;                      ///< "TLS_AES_256_GCM_SHA384"
  crypto::Certificate leaf;                ///< the peer's own
  std::vector<crypto::Certificate> chain;  ///< as sent by the peer, the leaf first
  ChainVerdict pkix;
  DaneVerdict dane;
  Demand demand = Demand::none;

  /// The demand is pkix or dane and that verdict is good.
  [[nodiscard]] bool is_satisfied() const;
};

/// Why there is no TLS.
struct HandshakeFailure {
  enum class Kind {
    alert,     ///< the peer ended it with an alert: a definite no (validation-failure)
    protocol,  ///< the two have nothing in common, or the peer does not speak TLS: a definite no
    lost,      ///< the connection ended without an alert: says nothing
    local,     ///< our own failure: says nothing about the peer
  };
  Kind kind = Kind::lost;
  std::string words;  ///< for people: "tlsv1 alert protocol version"

  [[nodiscard]] bool is_definite() const { return kind == Kind::alert || kind == Kind::protocol; }
};

class Session {
 public:
  /// Errc::bug when the demand has nothing to be judged by (pkix without names, dane without usable
  /// records): nothing must be sent then. Errc::temporary when OpenSSL has no memory.
  static Result<Session> start(const Context& context, const Expectations& expectations);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// Ciphertext that came from the peer.
  void receive(std::string_view ciphertext);
  /// The peer's side of the connection has ended (with or without close_notify before).
  void receive_end();
  /// Ciphertext for the peer; empties the buffer. Partial writes are the caller's to keep.
  std::string take_output();
  [[nodiscard]] bool has_output() const;

  struct NeedsMore {};
  /// One step; call again after receive(). Output may be pending whatever it answers.
  std::variant<NeedsMore, Handshake, HandshakeFailure> handshake();

  /// Once, after a handshake that satisfies the demand; nothing otherwise.
  std::optional<VerifiedPeer> take_verified_peer();

  enum class ReadState {
    open,       ///< no more for now
    closed,     ///< close_notify came: what was read before it is whole
    truncated,  ///< ended without close_notify (RFC 8446 §6.1): an open line is not to be believed
    broken,     ///< a record was damaged, or the peer sent an alert
  };
  /// Appends the plaintext at hand to `into`.
  ReadState read(std::string& into);
  /// Plaintext for the peer, into the output. False when the session is closed or broken.
  [[nodiscard]] bool write(std::string_view plaintext);
  /// close_notify, into the output.
  void close();

 private:
  struct State;
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sm::tls
