#pragma once
// --sender: one's own side, as receivers see it.

#include "config/config.h"
#include "options.h"

namespace sm::smprobe {

/// Yes where every domain is aligned, no where one is not.
Result<cli::Verdict> look_at_senders(const Options& options, const config::Config& config);

}  // namespace sm::smprobe
