#pragma once
// SMTP replies (RFC 5321 §4.2) and what they say: the code, the lines, the enhanced status code
// (RFC 2034, RFC 3463), and the extensions that an EHLO reply lists (RFC 5321 §4.1.1.1).
//
// The parser is strict, since a reply that can be read in two ways can be answered in two ways:
// three digits of which the first is 2 to 5, a space or a hyphen, CRLF and nothing like it, the
// same code on every line. Sizes are bounded before anything is kept. Text is the server's own: for
// people it goes through printable().

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sm::smtp {

/// "5.1.1" (RFC 3463 §2): class 2, 4 or 5; subject and detail 0 to 999.
struct EnhancedCode {
  int status_class = 0;
  int subject = 0;
  int detail = 0;
  [[nodiscard]] std::string text() const;
  friend bool operator==(const EnhancedCode&, const EnhancedCode&) = default;
};

struct Reply {
  int code = 0;                    ///< 200 to 599
  std::vector<std::string> lines;  ///< text after the code and its separator, at least one
  /// Of the first line; only where its class is the code's first digit (RFC 2034 §4).
  std::optional<EnhancedCode> enhanced{};

  /// 2xx that can mean "done": 220 (greeting) and 221 (closing) are no answer to a command.
  [[nodiscard]] bool is_done() const { return code / 100 == 2 && code != 220 && code != 221; }
  [[nodiscard]] bool is_temporary() const { return code / 100 == 4; }
  [[nodiscard]] bool is_permanent() const { return code / 100 == 5; }
  /// The server's octets, code and all, lines parted by LF, no last line end.
  [[nodiscard]] std::string verbatim() const;
  /// For people, one line: "250 2.0.0 queued as 4Xyz", lines parted by " / ", printable().
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Reply&, const Reply&) = default;
};

/// A server's name for a message that it took, where its 250 tells it in a form we know ("queued as
/// X", "OK id=X", "ok 123 qp 456", "<X> Message accepted for delivery"); empty otherwise.
std::string queue_id(const Reply& reply);

/// How a reply breaks the protocol.
enum class ReplyFault {
  line_too_long,   ///< over 2,048 octets with its CRLF
  too_many_lines,  ///< over 100
  bad_line_end,    ///< a bare CR or LF
  bad_octet,       ///< a NUL
  bad_code,        ///< not three digits of which the first is 2 to 5, then SP, "-" or CRLF
  mixed_codes,     ///< lines of one reply with different codes
};
std::string_view text(ReplyFault fault);

/// Cuts a stream of octets into replies.
class ReplyParser {
 public:
  static constexpr std::size_t kMaxLine = 2048;  ///< octets with CRLF; RFC 5321 §4.5.3.1.5 says 512
  static constexpr std::size_t kMaxLines = 100;

  struct NeedsMore {};
  using Step = std::variant<NeedsMore, Reply, ReplyFault>;
  /// Takes octets off the front of `octets`, up to the end of one reply at most. After a fault the
  /// parser stays faulty.
  Step next(std::string_view& octets);
  /// Octets of an unfinished reply are held.
  [[nodiscard]] bool is_inside_reply() const { return !line_.empty() || !reply_.lines.empty(); }

 private:
  std::optional<ReplyFault> take_line();
  Reply reply_;
  std::string line_;
  std::optional<ReplyFault> fault_;
};

/// What a server offers (RFC 5321 §4.1.1.1). Keywords are compared without case; unknown ones are
/// kept for people; a line that is no keyword is passed over and counted.
struct Capabilities {
  std::string greeting_domain;         ///< the first word of the reply
  bool pipelining = false;             ///< RFC 2920
  bool eight_bit_mime = false;         ///< RFC 6152
  bool smtputf8 = false;               ///< RFC 6531
  bool chunking = false;               ///< RFC 3030
  bool dsn = false;                    ///< RFC 3461
  bool requiretls = false;             ///< RFC 8689
  bool starttls = false;               ///< RFC 3207
  bool enhanced_status_codes = false;  ///< RFC 2034
  bool size = false;                   ///< RFC 1870
  std::uint64_t size_limit = 0;        ///< octets; 0: none told
  std::vector<std::string> keywords;   ///< every line as sent
  std::size_t malformed_lines = 0;
};

Capabilities parse_capabilities(const Reply& ehlo);

}  // namespace sm::smtp
