#pragma once
// What MAIL and RCPT say (RFC 5321 §3.3): who sends, to whom, and what the message needs from the
// server. Everything that reaches a command line is of a type that cannot hold CR, LF or NUL.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "name/mailbox.h"

namespace sm::smtp {

/// ENVID (RFC 3461 §4.4): the sender's own name for this submission, returned in reports.
class EnvelopeId {
 public:
  /// 1 to 100 printable ASCII characters, no space. Errc::malformed otherwise.
  static Result<EnvelopeId> parse(std::string_view text);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  explicit EnvelopeId(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// xtext (RFC 3461 §4): "+", "=" and all outside printable ASCII as +XX.
std::string xtext(std::string_view text);

/// RET (RFC 3461 §4.3): what a failure report carries.
enum class Returned { full, headers };

/// NOTIFY (RFC 3461 §4.1). All false: NEVER.
struct Notify {
  bool on_success = false;
  bool on_failure = false;
  bool on_delay = false;
  /// "never", or a comma list of "success", "failure", "delay", in any case. Errc::malformed
  /// otherwise.
  static Result<Notify> parse(std::string_view text);
  /// "NEVER" or "SUCCESS,FAILURE,DELAY".
  [[nodiscard]] std::string text() const;
};

struct Recipient {
  name::Mailbox mailbox;
  std::optional<Notify> notify{};           ///< none: the server's default
  std::optional<name::Mailbox> original{};  ///< ORCPT (RFC 3461 §4.2)
};

struct Envelope {
  name::ReversePath sender{};
  std::vector<Recipient> recipients{};
  std::optional<EnvelopeId> id{};
  std::optional<Returned> returned{};
  /// The content has octets above 127: only a server with 8BITMIME takes it (RFC 6152).
  bool needs_8bitmime = false;
  /// A header field has UTF-8 (RFC 6531 §3.1); addresses are looked at by themselves.
  bool needs_smtputf8 = false;
  /// REQUIRETLS is demanded (RFC 8689): no server without it may have the message.
  bool requires_tls = false;

  /// needs_smtputf8, or an address needs it.
  [[nodiscard]] bool is_internationalized() const;
};

}  // namespace sm::smtp
