#pragma once
// Encoded words (RFC 2047): text beyond ASCII in header fields of ASCII.
//
// Decoding is for people's eyes and never decides anything: what cannot be decoded stays as it was
// written, and what could be is made valid UTF-8 without control characters.

#include <string>
#include <string_view>

namespace sm::message {

/// Decodes every encoded word of an unfolded value. White space between two of them goes away, and
/// adjacent words of one charset and encoding are joined before conversion, since senders split
/// characters between them. Unknown charsets and broken words stay as written.
std::string decode_words(std::string_view text);

/// UTF-8 text as a phrase or unstructured value of ASCII: as it is where it is printable ASCII,
/// otherwise in encoded words of at most 75 characters, split between characters.
std::string encode_words(std::string_view text);

/// Converts bytes of a charset to UTF-8; what has no meaning in it becomes U+FFFD. Empty where the
/// charset is unknown and the bytes are not.
std::string to_utf8(std::string_view bytes, std::string_view charset);

}  // namespace sm::message
