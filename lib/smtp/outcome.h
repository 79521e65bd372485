#pragma once
// How SMTP dialogues end: closed types, so that no caller takes one end for another.
//
// An Obstacle is why no transaction could begin. Some say something about the destination (it
// offers no TLS), most say nothing but "not now": is_definite() tells them apart, and only the
// definite ones may ever lead to a verdict. A RecipientEnd is what became of one recipient of one
// transaction.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crypto/digest.h"
#include "smtp/reply.h"

namespace sm::smtp {

/// Why there is no verified, encrypted dialogue with this server.
enum class Obstacle {
  connect_failed,        ///< refused, unreachable, no route
  connect_timed_out,     ///< no answer to connecting
  deadline_passed,       ///< our own deadline
  rate_limited,          ///< 4xx to connecting or EHLO, or 421 anywhere
  greeting_refused,      ///< 5xx to connecting (554), or to EHLO for reasons of policy
  starttls_not_offered,  ///< definite: ESMTP without STARTTLS, or no ESMTP at all
  starttls_refused,      ///< definite: offered, and answered with 5xx
  tls_refused_now,       ///< STARTTLS answered with 4xx (RFC 3207 §4: 454)
  tls_failed,            ///< definite: the handshake ended in an alert or has no common ground
  peer_not_verified,     ///< definite: TLS, but the demand is not satisfied; see Handshake
  lost,                  ///< the connection ended
  timed_out,             ///< the server fell silent, or drips
  protocol_error,        ///< a reply that is malformed, unasked for or of an impossible kind
  injected,              ///< octets after the 220 to STARTTLS (RFC 3207 §6): somebody interferes
  local_failure,         ///< our own: out of memory, descriptors…
};
/// "starttls-not-offered" and the like, for people and logs.
std::string_view text(Obstacle obstacle);
/// The server itself is like that; trying again later is not expected to change it.
bool is_definite(Obstacle obstacle);

/// Why a message cannot be given to this server as it is. Told before MAIL: nothing was sent, and
/// the connection can take another message (or this one, converted).
enum class Unsuited {
  needs_8bitmime,    ///< down-convert, or fail 5.6.3
  needs_smtputf8,    ///< 5.6.7
  needs_requiretls,  ///< 5.7.30
  too_large,         ///< over the server's SIZE, 5.3.4
};

enum class Outcome {
  accepted,   ///< 2xx to the recipient and 2xx to end-of-data
  deferred,   ///< not accepted; may be tried again, elsewhere or later
  failed,     ///< 5xx
  uncertain,  ///< the end of data left, and no reply that can be believed came
};
std::string_view text(Outcome outcome);

/// The command that the outcome was told at.
enum class Stage { connection, mail, rcpt, data, content, end_of_data };
std::string_view text(Stage stage);

/// What happened to the dialogue where no reply decided.
enum class Interruption {
  none,
  lost,
  timed_out,
  deadline_passed,
  protocol_error,
  content_unreadable,  ///< our own source failed, or broke its promises
};
std::string_view text(Interruption interruption);

/// What became of one recipient.
struct RecipientEnd {
  Outcome outcome = Outcome::deferred;
  Stage stage = Stage::connection;
  std::optional<Reply> reply{};  ///< the reply that decided
  Interruption interruption = Interruption::none;
  std::string detail{};  ///< for people; empty where the reply says it all
};

/// One message's transaction.
struct Transaction {
  std::vector<RecipientEnd> ends;  ///< in the envelope's order
  std::uint64_t octets = 0;        ///< of the content, before dot-stuffing
  crypto::Sha256 sha256{};         ///< of the same octets; set where all of them were sent
  bool is_content_sent = false;    ///< all of it left, with its end mark
  std::string queue_id{};          ///< the server's, where recognised
  bool is_dsn_passed_on = false;   ///< NOTIFY, RET, ENVID went with it
};

using Delivery = std::variant<Unsuited, Transaction>;

}  // namespace sm::smtp
