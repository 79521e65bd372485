#pragma once
// Texts of a message as a person reads them: charsets, format=flowed, header fields, dates.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sm::reading {

/// Octets of a text part as UTF-8. What the charset does not know becomes U+FFFD; a charset that is
/// missing or unknown, or US-ASCII with 8-bit octets, is taken for UTF-8 where the octets are that,
/// else for Windows-1252.
std::string text_of_charset(std::string_view octets, std::string_view charset);

/// Lines that end in LF; no control characters but tabs.
std::string with_plain_lines(std::string_view text);

/// Joins the lines of format=flowed paragraphs (RFC 3676 §4), quotes marked "> "; `text` has LF.
std::string unflowed(std::string_view text, bool deletes_space);

/// A header field's value for a page: unfolded, encoded words decoded, one line, at most `most`
/// octets, nothing in it that turns the direction of the text around it.
std::string shown_value(std::string_view value, std::size_t most = 2000);

/// An address list as "Name <address>, …"; a value that is none is shown as it is.
std::string shown_addresses(std::string_view value, std::size_t most = 2000);

struct ParsedDate {
  std::chrono::sys_seconds time;
  std::chrono::minutes offset;
};
/// A date and time (RFC 5322 §3.3), obsolete zones and two-digit years included (§4.3).
std::optional<ParsedDate> parse_date(std::string_view value);

}  // namespace sm::reading
