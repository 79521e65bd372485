#pragma once
// Third-party test vectors: where they lie, and a word when they are not there.

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "support/vectors_folder.h"

namespace sm::test {

inline std::vector<std::uint8_t> hex(const std::string& text) {
  return from_hex(text).value();
}

/// The file's JSON, or nothing after saying SKIP.
inline std::optional<nlohmann::json> vectors(const std::string& file) {
  std::ifstream in(vectors_folder() + "/" + file);
  if (!in) {
    WARN("SKIP: no vectors " << file);
    return std::nullopt;
  }
  return nlohmann::json::parse(in);
}

}  // namespace sm::test
