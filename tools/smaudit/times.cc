#include "times.h"

#include "base/text.h"

namespace sm::smaudit {

Result<WallTime> parse_time(const std::string& text) {
  const bool is_day = text.size() == 10;
  const auto time = parse_utc(is_day ? text + "T00:00:00Z" : text);
  if (time) return *time;
  return fail(Errc::usage, "'" + printable(text) + "' is no time",
              "2026-11-21 or 2026-11-21T10:00:00Z, UTC");
}

Result<Month> parse_month(const std::string& text) {
  const auto begin = text.size() == 7 ? parse_utc(text + "-01T00:00:00Z") : std::nullopt;
  if (!begin) {
    return fail(Errc::usage, "'" + printable(text) + "' is no month", "YYYY-MM, such as 2026-11");
  }
  const std::chrono::year_month_day first(std::chrono::floor<std::chrono::days>(*begin));
  const auto next = first.year() / first.month() / std::chrono::day(1) + std::chrono::months(1);
  return Month{*begin, std::chrono::sys_days(next)};
}

}  // namespace sm::smaudit
