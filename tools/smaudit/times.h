#pragma once
// Times on the command line, UTC.

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace sm::smaudit {

/// "2026-11-21", "2026-11-21T10:00:00Z" (with or without a fraction).
Result<WallTime> parse_time(const std::string& text);

/// A month: its first moment, and that of the next.
struct Month {
  WallTime begin{}, end{};
};
/// "2026-11".
Result<Month> parse_month(const std::string& text);

}  // namespace sm::smaudit
