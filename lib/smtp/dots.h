#pragma once
// Message octets on their way to the wire: the promises of Content are held to, and for DATA a dot
// that begins a line is doubled (RFC 5321 §4.5.2).
//
// A bare CR or LF that one server takes for a line end and another does not is how a second message
// is smuggled into the first; none passes here, so the end mark is the only CRLF.CRLF on the wire.

#include <cstdint>
#include <string>
#include <string_view>

namespace sm::smtp {

/// How a server is told where the message ends.
enum class Framing {
  dots,     ///< DATA, and a lone dot
  counted,  ///< BDAT, and a number of octets
};

class ContentWriter {
 public:
  explicit ContentWriter(Framing framing) : framing_(framing) {}

  /// Appends a block as it goes on the wire. False, and nothing appended, where the block breaks a
  /// promise: a bare CR or LF, a NUL.
  [[nodiscard]] bool write(std::string_view block, std::string& wire);
  /// Whether the content may end here: at the end of a line, or before the first octet.
  [[nodiscard]] bool is_at_line_start() const { return is_at_line_start_; }
  [[nodiscard]] std::uint64_t octets() const { return octets_; }

 private:
  Framing framing_;
  bool is_at_line_start_ = true;
  bool is_after_cr_ = false;
  std::uint64_t octets_ = 0;
};

}  // namespace sm::smtp
