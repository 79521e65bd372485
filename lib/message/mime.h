#pragma once
// The parts of a MIME message (RFC 2045, RFC 2046), found while its body streams by.
//
// The scanner keeps a table of parts with their places in the body and none of their content. It
// reads strictly where readers differ (a part header without a colon, a Content-Type with two
// boundaries, a multipart without one): such a structure is an error, and whoever would change or
// split the message leaves it alone or refuses it. A message is bounded: 1,000 parts, 50 deep.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "message/header.h"
#include "message/parameters.h"
#include "message/source.h"

namespace sm::message {

enum class TransferEncoding { seven_bit, eight_bit, binary, quoted_printable, base64, unknown };

/// Places in a body, [begin, end); both 0 where there is none.
struct Span {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  [[nodiscard]] bool empty() const { return begin == end; }
  [[nodiscard]] std::uint64_t size() const { return end - begin; }
};

/// A content type whose content is signed or encrypted as it is (RFC 1847, RFC 8551).
bool is_sealed_type(std::string_view type);

/// A part. The message itself is the first one; its header is not in the body, so that its header
/// places are empty.
struct Part {
  static constexpr std::size_t kNoParent = SIZE_MAX;
  static constexpr std::uint64_t kNotClosed = UINT64_MAX;

  std::size_t parent = kNoParent;  ///< its place in the table
  int depth = 0;
  StructuredField type;       ///< by default text/plain, in a digest message/rfc822
  bool has_type = false;      ///< a Content-Type field is there
  std::string disposition{};  ///< "attachment", "inline", … or empty
  std::string file_name{};    ///< decoded, not yet safe (base/file_name.h); or empty
  TransferEncoding encoding = TransferEncoding::seven_bit;
  bool is_signed = false;  ///< the header of this part, or message, has a DKIM-Signature

  Span header{};          ///< whole lines, without the empty line
  Span encoding_field{};  ///< the Content-Transfer-Encoding field, whole lines
  Span body{};            ///< without the CRLF that belongs to the delimiter after it
  bool is_header_8bit = false;
  std::uint64_t eight_bit = 0;  ///< octets above 127: of a leaf's body; else before, between and
                                ///< after the parts inside
  std::uint64_t close = kNotClosed;  ///< of a multipart: where its closing delimiter line begins

  [[nodiscard]] bool is_multipart() const { return type.value.starts_with("multipart/"); }
  /// A message inside (RFC 2046 §5.2.1), not encoded: the next part in the table.
  [[nodiscard]] bool is_message() const;
  [[nodiscard]] bool is_leaf() const { return !is_multipart() && !is_message(); }
  /// By its type, or by a DKIM-Signature: never to be altered.
  [[nodiscard]] bool is_sealed() const;
};

struct MimeLimits {
  std::size_t parts = 1000;
  int depth = 50;                          ///< of the parts; the message itself has 0
  std::size_t header_bytes = 1024 * 1024;  ///< of all part headers together
};

/// Scans a body whose header is `header`; parts come in the order of their beginning.
/// Errc::malformed: see above, or a limit is exceeded; other errors are the body's.
Result<std::vector<Part>> scan_mime(const HeaderIndex& header, Source& body,
                                    MimeLimits limits = {});

}  // namespace sm::message
