#pragma once
// Writing JSON, one object a line, in the order in which fields are added: what is hashed is what
// is written, so the order must be ours. Strings are made valid UTF-8 first; control characters are
// escaped, and so are U+2028, U+2029 and DEL, so that a line stays a line everywhere.

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sm {

/// `"…"` with everything escaped that must be.
std::string json_quote(std::string_view text);

/// Builds `{"a":1,"b":[…]}` without white space.
class JsonObject {
 public:
  JsonObject& add(std::string_view key, std::string_view value) {
    return add_raw(key, json_quote(value));
  }
  JsonObject& add(std::string_view key, const std::string& value) {
    return add(key, std::string_view(value));
  }
  JsonObject& add(std::string_view key, const char* value) {
    return add(key, std::string_view(value));
  }
  JsonObject& add(std::string_view key, std::same_as<bool> auto value) {
    return add_raw(key, value ? "true" : "false");
  }
  JsonObject& add(std::string_view key,
                  std::integral auto value) requires(!std::same_as<decltype(value), bool> &&
                                                     !std::same_as<decltype(value), char>) {
    return add_raw(key, std::to_string(value));
  }
  JsonObject& add(std::string_view key, std::nullptr_t) { return add_raw(key, "null"); }
  /// The value, or null.
  template <class T>
  JsonObject& add(std::string_view key, const std::optional<T>& value) {
    return value ? add(key, *value) : add(key, nullptr);
  }
  /// Seconds with three digits, as in "seconds":0.041.
  JsonObject& add_seconds(std::string_view key, double seconds);
  /// A value that is JSON already.
  JsonObject& add_raw(std::string_view key, std::string_view json);
  /// The text so far, closed.
  [[nodiscard]] std::string text() const { return text_ + '}'; }

 private:
  std::string text_ = "{";
};

/// Builds `[…]`.
class JsonArray {
 public:
  JsonArray& add(std::string_view value) { return add_raw(json_quote(value)); }
  JsonArray& add_raw(std::string_view json);
  [[nodiscard]] std::string text() const { return text_ + ']'; }

 private:
  std::string text_ = "[";
};

}  // namespace sm
