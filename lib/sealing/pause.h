#pragma once
// When what could not be sent is tried again: a notification of the outbox, a message of the queue.
// Soon at first, since a server that greylists (RFC 6647) wants to see it again within minutes;
// hourly in the end.

#include <chrono>
#include <cstdint>

namespace sm::sealing {

/// After the nth attempt that failed in a row, n from 1.
std::chrono::seconds pause_after(std::int64_t attempts);

}  // namespace sm::sealing
