#include "base/json.h"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "base/text.h"

namespace sm {
namespace {

using nlohmann::json;

/// Builds the value as the parser meets its pieces; stops it (false) at the first that is refused.
class StrictBuilder final : public nlohmann::json_sax<json> {
 public:
  explicit StrictBuilder(std::size_t depth) : most_depth_(depth) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return refuse("binary data"); }

  bool number_float(number_float_t value, const string_t& text) override {
    // An integer that fits neither 64-bit type comes here as the nearest double.
    if (text.find_first_of(".eE") == text.npos)
      return refuse("the integer " + text + " is too large");
    return add(value);
  }

  bool start_object(std::size_t) override { return open(json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    auto& inner = open_.back();
    if (!inner.names.insert(name).second) return refuse("the key \"" + name + "\" comes twice");
    inner.name = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error …"
    const std::string_view text = error.what();
    const auto bracket = text.find("] ");
    why_ = "at octet " + std::to_string(position) + ": " +
           std::string(bracket == text.npos ? text : text.substr(bracket + 2));
    return false;
  }

  json take() { return std::move(root_); }
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  /// An object or array that is not closed yet.
  struct Open {
    json value;
    std::string name;             ///< of an object: the key whose value comes next
    std::set<std::string> names;  ///< of an object: those seen
  };

  bool refuse(std::string why) {
    why_ = std::move(why);
    return false;
  }
  bool open(json value) {
    if (open_.size() == most_depth_) {
      return refuse("more than " + std::to_string(most_depth_) + " levels");
    }
    open_.push_back({std::move(value), {}, {}});
    return true;
  }
  bool close() {
    json value = std::move(open_.back().value);
    open_.pop_back();
    return add(std::move(value));
  }
  bool add(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (auto& inner = open_.back(); inner.value.is_array()) {
      inner.value.push_back(std::move(value));
    } else {
      inner.value[inner.name] = std::move(value);
    }
    return true;
  }

  std::size_t most_depth_;
  json root_;
  std::vector<Open> open_;
  std::string why_;
};

}  // namespace

Result<json> parse_json(std::string_view text, std::string_view name, const JsonLimits& limits) {
  const auto refused = [&](const std::string& why) {
    return fail(Errc::malformed, std::string(name) + ": " + why);
  };
  if (text.size() > limits.size) {
    return refused("larger than " + std::to_string(limits.size) + " octets");
  }
  // The library takes a NUL for the end of the text and would not look behind it.
  if (text.find('\0') != text.npos) return refused("a NUL octet");
  StrictBuilder builder(limits.depth);
  try {
    if (!json::sax_parse(text, &builder, json::input_format_t::json, /*strict=*/true)) {
      return refused(printable(builder.why()));
    }
  } catch (const json::exception& error) {
    return refused(printable(error.what()));
  }
  return builder.take();
}

}  // namespace sm
