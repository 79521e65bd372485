#pragma once
// Mailboxes: "local-part@domain" as the SMTP envelope carries it (RFC 5321 §4.1.2, RFC 6531 §3.3).
//
// A Mailbox is the meaning of an address, not its spelling: the local part without quotes and the
// domain in canonical form. text() writes it back with the least quoting (RFC 5321 §4.1.2), and
// what is read again is the same value. "%", "!" and a "-" at the start are characters like others.
// Refused: comments, source routes, address literals (they name no host that could be verified),
// addresses without a domain, and whatever is over-long (RFC 5321 §4.5.3.1).

#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "name/domain.h"

namespace sm::name {

class Mailbox {
 public:
  static constexpr std::size_t kMaxLocalPart = 64;  ///< octets as written (RFC 5321 §4.5.3.1.1)
  static constexpr std::size_t kMaxText = 254;      ///< octets; a path is two more (§4.5.3.1.3)

  /// Reads a bare address, no angle brackets, no white space around it. Errc::malformed says which
  /// rule is broken; the text is shown as printable() makes it.
  static Result<Mailbox> parse(std::string_view text);

  /// The local part's meaning: unquoted, unescaped, in its own case (RFC 5321 §2.4).
  [[nodiscard]] const std::string& local_part() const { return local_part_; }
  [[nodiscard]] const Domain& domain() const { return domain_; }
  /// As it stands in MAIL, RCPT and header fields: the local part quoted where it must be, the
  /// domain as A-labels. UTF-8 only where needs_smtputf8().
  [[nodiscard]] std::string text() const;
  /// For people: the domain as U-labels.
  [[nodiscard]] std::string unicode() const;
  /// The local part has characters beyond ASCII: only a server with SMTPUTF8 (RFC 6531) takes it.
  [[nodiscard]] bool needs_smtputf8() const;

  friend bool operator==(const Mailbox&, const Mailbox&) = default;
  friend auto operator<=>(const Mailbox&, const Mailbox&) = default;

 private:
  Mailbox(std::string local_part, Domain domain)
      : local_part_(std::move(local_part)), domain_(std::move(domain)) {}
  std::string local_part_;
  Domain domain_;
};

/// Where reports go (RFC 5321 §4.1.1.2): a mailbox, or nobody, the null sender "<>".
class ReversePath {
 public:
  ReversePath() = default;  ///< the null sender
  ReversePath(Mailbox mailbox) : mailbox_(std::move(mailbox)) {}

  /// Reads "", "<>", "a@b" and "<a@b>".
  static Result<ReversePath> parse(std::string_view text);

  [[nodiscard]] bool is_null() const { return !mailbox_; }
  [[nodiscard]] const std::optional<Mailbox>& mailbox() const { return mailbox_; }
  /// Without angle brackets; empty for the null sender.
  [[nodiscard]] std::string text() const { return mailbox_ ? mailbox_->text() : std::string(); }
  [[nodiscard]] bool needs_smtputf8() const { return mailbox_ && mailbox_->needs_smtputf8(); }

  friend bool operator==(const ReversePath&, const ReversePath&) = default;

 private:
  std::optional<Mailbox> mailbox_;
};

}  // namespace sm::name

template <>
struct std::hash<sm::name::Mailbox> {
  std::size_t operator()(const sm::name::Mailbox& mailbox) const noexcept {
    const auto local = std::hash<std::string>()(mailbox.local_part());
    return local * 31 + std::hash<sm::name::Domain>()(mailbox.domain());
  }
};
