#include "reading/html_tokens.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/text.h"

namespace sm::reading {
namespace {

constexpr std::string_view kTokenBlanks = " \t\r\n\f";
constexpr std::size_t kMostAttributes = 64;

bool is_blank(char c) {
  return kTokenBlanks.find(c) != std::string_view::npos;
}

/// Elements whose content is no markup (HTML §13.2.5, "raw text" and "escapable raw text").
/// <noscript> is not among them: it is shown, since no script runs.
bool has_raw_content(std::string_view name) {
  constexpr std::array<std::string_view, 9> kNames = {
      "script", "style", "title", "textarea", "iframe", "noembed", "noframes", "xmp", "plaintext"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

struct Reference {
  std::string_view name;
  char32_t character;
};
constexpr std::array kReferences = {
    Reference{"amp", '&'},       Reference{"lt", '<'},        Reference{"gt", '>'},
    Reference{"quot", '"'},      Reference{"apos", '\''},     Reference{"nbsp", 0xa0},
    Reference{"Tab", '\t'},      Reference{"NewLine", '\n'},  Reference{"colon", ':'},
    Reference{"sol", '/'},       Reference{"period", '.'},    Reference{"num", '#'},
    Reference{"quest", '?'},     Reference{"equals", '='},    Reference{"lpar", '('},
    Reference{"rpar", ')'},      Reference{"commat", '@'},    Reference{"percnt", '%'},
    Reference{"iexcl", 0xa1},    Reference{"pound", 0xa3},    Reference{"sect", 0xa7},
    Reference{"copy", 0xa9},     Reference{"laquo", 0xab},    Reference{"shy", 0xad},
    Reference{"reg", 0xae},      Reference{"deg", 0xb0},      Reference{"plusmn", 0xb1},
    Reference{"micro", 0xb5},    Reference{"middot", 0xb7},   Reference{"raquo", 0xbb},
    Reference{"frac14", 0xbc},   Reference{"frac12", 0xbd},   Reference{"frac34", 0xbe},
    Reference{"iquest", 0xbf},   Reference{"Agrave", 0xc0},   Reference{"Aacute", 0xc1},
    Reference{"Acirc", 0xc2},    Reference{"Atilde", 0xc3},   Reference{"Auml", 0xc4},
    Reference{"Aring", 0xc5},    Reference{"AElig", 0xc6},    Reference{"Ccedil", 0xc7},
    Reference{"Egrave", 0xc8},   Reference{"Eacute", 0xc9},   Reference{"Ecirc", 0xca},
    Reference{"Euml", 0xcb},     Reference{"Igrave", 0xcc},   Reference{"Iacute", 0xcd},
    Reference{"Icirc", 0xce},    Reference{"Iuml", 0xcf},     Reference{"Ntilde", 0xd1},
    Reference{"Ograve", 0xd2},   Reference{"Oacute", 0xd3},   Reference{"Ocirc", 0xd4},
    Reference{"Otilde", 0xd5},   Reference{"Ouml", 0xd6},     Reference{"times", 0xd7},
    Reference{"Oslash", 0xd8},   Reference{"Ugrave", 0xd9},   Reference{"Uacute", 0xda},
    Reference{"Ucirc", 0xdb},    Reference{"Uuml", 0xdc},     Reference{"szlig", 0xdf},
    Reference{"agrave", 0xe0},   Reference{"aacute", 0xe1},   Reference{"acirc", 0xe2},
    Reference{"atilde", 0xe3},   Reference{"auml", 0xe4},     Reference{"aring", 0xe5},
    Reference{"aelig", 0xe6},    Reference{"ccedil", 0xe7},   Reference{"egrave", 0xe8},
    Reference{"eacute", 0xe9},   Reference{"ecirc", 0xea},    Reference{"euml", 0xeb},
    Reference{"igrave", 0xec},   Reference{"iacute", 0xed},   Reference{"icirc", 0xee},
    Reference{"iuml", 0xef},     Reference{"ntilde", 0xf1},   Reference{"ograve", 0xf2},
    Reference{"oacute", 0xf3},   Reference{"ocirc", 0xf4},    Reference{"otilde", 0xf5},
    Reference{"ouml", 0xf6},     Reference{"divide", 0xf7},   Reference{"oslash", 0xf8},
    Reference{"ugrave", 0xf9},   Reference{"uacute", 0xfa},   Reference{"ucirc", 0xfb},
    Reference{"uuml", 0xfc},     Reference{"yuml", 0xff},     Reference{"ndash", 0x2013},
    Reference{"mdash", 0x2014},  Reference{"lsquo", 0x2018},  Reference{"rsquo", 0x2019},
    Reference{"sbquo", 0x201a},  Reference{"ldquo", 0x201c},  Reference{"rdquo", 0x201d},
    Reference{"bdquo", 0x201e},  Reference{"bull", 0x2022},   Reference{"hellip", 0x2026},
    Reference{"lsaquo", 0x2039}, Reference{"rsaquo", 0x203a}, Reference{"euro", 0x20ac},
    Reference{"trade", 0x2122},  Reference{"rarr", 0x2192},   Reference{"larr", 0x2190},
    Reference{"zwnj", 0x200c},   Reference{"zwj", 0x200d},    Reference{"ensp", 0x2002},
    Reference{"emsp", 0x2003},   Reference{"thinsp", 0x2009},
};

void append_utf8(char32_t c, std::string& out) {
  const auto put = [&](char32_t octet) { out += static_cast<char>(octet); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

int digit_of(char c, std::uint32_t base) {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return base == 16 && lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// "&#65;", "&#x41" at the start of text: the character and how long it is written. A semicolon may
/// be missing, as browsers have it. Controls and what is no character become U+FFFD.
std::optional<std::pair<char32_t, std::size_t>> numbered(std::string_view text) {
  const bool is_hex = text.size() > 2 && to_lower(text[2]) == 'x';
  const std::uint32_t base = is_hex ? 16 : 10;
  std::size_t i = is_hex ? 3 : 2;
  const std::size_t first = i;
  std::uint32_t value = 0;
  for (; i < text.size() && digit_of(text[i], base) >= 0; ++i) {
    if (value <= 0x10ffff)
      value = value * base + static_cast<std::uint32_t>(digit_of(text[i], base));
  }
  if (i == first) return std::nullopt;
  if (i < text.size() && text[i] == ';') ++i;
  const bool is_control = (value < 0x20 && value != '\t' && value != '\n' && value != '\r') ||
                          (value >= 0x7f && value < 0xa0);
  const bool is_none = value > 0x10ffff || (value >= 0xd800 && value < 0xe000);
  return std::pair<char32_t, std::size_t>(is_control || is_none ? 0xfffd : value, i);
}

std::optional<std::pair<char32_t, std::size_t>> named(std::string_view text) {
  constexpr std::size_t kLongest = 10;
  const auto end = text.substr(0, kLongest).find(';');
  if (end == text.npos) return std::nullopt;
  const auto name = text.substr(1, end - 1);
  for (const auto& reference : kReferences) {
    if (reference.name == name) return std::pair(reference.character, end + 1);
  }
  return std::nullopt;
}

}  // namespace

const std::string_view* HtmlToken::find(std::string_view wanted) const {
  for (const auto& attribute : attributes) {
    if (attribute.name == wanted) return &attribute.value;
  }
  return nullptr;
}

HtmlToken HtmlTokens::next() {
  if (!raw_name_.empty()) return raw();
  while (at_ < html_.size()) {
    if (html_[at_] != '<') {
      const auto end = std::min(html_.find('<', at_), html_.size());
      const auto text = html_.substr(at_, end - at_);
      at_ = end;
      return {.kind = HtmlToken::Kind::text, .text = text};
    }
    if (is_alpha(at(at_ + 1))) {
      ++at_;
      return tag(HtmlToken::Kind::start);
    }
    if (at(at_ + 1) == '/' && is_alpha(at(at_ + 2))) {
      at_ += 2;
      return tag(HtmlToken::Kind::end);
    }
    if (at(at_ + 1) == '!' || at(at_ + 1) == '?' || at(at_ + 1) == '/') {
      skip_markup();
      continue;
    }
    ++at_;  // a "<" that begins nothing is text
    return {.kind = HtmlToken::Kind::text, .text = html_.substr(at_ - 1, 1)};
  }
  return {};
}

/// Comments, declarations, processing instructions, and "</" before no letter.
void HtmlTokens::skip_markup() {
  std::size_t end = html_.npos;
  if (html_.substr(at_).starts_with("<!--")) {
    const bool is_empty = at(at_ + 4) == '>' || html_.substr(at_ + 4).starts_with("->");
    end = is_empty ? html_.find('>', at_) : html_.find("-->", at_ + 4);
    if (!is_empty && end != html_.npos) end += 2;
  } else {
    end = html_.find('>', at_);
  }
  at_ = end == html_.npos ? html_.size() : end + 1;
}

/// Up to the end tag of the element, which is the next token; to the end where there is none.
HtmlToken HtmlTokens::raw() {
  HtmlToken token{.kind = HtmlToken::Kind::raw, .name = std::move(raw_name_)};
  raw_name_.clear();
  const std::size_t begin = at_;
  std::size_t end = token.name == "plaintext" ? html_.npos : html_.find("</", at_);
  while (end != html_.npos) {
    const char after = at(end + 2 + token.name.size());
    if (starts_with_ignoring_case(html_.substr(end + 2), token.name) &&
        (is_blank(after) || after == '/' || after == '>')) {
      break;
    }
    end = html_.find("</", end + 2);
  }
  at_ = std::min(end, html_.size());
  token.text = html_.substr(begin, at_ - begin);
  return token;
}

HtmlToken HtmlTokens::tag(HtmlToken::Kind kind) {
  const auto is_end = [&](char c) { return is_blank(c) || c == '/' || c == '>'; };
  HtmlToken token{.kind = kind};
  while (at_ < html_.size() && !is_end(html_[at_]))
    token.name += to_lower(html_[at_++]);
  read_attributes(token);
  if (at_ >= html_.size()) return {};  // a tag that does not end is none
  ++at_;
  if (kind == HtmlToken::Kind::start && has_raw_content(token.name)) raw_name_ = token.name;
  return token;
}

/// Up to the ">" that ends the tag; one inside quotes does not.
void HtmlTokens::read_attributes(HtmlToken& token) {
  while (at_ < html_.size() && html_[at_] != '>') {
    if (is_blank(html_[at_]) || html_[at_] == '/') {
      token.is_self_closing = html_[at_] == '/';
      ++at_;
      continue;
    }
    HtmlAttribute attribute;
    do {
      attribute.name += to_lower(html_[at_++]);
    } while (at_ < html_.size() && !is_blank(html_[at_]) &&
             std::string_view("/>=").find(html_[at_]) == std::string_view::npos);
    auto value = std::min(html_.find_first_not_of(kTokenBlanks, at_), html_.size());
    if (at(value) == '=') {
      value = std::min(html_.find_first_not_of(kTokenBlanks, value + 1), html_.size());
      const char quote = at(value);
      const bool is_quoted = quote == '"' || quote == '\'';
      if (is_quoted) ++value;
      const auto end =
          std::min(is_quoted ? html_.find(quote, value) : html_.find_first_of(" \t\r\n\f>", value),
                   html_.size());
      attribute.value = html_.substr(value, end - value);
      at_ = std::min(is_quoted ? end + 1 : end, html_.size());
    }
    token.is_self_closing = false;
    const bool is_new = token.find(attribute.name) == nullptr;
    if (is_new && token.attributes.size() < kMostAttributes) {
      token.attributes.push_back(std::move(attribute));
    }
  }
}

std::string decode_references(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    const auto begin = std::min(text.find('&'), text.size());
    decoded += text.substr(0, begin);
    text.remove_prefix(begin);
    if (text.empty()) break;
    const auto found = text.size() > 1 && text[1] == '#' ? numbered(text) : named(text);
    if (found) {
      append_utf8(found->first, decoded);
    } else {
      decoded += '&';
    }
    text.remove_prefix(found ? found->second : 1);
  }
  return decoded;
}

}  // namespace sm::reading
