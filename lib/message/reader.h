#pragma once
// Reading a message in one pass: what comes in is normalised or refused, and never guessed at.
//
// Mail on the wire has lines that end in CRLF (RFC 5321 §2.3.8). Files and pipes have LF. So LF
// becomes CRLF, a missing last line end is added, and whatever two readers could read in two ways
// is refused: a bare CR, a NUL, a bare LF beside CRLF. From here on there is one view of the bytes;
// what is hashed, signed, sent and recorded is the same.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "message/header.h"
#include "message/scratch.h"
#include "message/source.h"

namespace sm::message {

/// What a message is read for.
enum class Purpose {
  submission,  ///< to be sent: all rules hold; an mbox "From " line and Return-Path are dropped
  inspection,  ///< to be verified: bytes are kept (bare CR, NUL, long lines, Return-Path, obsolete
               ///< syntax); only LF becomes CRLF and an mbox "From " line is dropped
};

/// Facts about a body that were noticed while it passed.
struct BodyFacts {
  bool is_8bit = false;  ///< has octets above 127
  bool is_utf8 = true;   ///< all of it is well-formed UTF-8
};

/// A message as read: CRLF throughout; header and body parted.
class Message {
 public:
  [[nodiscard]] const HeaderIndex& header() const { return header_; }
  /// Without the empty line that parts it from the header. Empty, or ends in CRLF.
  [[nodiscard]] const Scratch& body() const { return body_; }
  [[nodiscard]] const BodyFacts& body_facts() const { return facts_; }
  /// Octets with the empty line, as on the wire before dot-stuffing.
  [[nodiscard]] std::uint64_t size() const { return header_.bytes().size() + 2 + body_.size(); }

 private:
  friend class Reader;
  friend class Preparation;
  std::unique_ptr<std::string> header_bytes_;  ///< at a fixed place: header_ points into it
  HeaderIndex header_;
  Scratch body_;
  BodyFacts facts_;
};

/// Reads to the end of the source, also where the message is refused (whoever writes a pipe is not
/// cut off). A message whose first line is not a header field has no header: all of it is body, as
/// sendmail(8) has it. Errc::malformed names the line and the reason; other errors are the source's
/// or the scratch space's.
Result<Message> read_message(Source& source, Purpose purpose, ScratchSpace space = {});

}  // namespace sm::message
