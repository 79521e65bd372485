#pragma once
// An SMTP client over sockets (RFC 5321): it connects to an address that the caller has checked,
// makes the connection encrypted, judges who answers, and delivers as many messages as the caller
// has. Waiting is bounded three times: per command (RFC 5321 §4.5.3.2, counted to the end of the
// reply, so a drip gains nothing), per session in octets, and by the caller's deadline above all.
//
// There is no way from here to a message in the clear or to a peer that is not the one demanded:
// connect() yields a Connection only with the Session's proof, and only a Connection delivers.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/address.h"
#include "base/clock.h"
#include "name/domain.h"
#include "smtp/content.h"
#include "smtp/dots.h"
#include "smtp/envelope.h"
#include "smtp/outcome.h"
#include "smtp/reply.h"
#include "smtp/transcript.h"
#include "tls/context.h"
#include "tls/session.h"
#include "tls/trust.h"

namespace sm::smtp {

/// RFC 5321 §4.5.3.2, from the last octet of the command to the last octet of the reply.
struct Timeouts {
  std::chrono::milliseconds connect{30000};
  std::chrono::milliseconds greeting{300000};
  std::chrono::milliseconds command{300000};   ///< EHLO, STARTTLS, MAIL, RCPT, RSET
  std::chrono::milliseconds handshake{60000};  ///< all of it
  std::chrono::milliseconds data{120000};      ///< DATA's 354
  std::chrono::milliseconds block{180000};     ///< each 16 KiB of content to leave
  std::chrono::milliseconds end_of_data{600000};
};

/// How we present ourselves and how long we wait.
struct Manner {
  name::Domain helo;  ///< our own host name
  Timeouts timeouts{};
  std::optional<IpAddress> source{};  ///< local address to connect from
  /// counted: BDAT where CHUNKING is offered. DATA keeps both sides in step (mailing.h).
  Framing framing = Framing::dots;
};

/// Whom to talk to: `server` is connected to as it is, nothing is looked up.
struct Target {
  ServerAddress server;
  tls::Expectations peer;
};

/// What a session showed, complete up to the point where it ended.
struct SessionFacts {
  ServerAddress remote;
  std::optional<ServerAddress> local{};
  std::optional<Reply> greeting{};
  std::optional<Reply> ehlo{};  ///< in the clear: believed for STARTTLS only
  std::optional<Reply> starttls{};
  std::optional<tls::Handshake> tls{};
  std::optional<tls::HandshakeFailure> tls_failure{};
  std::optional<Reply> secure_ehlo{};  ///< after the handshake
  Capabilities capabilities{};         ///< of secure_ehlo
  std::optional<Obstacle> obstacle{};  ///< none: all of it went well
  std::string detail{};                ///< for people: what the obstacle was
  Transcript transcript{};
  std::chrono::milliseconds took{};
};

/// An encrypted connection to a peer that satisfied its demand.
class Connection {
 public:
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();  ///< quits without waiting, where nothing is under way

  /// One message. The outcomes are in the envelope's order; Unsuited means that nothing was sent.
  /// Recipients go out in transactions of at most 100 (RFC 5321 §4.5.3.1.8).
  Delivery deliver(const Envelope& envelope, Content& content, const Deadline& deadline);
  /// False after an interruption, a 421, or a reply out of turn: connect anew.
  [[nodiscard]] bool is_usable() const;
  [[nodiscard]] const SessionFacts& facts() const;
  /// QUIT and close_notify in one write; the 221 is not waited for (RFC 5321 §4.1.1.10 says SHOULD;
  /// nothing depends on it, and the message is safe already).
  void quit();

 private:
  friend class Client;
  struct State;
  explicit Connection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// What connecting gave: either a connection, whose facts() tell the rest, or the facts with an
/// obstacle.
using Attempt = std::variant<Connection, SessionFacts>;

class Client {
 public:
  /// The context must outlive the client and its connections.
  Client(const tls::Context& context, Manner manner);

  /// Connect, EHLO, STARTTLS, handshake, EHLO. With Demand::none it never yields a Connection:
  /// the obstacle is then peer_not_verified.
  [[nodiscard]] Attempt connect(const Target& target, const Deadline& deadline) const;

  /// The same, then QUIT: looks, and never sends. peer_not_verified is no obstacle here: the
  /// verdicts stand in facts.tls.
  [[nodiscard]] SessionFacts probe(const Target& target, const Deadline& deadline) const;

 private:
  const tls::Context* context_;
  Manner manner_;
};

}  // namespace sm::smtp
