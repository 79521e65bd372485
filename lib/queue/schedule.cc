#include "queue/schedule.h"

namespace sm::queue {

using std::chrono::microseconds;

std::int64_t uptime_of(const Clock& clock) {
  return std::chrono::floor<microseconds>(clock.monotonic().time_since_epoch()).count();
}

store::Due due_after(microseconds pause, const Clock& clock) {
  return {uptime_of(clock) + pause.count(), clock.now().time_since_epoch().count() + pause.count(),
          pause.count()};
}

}  // namespace sm::queue
