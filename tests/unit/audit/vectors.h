#pragma once
// Third-party vectors: $SMTOOLS_VECTORS, else beside the checkout. A test that needs them and finds
// none says SKIP.

#include <filesystem>
#include <optional>
#include <string>

#include <stdlib.h>

namespace sm::test {

inline std::optional<std::filesystem::path> vectors(const std::string& name) {
  const char* const set = ::getenv("SMTOOLS_VECTORS");
  const auto folder = std::filesystem::path(set != nullptr ? set : SM_VECTORS) / name;
  if (!std::filesystem::is_directory(folder)) return std::nullopt;
  return folder;
}

}  // namespace sm::test
