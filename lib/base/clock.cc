#include "base/clock.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <fstream>

#include <sys/timex.h>

#include "base/text.h"

namespace sm {
namespace {

using namespace std::chrono;

class SystemClock final : public Clock {
 public:
  WallTime now() const override {
    return time_point_cast<microseconds>(std::chrono::system_clock::now());
  }
  Monotonic monotonic() const override {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return Monotonic(seconds(now.tv_sec) + nanoseconds(now.tv_nsec));
  }
  std::string boot_id() const override {
    std::ifstream in("/proc/sys/kernel/random/boot_id");
    std::string id;
    in >> id;
    return id;
  }
  bool is_synchronised() const override {
    timex state{};
    return adjtimex(&state) != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
  }
};

constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Civil {
  year_month_day date;
  hh_mm_ss<seconds> time;
  weekday day;
};

Civil civil(sys_seconds t) {
  const auto day = floor<days>(t);
  return {year_month_day(day), hh_mm_ss<seconds>(t - day), weekday(day)};
}

template <class... Values>
std::string format(const char* pattern, Values... values) {
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), pattern, values...);
  return text.data();
}

/// `count` digits at `at`; -1 when there are none.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (i >= text.size() || !is_digit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

/// Microseconds of ".123456"; nothing when malformed.
std::optional<microseconds> fraction(std::string_view text) {
  if (text.empty()) return microseconds(0);
  if (text[0] != '.' || text.size() < 2 || text.size() > 10) return std::nullopt;
  int micros = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (!is_digit(text[i])) return std::nullopt;
  }
  for (std::size_t i = 1; i <= 6; ++i) {
    micros = micros * 10 + (i < text.size() ? text[i] - '0' : 0);
  }
  return microseconds(micros);
}

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

std::string utc_text(sys_seconds time) {
  const auto [date, t, day] = civil(time);
  return format("%04d-%02u-%02uT%02d:%02d:%02dZ", int(date.year()), unsigned(date.month()),
                unsigned(date.day()), int(t.hours().count()), int(t.minutes().count()),
                int(t.seconds().count()));
}

std::string utc_text_micros(WallTime time) {
  const auto whole = floor<seconds>(time);
  std::string text = utc_text(whole);
  text.pop_back();
  return text + format(".%06dZ", int((time - whole).count()));
}

std::optional<WallTime> parse_utc(std::string_view text) {
  if (text.size() < 20 || text.back() != 'Z') return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  const int y = digits(text, 0, 4), mo = digits(text, 5, 2), d = digits(text, 8, 2);
  const int h = digits(text, 11, 2), mi = digits(text, 14, 2), s = digits(text, 17, 2);
  if (y < 0 || mo < 0 || d < 0 || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 59) {
    return std::nullopt;
  }
  const year_month_day date{year(y), month(unsigned(mo)), day(unsigned(d))};
  const auto micros = fraction(text.substr(19, text.size() - 20));
  if (!date.ok() || !micros) return std::nullopt;
  return sys_days(date) + hours(h) + minutes(mi) + seconds(s) + *micros;
}

std::string mail_date(sys_seconds time) {
  const auto [date, t, day] = civil(time);
  return format("%s, %02u %s %04d %02d:%02d:%02d +0000", kDays.at(day.c_encoding()),
                unsigned(date.day()), kMonths.at(unsigned(date.month()) - 1), int(date.year()),
                int(t.hours().count()), int(t.minutes().count()), int(t.seconds().count()));
}

milliseconds Deadline::remaining() const {
  return std::max(milliseconds(0), ceil<milliseconds>(at_ - clock_->monotonic()));
}

Deadline Deadline::capped(milliseconds most) const {
  Deadline capped(*clock_, most);
  capped.at_ = std::min(capped.at_, at_);
  return capped;
}

}  // namespace sm
