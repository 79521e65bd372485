#include "portal/fields.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "message/octets.h"

namespace sm::portal {
namespace {

constexpr std::size_t kMostFields = 32;

/// "0.8" of ";q=0.8" in thousandths; 1000 without one, 0 where it cannot be read.
int quality(std::string_view parameters) {
  for (const auto piece : split(parameters, ';')) {
    const auto text = trimmed(piece);
    if (!starts_with_ignoring_case(text, "q=")) continue;
    const auto number = text.substr(2);
    if (number.empty() || number.size() > 5 || (number[0] != '0' && number[0] != '1')) return 0;
    if (number.size() == 1) return number[0] == '1' ? 1000 : 0;
    if (number[1] != '.') return 0;
    int thousandths = (number[0] - '0') * 1000;
    int unit = 100;
    for (const char c : number.substr(2)) {
      if (!is_digit(c)) return 0;
      thousandths += (c - '0') * unit;
      unit /= 10;
    }
    return std::min(thousandths, 1000);
  }
  return 1000;
}

std::optional<Secret> decode_form(std::string_view text) {
  Secret out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto octet = static_cast<std::uint8_t>(text[i]);
    if (text[i] == '+') {
      octet = ' ';
    } else if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = message::hex_digit(text[i + 1]);
      const int low = message::hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      octet = static_cast<std::uint8_t>(high * 16 + low);
      i += 2;
    }
    out.append(Bytes(&octet, 1));
  }
  return out;
}

bool is_attr_char(char c) {  // RFC 8187 §3.2.1
  return is_alnum(c) || std::string_view("!#$&+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

std::optional<std::string_view> find_cookie(std::string_view field, std::string_view name) {
  std::optional<std::string_view> found;
  for (const auto piece : split(field, ';')) {
    const auto pair = trimmed(piece);
    const auto equals = pair.find('=');
    if (equals == pair.npos || pair.substr(0, equals) != name) continue;
    if (found) return std::nullopt;
    found = pair.substr(equals + 1);
  }
  return found;
}

RangeAnswer parse_range(std::string_view field, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!starts_with_ignoring_case(field, kUnit)) return {};
  const auto spec = trimmed(field.substr(kUnit.size()));
  if (spec.find(',') != spec.npos) return {};
  const auto hyphen = spec.find('-');
  if (hyphen == spec.npos) return {};
  const auto digits = [](std::string_view text) -> std::optional<std::uint64_t> {
    // Leading zeros are allowed here; what does not fit 64 bits lies beyond everything.
    if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
    while (text.size() > 1 && text.front() == '0')
      text.remove_prefix(1);
    return parse_decimal(text).value_or(UINT64_MAX);
  };
  const auto from = spec.substr(0, hyphen);
  const auto to = spec.substr(hyphen + 1);
  if (from.empty()) {  // the last so many
    const auto count = digits(to);
    if (!count) return {};
    if (*count == 0 || size == 0) return {RangeKind::unsatisfiable};
    return {RangeKind::part, {size - std::min(*count, size), size - 1}};
  }
  const auto first = digits(from);
  const auto last = to.empty() ? std::optional<std::uint64_t>(UINT64_MAX) : digits(to);
  if (!first || !last || *last < *first) return {};
  if (*first >= size) return {RangeKind::unsatisfiable};
  return {RangeKind::part, {*first, std::min(*last, size - 1)}};
}

std::string_view preferred_language(std::string_view accept_language) {
  int dutch = 0;
  int english = 0;
  for (const auto piece : split(accept_language, ',')) {
    const auto text = trimmed(piece);
    const auto semicolon = text.find(';');
    const auto tag = trimmed(text.substr(0, semicolon));
    const int q = semicolon == text.npos ? 1000 : quality(text.substr(semicolon + 1));
    const auto is = [&](std::string_view language) {
      return starts_with_ignoring_case(tag, language) &&
             (tag.size() == language.size() || tag[language.size()] == '-');
    };
    if (is("nl")) dutch = std::max(dutch, q);
    if (is("en")) english = std::max(english, q);
  }
  if (dutch == 0 && english == 0) return "";
  return dutch >= english ? "nl" : "en";
}

std::optional<Form> parse_form(Bytes body) {
  Form form;
  if (body.empty()) return form;
  for (const auto piece : split(as_text(body), '&')) {
    if (piece.empty()) continue;
    const auto equals = piece.find('=');
    auto name = decode_form(piece.substr(0, equals));
    auto value = decode_form(equals == piece.npos ? std::string_view() : piece.substr(equals + 1));
    if (!name || !value || form.size() == kMostFields) return std::nullopt;
    const std::string key(as_text(name->reveal()));
    if (!form.emplace(key, std::move(*value)).second) return std::nullopt;
  }
  return form;
}

std::string attachment_disposition(std::string_view name) {
  std::string plain;
  std::string encoded;
  bool is_same = true;
  for (const char c : name) {
    const auto octet = static_cast<unsigned char>(c);
    const bool is_continuation = (octet & 0xc0U) == 0x80U;
    // A percent sign is left out of the plain name: some clients decode it (RFC 6266 appendix D).
    const bool is_plain = octet >= 0x20 && octet < 0x7f && c != '"' && c != '\\' && c != '%';
    is_same = is_same && is_plain;
    if (is_plain) {
      plain += c;
    } else if (!is_continuation) {
      plain += '_';
    }
    if (is_attr_char(c)) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", octet);
    }
  }
  std::string value = "attachment; filename=\"" + plain + "\"";
  if (!is_same) value += "; filename*=UTF-8''" + encoded;
  return value;
}

std::string canonical_host(std::string_view host) {
  std::string out = to_lower(host);
  const auto is_host_char = [](char c) {
    return is_alnum(c) || c == '.' || c == '-' || c == ':' || c == '[' || c == ']' || c == '_';
  };
  if (out.empty() || out.size() > 300 || !std::all_of(out.begin(), out.end(), is_host_char)) {
    return {};
  }
  for (const std::string_view port : {":443", ":80"}) {
    if (out.ends_with(port)) out.resize(out.size() - port.size());
  }
  if (out.ends_with('.')) out.pop_back();
  return out;
}

std::string size_text(std::uint64_t octets, char decimal) {
  if (octets < 1000) return fmt::format("{} B", octets);
  constexpr std::string_view kUnits[] = {"kB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(octets) / 1000;
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  std::string text = value < 99.95 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  std::replace(text.begin(), text.end(), '.', decimal);
  return text + "\u00a0" + std::string(kUnits[unit]);
}

}  // namespace sm::portal
