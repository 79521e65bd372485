#pragma once
// -bs: SMTP on stdin and stdout. Each message that is taken is queued, with the rights and by the
// rules of whoever called.

#include "base/result.h"
#include "cli/main.h"
#include "options.h"

namespace sm::smsend {

Result<cli::Verdict> serve(const Options& options);

}  // namespace sm::smsend
