#pragma once
// Turning 8-bit parts into 7-bit ones, before a signature is made (RFC 6376 §5.3, RFC 6152 §3).
//
// What changes is planned first, over the table of parts, as edits of the body; then the body is
// copied once with the edits applied. Text becomes quoted-printable, or base64 where that is
// shorter; all else becomes base64. Sealed parts (Part::is_sealed) are copied as they are.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "message/mime.h"
#include "message/scratch.h"

namespace sm::message {

/// Octets of a body that are replaced.
struct Edit {
  enum class With { text, quoted_printable, base64 };
  Span place;
  With with = With::text;  ///< an encoding: the octets themselves, encoded
  std::string text{};
};

struct SevenBitPlan {
  std::vector<Edit> edits;  ///< by place, none overlapping
  /// The message's own Content-Transfer-Encoding, where it changes.
  std::optional<std::string> encoding;
  /// Octets above 127 stay in the body: in sealed parts, part headers, or around parts.
  bool stays_8bit = false;
};

/// Errc::malformed where a part that is not sealed has octets above 127 and cannot be encoded: it
/// says that it is encoded already, or it is of a kind that RFC 2046 §5.2 forbids to encode.
Result<SevenBitPlan> plan_seven_bit(const std::vector<Part>& parts);

/// Appends `range` of the body to `out`, with those edits applied that lie in it.
Result<void> append_edited(const Scratch& body, Span range, const std::vector<Edit>& edits,
                           Scratch& out);

}  // namespace sm::message
