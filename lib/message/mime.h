#pragma once
// The parts of a MIME message (RFC 2045, RFC 2046), found while its body streams by.
//
// The scanner keeps a table of parts with their places in the body and none of their content. It
// reads strictly where readers differ (a part header without a colon, a Content-Type with two
// boundaries, a multipart without one): such a structure is an error, and whoever would change or
// split the message leaves it alone or refuses it. A message is bounded: 1,000 parts, 50 deep.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "message/header.h"
#include "message/parameters.h"
#include "message/source.h"

namespace sm::message {

enum class TransferEncoding { seven_bit, eight_bit, binary, quoted_printable, base64, unknown };

/// A part; the message itself is the first one. Places are offsets into the message's body; the
/// first part's header is not in the body, so its places are 0.
struct Part {
  static constexpr std::size_t kNone = SIZE_MAX;

  std::size_t parent = kNone;
  int depth = 0;
  std::string header;     ///< raw, CRLF lines; at most 64 KiB
  StructuredField type;   ///< by default text/plain, in a digest message/rfc822
  bool has_type = false;  ///< a Content-Type field is there
  TransferEncoding encoding = TransferEncoding::seven_bit;
  std::string disposition;  ///< "attachment", "inline", … or empty
  std::string file_name;    ///< decoded, unsafe as it is (base/file_name.h); or empty

  std::uint64_t header_begin = 0;
  std::uint64_t body_begin = 0;
  std::uint64_t body_end = 0;   ///< before the CRLF that belongs to the delimiter
  std::uint64_t eight_bit = 0;  ///< octets above 127 in the body of a leaf
  std::uint64_t close_begin =
      kNoClose;  ///< of a multipart: where its closing delimiter line begins

  static constexpr std::uint64_t kNoClose = UINT64_MAX;

  [[nodiscard]] bool is_multipart() const { return type.value.starts_with("multipart/"); }
  /// message/rfc822 or message/global: the next part in the table is the message inside.
  [[nodiscard]] bool is_message() const;
  [[nodiscard]] bool is_leaf() const { return !is_multipart() && !is_message(); }
};

struct MimeLimits {
  std::size_t parts = 1000;
  int depth = 50;
};

/// Scans a body whose header is `header`. Errc::malformed: see above, or a limit is exceeded.
Result<std::vector<Part>> scan_mime(const HeaderIndex& header, Source& body,
                                    MimeLimits limits = {});

}  // namespace sm::message
