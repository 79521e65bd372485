#pragma once
// Third-party vectors. A test that needs them and finds none says SKIP.

#include <filesystem>
#include <optional>
#include <string>

#include "support/vectors_folder.h"

namespace sm::test {

inline std::optional<std::filesystem::path> vectors(const std::string& name) {
  const auto folder = std::filesystem::path(vectors_folder()) / name;
  if (!std::filesystem::is_directory(folder)) return std::nullopt;
  return folder;
}

}  // namespace sm::test
