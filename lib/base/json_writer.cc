#include "base/json_writer.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"

namespace sm {

std::string json_quote(std::string_view text) {
  // Most of what is written is plain: it needs no second look.
  const bool is_plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
  });
  if (is_plain) {
    std::string quoted;
    quoted.reserve(text.size() + 2);
    quoted += '"';
    quoted += text;
    return quoted += '"';
  }
  std::string valid;
  if (!is_utf8(text)) {
    valid = to_valid_utf8(text);
    text = valid;
  }
  std::string quoted = "\"";
  quoted.reserve(text.size() + 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto rest = text.substr(i);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += static_cast<char>(c);
    } else if (c < 0x20 || c == 0x7f) {
      std::array<char, 8> escaped{};
      (void)std::snprintf(escaped.data(), escaped.size(), "\\u%04x", c);
      quoted += escaped.data();
    } else if (rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9")) {
      quoted += text[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      quoted += static_cast<char>(c);
    }
  }
  return quoted + '"';
}

JsonObject& JsonObject::add_raw(std::string_view key, std::string_view json) {
  if (text_.size() > 1) text_ += ',';
  text_ += json_quote(key);
  text_ += ':';
  text_ += json;
  return *this;
}

JsonObject& JsonObject::add_seconds(std::string_view key, double seconds) {
  std::array<char, 40> text{};
  (void)std::snprintf(text.data(), text.size(), "%.3f", seconds);
  return add_raw(key, text.data());
}

JsonArray& JsonArray::add_raw(std::string_view json) {
  if (text_.size() > 1) text_ += ',';
  text_ += json;
  return *this;
}

}  // namespace sm
