#pragma once
// What the log says was destroyed, destroyed again. A restored backup brings back messages that had
// ended, and an end that was told and then interrupted left them; the log knows of both. Each sweep
// reads what the log has gained since the last one that ended well, which the database remembers:
// an older database makes it read more.

#include <cstddef>
#include <string>

#include "base/result.h"
#include "sealing/office.h"

namespace sm::retention {

/// Repeats every `deleted`, `expired` and `revoked` of the organisation's log that the store does
/// not know of. The number of ends that were repeated.
Result<std::size_t> replay(sealing::Office& office, const std::string& org);

}  // namespace sm::retention
