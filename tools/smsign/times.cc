#include "times.h"

#include "base/clock.h"
#include "base/text.h"

namespace sm::smsign {

using std::chrono::seconds;
using std::chrono::sys_seconds;

Result<seconds> parse_duration(const std::string& text) {
  constexpr std::uint64_t kMost = 100'000;
  if (!text.empty()) {
    const auto count = parse_decimal(std::string_view(text).substr(0, text.size() - 1), kMost);
    const auto number = static_cast<seconds::rep>(count.value_or(0));
    if (count && *count > 0) {
      switch (text.back()) {
        case 's':
          return seconds(number);
        case 'm':
          return seconds(std::chrono::minutes(number));
        case 'h':
          return seconds(std::chrono::hours(number));
        case 'd':
          return seconds(std::chrono::days(number));
        case 'w':
          return seconds(std::chrono::weeks(number));
        default:
          break;
      }
    }
  }
  return fail(Errc::usage, "'" + printable(text) + "' is no duration",
              "a number and s, m, h, d or w, such as 14d");
}

Result<sys_seconds> time_or_now(const std::optional<std::string>& text) {
  constexpr std::uint64_t kMost = 1'000'000'000'000;
  if (!text) return std::chrono::floor<seconds>(system_clock().now());
  if (const auto number = parse_decimal(*text, kMost)) {
    return sys_seconds(seconds(static_cast<seconds::rep>(*number)));
  }
  if (const auto time = parse_utc(*text)) return std::chrono::floor<seconds>(*time);
  return fail(Errc::usage, "--now: '" + printable(*text) + "' is no time",
              "seconds since 1970, or 2026-11-21T10:00:00Z");
}

}  // namespace sm::smsign
