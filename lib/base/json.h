#pragma once
// Reading JSON (RFC 8259) strictly. nlohmann/json 3.11 as it comes lets the last of two equal keys
// win, nests until the stack ends, and turns integers that do not fit into nearby floats; what is
// read here has one meaning: no duplicate keys, bounded depth and size, exact integers, valid
// UTF-8, one value and nothing after it.
//
// Include <nlohmann/json.hpp> in the .cc file that looks into the value; it is slow to compile.

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.h"

namespace sm {

struct JsonLimits {
  std::size_t depth = 64;                   ///< objects and arrays inside one another
  std::size_t size = std::size_t{4} << 20;  ///< octets of text
};

/// The value, or Errc::malformed with the octet at which reading stopped. `name` is what the text
/// came from, for the message.
Result<nlohmann::json> parse_json(std::string_view text, std::string_view name,
                                  const JsonLimits& limits = {});

}  // namespace sm
