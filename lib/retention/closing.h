#pragma once
// Lifecycles that nobody will end any more: a message was submitted, and whoever was to bring it to
// its end died. Nobody can say whether a server took it; so it is recorded, an hour later, as
// `uncertain`, reason "interrupted". What is queued has its own runner, and what is sealed its own
// end: neither is touched.

#include <cstddef>
#include <string>

#include "base/result.h"
#include "sealing/office.h"

namespace sm::retention {

/// How many recipients were given an end. Reads the log from the first message that was open the
/// last time, which the database remembers.
Result<std::size_t> close_lifecycles(sealing::Office& office, const std::string& org);

}  // namespace sm::retention
