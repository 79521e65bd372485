#include "queue/schedule.h"

#include <algorithm>
#include <array>

namespace sm::queue {

using std::chrono::microseconds;
using std::chrono::seconds;

seconds pause_after(std::int64_t attempts) {
  constexpr std::array<seconds, 7> kPauses = {seconds(60),  seconds(300),  seconds(600),
                                              seconds(900), seconds(1800), seconds(2700),
                                              seconds(3600)};
  const auto index = std::clamp<std::int64_t>(attempts - 1, 0, kPauses.size() - 1);
  return kPauses.at(static_cast<std::size_t>(index));
}

std::int64_t uptime_of(const Clock& clock) {
  return std::chrono::floor<microseconds>(clock.monotonic().time_since_epoch()).count();
}

store::Due due_after(microseconds pause, const Clock& clock) {
  return {uptime_of(clock) + pause.count(), clock.now().time_since_epoch().count() + pause.count(),
          pause.count()};
}

}  // namespace sm::queue
