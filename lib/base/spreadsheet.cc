#include "base/spreadsheet.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace sm {
namespace {

/// Takes one blank or invisible character off the front, which some spreadsheets trim.
bool take_blank(std::string_view& text) {
  // Space, no-break space, zero-width characters and marks of direction, ideographic space, BOM.
  constexpr std::array<std::string_view, 10> kBlanks = {" ",
                                                        "\xc2\xa0",
                                                        "\xe2\x80\x8b",
                                                        "\xe2\x80\x8c",
                                                        "\xe2\x80\x8d",
                                                        "\xe2\x80\x8e",
                                                        "\xe2\x80\x8f",
                                                        "\xe2\x81\xa0",
                                                        "\xe3\x80\x80",
                                                        "\xef\xbb\xbf"};
  for (const std::string_view blank : kBlanks) {
    if (!text.starts_with(blank)) continue;
    text.remove_prefix(blank.size());
    return true;
  }
  return false;
}

}  // namespace

bool begins_like_formula(std::string_view text) {
  while (take_blank(text))
    continue;
  constexpr std::array<std::string_view, 8> kBeginnings = {
      "=", "+", "-", "@", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};
  const bool has_control = !text.empty() && static_cast<unsigned char>(text[0]) < 0x20;
  return has_control || std::any_of(kBeginnings.begin(), kBeginnings.end(),
                                    [&](std::string_view one) { return text.starts_with(one); });
}

bool is_formula(std::string_view text) {
  text = trimmed(text, " \t\r\n");
  if (text.empty()) return false;
  const char sign = text.front();
  if (sign == '=') return true;
  if (sign != '+' && sign != '-' && sign != '@') return false;
  // A function call directly after the sign, or a call of another program (DDE).
  const auto open = text.find('(');
  const bool calls =
      open != text.npos && open > 1 &&
      std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(open),
                  [](char c) { return is_alnum(c) || c == '.' || c == '_'; }) &&
      std::any_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(open), is_alpha);
  const auto pipe = text.find('|');
  const bool runs = pipe != text.npos && text.find('!', pipe) != text.npos;
  return calls || runs;
}

}  // namespace sm
