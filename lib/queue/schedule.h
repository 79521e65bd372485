#pragma once
// When a message that waits is tried again. Soon at first, since a server that greylists (RFC 6647)
// wants to see it again within minutes; hourly in the end. A destination whose servers cannot be
// reached is held as a whole by the same steps, so that a thousand messages for it cost one
// attempt.

#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "store/queue_table.h"

namespace sm::queue {

/// After the nth attempt that failed in a row, n from 1.
std::chrono::seconds pause_after(std::int64_t attempts);

/// The moment a pause from now ends.
store::Due due_after(std::chrono::microseconds pause, const Clock& clock);
std::int64_t uptime_of(const Clock& clock);

}  // namespace sm::queue
