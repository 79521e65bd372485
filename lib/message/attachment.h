#pragma once
// Files that become MIME parts (RFC 2183): read once, streaming, always in base64.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "message/scratch.h"

namespace sm::message {

/// A file that becomes a part.
struct Attachment {
  std::string path;
  std::string name{};  ///< shown to the recipient, made safe; by default the path's last component
  std::string type{};  ///< by default from the name's extension, else application/octet-stream
  /// Instead of a file: words that are read with the message, ASCII, lines that end in CRLF.
  std::string text{};
};

/// The type for a file of this name: "application/pdf". Text types without charset.
std::string_view type_of_name(std::string_view name);

/// Appends, for each file, the delimiter line, a header and the content. Errc::no_input or io where
/// one cannot be read whole, Errc::malformed where a type is wrong.
Result<void> append_attachments(const std::vector<Attachment>& attachments,
                                std::string_view boundary, Scratch& out);

}  // namespace sm::message
