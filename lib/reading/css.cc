#include "reading/css.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace sm::reading {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\f";
constexpr std::size_t kLongestValue = 200;
constexpr std::size_t kLongestSelector = 400;

/// Whole names, and with a "-" at the end all names that begin so.
constexpr std::array<std::string_view, 40> kProperties = {
    "color",           "background-color", "background",      "font",
    "font-",           "text-align",       "text-indent",     "text-transform",
    "text-decoration", "line-height",      "letter-spacing",  "word-spacing",
    "white-space",     "margin",           "margin-",         "padding",
    "padding-",        "border",           "border-",         "width",
    "height",          "min-width",        "max-width",       "min-height",
    "max-height",      "display",          "vertical-align",  "float",
    "clear",           "list-style",       "list-style-type", "table-layout",
    "caption-side",    "direction",        "overflow-wrap",   "word-wrap",
    "word-break",      "overflow",         "visibility",      "opacity"};

bool is_property(std::string_view name) {
  return std::any_of(kProperties.begin(), kProperties.end(), [&](std::string_view allowed) {
    return allowed.ends_with('-') ? name.starts_with(allowed) : name == allowed;
  });
}

bool is_colour_function(std::string_view before_parenthesis) {
  const auto begin = before_parenthesis.find_last_not_of("abcdefghijklmnopqrstuvwxyz-");
  const auto name = before_parenthesis.substr(begin == before_parenthesis.npos ? 0 : begin + 1);
  return name == "rgb" || name == "rgba" || name == "hsl" || name == "hsla";
}

/// Words, numbers, colours, names of fonts in quotes. Lower case, except that it does not matter.
bool is_value(std::string_view value) {
  if (value.empty() || value.size() > kLongestValue) return false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '(' && !is_colour_function(value.substr(0, i))) return false;
    if (!is_alnum(c) && std::string_view(" #%.,+-/!()'\"_").find(c) == std::string_view::npos) {
      return false;
    }
  }
  const auto is_even = [&](char quote) {
    return std::count(value.begin(), value.end(), quote) % 2 == 0;
  };
  return is_even('\'') && is_even('"') &&
         std::count(value.begin(), value.end(), '(') == std::count(value.begin(), value.end(), ')');
}

std::string without_comments(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto begin = std::min(text.find("/*"), text.size());
    out += text.substr(0, begin);
    text.remove_prefix(begin);
    if (text.empty()) break;
    const auto end = text.find("*/", 2);
    text.remove_prefix(end == text.npos ? text.size() : end + 2);
  }
  return out;
}

bool consists_of(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_alnum(c) || more.find(c) != std::string_view::npos; });
}

std::string one_line(std::string_view text) {
  std::string line(trimmed(text, kBlanks));
  for (char& c : line) {
    if (kBlanks.find(c) != std::string_view::npos) c = ' ';
  }
  return line;
}

/// The place of the "}" that closes the block which begins at 0, or the size.
std::size_t block_end(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth <= 0) return i;
  }
  return text.size();
}

std::string clean_rules(std::string_view text, bool is_inside);

/// "@media only screen and (max-width: 600px) { rules }"; nothing of any other at-rule.
std::string clean_media(std::string_view prelude, std::string_view block) {
  const auto query = one_line(prelude);
  if (!starts_with_ignoring_case(query, "@media ") || query.size() > kLongestSelector) return {};
  if (!consists_of(query.substr(1), " :().,-")) return {};
  for (auto at = query.find('('); at != query.npos; at = query.find('(', at + 1)) {
    if (query[at - 1] != ' ' && query[at - 1] != '(') return {};  // a function
  }
  const auto rules = clean_rules(block, true);
  return rules.empty() ? std::string() : query + "{" + rules + "}";
}

std::string clean_rules(std::string_view text, bool is_inside) {
  std::string out;
  while (!(text = trimmed(text, kBlanks)).empty()) {
    const auto open = text.find('{');
    if (text[0] == '@') {  // @import, @charset, @namespace
      const auto semicolon = text.substr(0, open).find(';');
      if (semicolon != text.npos) {
        text.remove_prefix(semicolon + 1);
        continue;
      }
    }
    if (open == text.npos) break;
    const auto prelude = text.substr(0, open);
    const auto size = block_end(text.substr(open));
    const auto block = text.substr(open + 1, size > 0 ? size - 1 : 0);
    text.remove_prefix(std::min(open + size + 1, text.size()));
    if (prelude.starts_with('@')) {
      if (!is_inside) out += clean_media(prelude, block);
      continue;
    }
    const auto selector = one_line(prelude);
    if (selector.empty() || selector.size() > kLongestSelector) continue;
    if (!consists_of(selector, " .,#>+~*:_-")) continue;
    const auto declarations = clean_declarations(block);
    if (!declarations.empty()) out += selector + "{" + declarations + "}";
  }
  return out;
}

}  // namespace

std::string clean_declarations(std::string_view text) {
  std::string out;
  for (const auto piece : split(text, ';')) {
    const auto colon = piece.find(':');
    if (colon == piece.npos) continue;
    const auto name = to_lower(trimmed(piece.substr(0, colon), kBlanks));
    const auto value = to_lower(one_line(piece.substr(colon + 1)));
    if (is_property(name) && consists_of(name, "-") && is_value(value)) {
      out += name + ":" + value + ";";
    }
  }
  return out;
}

std::string clean_sheet(std::string_view text) {
  auto sheet = without_comments(text);
  for (const std::string_view mark : {"<!--", "-->"}) {  // once hid sheets from old browsers
    for (auto at = sheet.find(mark); at != sheet.npos; at = sheet.find(mark, at))
      std::fill_n(sheet.begin() + static_cast<std::ptrdiff_t>(at), mark.size(), ' ');
  }
  return clean_rules(sheet, false);
}

}  // namespace sm::reading
