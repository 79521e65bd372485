#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>

#include "sealing/words.h"

using namespace sm;
using namespace sm::sealing;
using namespace std::chrono_literals;

namespace {

/// This process's time zone, as long as it lives.
class Zone {
 public:
  explicit Zone(const char* name) {
    const char* before = std::getenv("TZ");
    if (before != nullptr) before_ = before;
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  ~Zone() {
    if (before_.empty()) {
      ::unsetenv("TZ");
    } else {
      ::setenv("TZ", before_.c_str(), 1);
    }
    ::tzset();
  }
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;

 private:
  std::string before_;
};

}  // namespace

TEST_CASE("a date is told by the clock that its reader has, and names it", "[sealing]") {
  const WallTime noon = std::chrono::sys_days{2026y / 11 / 21} + 12h + 30min + 59s;
  CHECK(date_text(noon, "en", 0min) == "21 November 2026, 12:30 UTC");
  CHECK(date_text(noon, "nl", 60min) == "21 november 2026, 13:30 (UTC+01:00)");
  CHECK(date_text(noon, "en", -(3h + 30min)) == "21 November 2026, 09:00 (UTC-03:30)");
  CHECK(date_text(noon + 11h, "nl", 60min) == "22 november 2026, 00:30 (UTC+01:00)");
  {
    const Zone zone("UTC0");
    CHECK(date_text(noon, "nl") == "21 november 2026, 12:30 UTC");
  }
  {
    const Zone zone("CET-1CEST,M3.5.0,M10.5.0/3");
    CHECK(date_text(noon, "nl") == "21 november 2026, 13:30 (UTC+01:00)");
    const WallTime summer = std::chrono::sys_days{2026y / 7 / 1} + 22h + 15min;
    CHECK(date_text(summer, "en") == "2 July 2026, 00:15 (UTC+02:00)");
  }
}
