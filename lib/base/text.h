#pragma once
// Text in ASCII and UTF-8, independent of the locale (F25: LC_ALL changes nothing here).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sm {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_alnum(char c) {
  return is_digit(c) || is_alpha(c);
}
constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string to_lower(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);
bool ends_with_ignoring_case(std::string_view text, std::string_view suffix);

/// Without the characters of `blanks` at both ends.
std::string_view trimmed(std::string_view text, std::string_view blanks = " \t");
/// The pieces between separators, empty ones included; "" gives one empty piece.
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& pieces, std::string_view separator);

/// A decimal number without sign, leading zero or white space, at most `most`.
std::optional<std::uint64_t> parse_decimal(std::string_view text, std::uint64_t most = UINT64_MAX);

/// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);
bool is_ascii(std::string_view text);
/// The same text with each byte that is not part of well-formed UTF-8 replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

/// For people and terminals: control characters (C0, DEL, C1), bidirectional overrides and invalid
/// bytes shown as \xNN or \u{N}, a backslash doubled; the result is one line of printable UTF-8.
std::string printable(std::string_view text);

}  // namespace sm
