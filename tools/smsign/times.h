#pragma once
// Times and durations as they are typed.

#include <chrono>
#include <optional>
#include <string>

#include "base/result.h"

namespace sm::smsign {

/// "14d", "12h", "30m", "90s", "2w"; Errc::usage for anything else.
Result<std::chrono::seconds> parse_duration(const std::string& text);

/// Seconds since 1970 or UTC text; what --now said, or the system's time.
Result<std::chrono::sys_seconds> time_or_now(const std::optional<std::string>& text);

}  // namespace sm::smsign
