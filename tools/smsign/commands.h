#pragma once
// The commands that read a message, or keep state.

#include "base/result.h"
#include "cli/main.h"
#include "options.h"

namespace sm::smsign {

Result<cli::Verdict> sign(const Options& options);
Result<cli::Verdict> verify(const Options& options);
Result<cli::Verdict> rotate(const Options& options);

}  // namespace sm::smsign
