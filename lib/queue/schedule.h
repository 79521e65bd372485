#pragma once
// The moments of the queue, in the machine's uptime. How long a pause is says sealing/pause.h; a
// destination whose servers cannot be reached is held as a whole by the same steps, so that a
// thousand messages for it cost one attempt.

#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "store/queue_table.h"

namespace sm::queue {

/// The moment a pause from now ends.
store::Due due_after(std::chrono::microseconds pause, const Clock& clock);
std::int64_t uptime_of(const Clock& clock);

}  // namespace sm::queue
