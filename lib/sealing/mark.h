#pragma once
// How long ago something was, without believing the time of day.
//
// The clock on the wall can be set; the machine's own count of seconds since it started cannot, and
// ends with the machine's life. A Mark keeps both, with the name of that life (the boot id). Within
// one life only the count is asked. Across lives the time of day is asked where it is kept in step
// with others, and where it is not, nothing is believed but what the new life has counted itself:
// a lock may then last longer, and never shorter.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace sm::sealing {

struct Mark {
  WallTime wall{};
  std::chrono::microseconds uptime{};  ///< since that boot, time asleep counted
  std::string boot;

  static Mark now(const Clock& clock);
  /// "<wall> <uptime> <boot>", both in microseconds: how it stands in the database.
  [[nodiscard]] std::string text() const;
  static std::optional<Mark> parse(std::string_view text);
  bool operator==(const Mark&) const = default;
};

/// Never negative.
std::chrono::microseconds elapsed_since(const Mark& mark, const Clock& clock);

/// What is left of `period` since the mark; zero when it is over.
std::chrono::microseconds left_of(std::chrono::microseconds period, const Mark& mark,
                                  const Clock& clock);

}  // namespace sm::sealing
