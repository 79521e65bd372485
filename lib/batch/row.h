#pragma once
// One row of a batch: named values, and where they stand in the file.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sm::batch {

/// The columns that mean something to us; all columns are variables of the template.
inline constexpr std::string_view kKnownColumns[] = {
    "to", "key", "method", "phone", "password_file", "expires", "attach", "link"};

struct Row {
  std::uint64_t number = 0;  ///< from 1, the heading not counted
  std::uint64_t line = 0;    ///< of the file, where it begins
  std::shared_ptr<const std::vector<std::string>> names;
  std::vector<std::string> values;  ///< as many as names

  /// Null where there is no such column.
  [[nodiscard]] const std::string* find(std::string_view name) const {
    for (std::size_t i = 0; i < names->size() && i < values.size(); ++i) {
      if ((*names)[i] == name) return &values[i];
    }
    return nullptr;
  }
  /// Empty where there is none.
  [[nodiscard]] std::string value(std::string_view name) const {
    const auto* found = find(name);
    return found != nullptr ? *found : std::string();
  }
};

}  // namespace sm::batch
