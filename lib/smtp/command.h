#pragma once
// The server's side of SMTP, as far as words go: a command line (RFC 5321 §4.1) into a command of a
// closed list, with its arguments as types that cannot be wrong, or into the reply that refuses it.
//
// Strict, since a command that two programs read in two ways is how mail is smuggled: exactly one
// space where the grammar has one, angle brackets around every path, known parameters once each.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "name/mailbox.h"
#include "smtp/envelope.h"

namespace sm::smtp {

namespace command {
struct Hello {
  bool is_extended = false;  ///< EHLO
  std::string name;          ///< as the client calls itself
};
struct Mail {
  name::ReversePath sender{};
  std::optional<std::uint64_t> size{};  ///< RFC 1870
  bool is_8bit = false;                 ///< BODY=8BITMIME (RFC 6152)
  bool is_smtputf8 = false;             ///< RFC 6531
  std::optional<Returned> returned{};   ///< RET (RFC 3461 §4.3)
  std::optional<EnvelopeId> id{};       ///< ENVID
};
struct Rcpt {
  Recipient recipient;
};
struct Data {};
struct Reset {};
struct Noop {};
struct Quit {};
struct Verify {};
struct Help {};
}  // namespace command

/// A reply of ours: code, enhanced code, words.
struct Answer {
  int code = 250;
  std::string text;                        ///< with its enhanced code: "2.1.0 ok"
  [[nodiscard]] std::string line() const;  ///< with CRLF
};

using Command =
    std::variant<command::Hello, command::Mail, command::Rcpt, command::Data, command::Reset,
                 command::Noop, command::Quit, command::Verify, command::Help, Answer>;

/// The line without its CRLF. An Answer is the refusal.
Command parse_command(std::string_view line);

}  // namespace sm::smtp
