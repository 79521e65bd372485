#pragma once
// What the log knows of a message whose runner died: the ends that were recorded before its index
// was changed. What was delivered is not delivered again because a process ended at the wrong
// moment.

#include <cstdint>
#include <map>
#include <string>

#include "audit/event.h"
#include "base/result.h"

namespace sm::queue {

/// The last end of each recipient (audit ids) after the newest `deferred` or `queued` of it:
/// delivered, failed, refused, returned, sealed or uncertain. Searched from record `from` on.
Result<std::map<std::string, audit::Event>> last_ends(const std::string& state,
                                                      const std::string& org,
                                                      const std::string& message,
                                                      std::uint64_t from);

}  // namespace sm::queue
