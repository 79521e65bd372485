#pragma once
// Preparing a message for sending: the step between reading and signing.
//
// Adds what a message must have (From where the caller says who, Date, Message-ID), appends
// attachments, turns 8-bit parts into 7-bit ones before a signature is made (RFC 6376 §5.3), and
// refuses what may not be sent. It rewrites nothing else. A message that came already DKIM-signed,
// multipart/signed or encrypted is never altered beyond fields that its signatures do not name.
//
//   read_message → prepare → (dkim: prepend_field) → open(): the bytes that are sent and recorded

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "message/addresses.h"
#include "message/attachment.h"
#include "message/header.h"
#include "message/reader.h"
#include "message/source.h"
#include "name/mailbox.h"

namespace sm::message {

struct PrepareOptions {
  const Clock* clock = &system_clock();
  /// Whose message it is where it has no From field.
  std::optional<Address> author{};
  std::vector<Attachment> attachments{};
  /// "<…@…>", where the message has none of its own; empty: a fresh one.
  std::string message_id{};
  /// -t: To and Cc name the recipients, or where there are any Resent-* recipients, those of the
  /// topmost block (RFC 5322 §3.6.6).
  bool takes_recipients = false;
  /// Names without a domain in the fields of authors and recipients get this one, as programs write
  /// them that call sendmail(8): "From: root (Cron Daemon)". Unset: they are refused. Not where the
  /// message came signed or encrypted.
  std::optional<name::Domain> name_domain{};
  ScratchSpace space{};
};

/// True where the header has a Bcc or Resent-Bcc field: prepare refuses such a message, since
/// recipients may not be hidden; each gets a separate message.
bool hides_recipients(const HeaderIndex& header);

/// "<32 random hex digits@domain>".
std::string fresh_message_id(const name::Domain& domain);

/// A message that is ready to be signed and sent.
class PreparedMessage {
 public:
  [[nodiscard]] const HeaderIndex& header() const { return header_; }
  /// The only address of the only From field.
  [[nodiscard]] const Address& from() const { return from_.front(); }
  /// "<…@…>", as in the field; empty only where a DKIM signature that came along forbids adding it.
  [[nodiscard]] const std::string& message_id() const { return message_id_; }
  /// With takes_recipients: those of the header, each once, in order; maybe none.
  [[nodiscard]] const std::vector<name::Mailbox>& recipients() const { return recipients_; }
  /// Those addresses of its header that were names and got the `name_domain`.
  [[nodiscard]] const std::set<name::Mailbox>& completed_names() const { return names_; }

  /// Any octet is above 127: the server must offer 8BITMIME (RFC 6152), or the message
  /// fails, 5.6.3.
  [[nodiscard]] bool is_8bit() const { return is_8bit_; }
  /// The header, or that of a part, has UTF-8: the server must offer SMTPUTF8 (RFC 6531). Addresses
  /// of the envelope add to this.
  [[nodiscard]] bool needs_smtputf8() const { return needs_smtputf8_; }
  /// It came with a DKIM-Signature.
  [[nodiscard]] bool was_signed() const { return was_signed_; }

  /// Octets on the wire before dot-stuffing, header, empty line and body.
  [[nodiscard]] std::uint64_t size() const { return header_bytes_->size() + 2 + body_.size(); }
  /// The whole message. Sources must not outlive the message; several threads may each open one.
  [[nodiscard]] std::unique_ptr<Source> open() const;
  [[nodiscard]] std::unique_ptr<Source> open_body() const;
  /// The body at any place, for who takes it apart.
  [[nodiscard]] const Scratch& body() const { return body_; }

  /// Puts a field (or several) before all others: whole lines that end in CRLF. Not while Sources
  /// are open. Errc::malformed where it is no field.
  Result<void> prepend_field(std::string_view field);

 private:
  friend class Preparation;
  PreparedMessage() = default;
  std::unique_ptr<std::string> header_bytes_;
  HeaderIndex header_;
  Scratch body_;
  std::vector<Address> from_;
  std::string message_id_;
  std::vector<name::Mailbox> recipients_;
  std::set<name::Mailbox> names_;
  bool is_8bit_ = false;
  bool needs_smtputf8_ = false;
  bool was_signed_ = false;
};

/// Errc::malformed with the reason where the message may not be sent: a Bcc field, no From and no
/// author, several From fields or addresses, a group in From, several Message-IDs, with -t a
/// recipient that is no mailbox, attachments to a sealed message, 8-bit parts whose structure is
/// broken. Attachments that cannot be read: Errc::no_input or io.
Result<PreparedMessage> prepare(Message message, const PrepareOptions& options);

}  // namespace sm::message
