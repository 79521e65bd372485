#pragma once
// From the command line and stdin to a message that is ready to be signed, and its envelope.

#include "base/result.h"
#include "config/config.h"
#include "options.h"
#include "submission/submit.h"

namespace sm::smsend {

/// Login name of who runs this.
std::string login_name();
/// Where what does not fit into memory goes, encrypted under a key that never leaves it.
message::ScratchSpace scratch_space();

/// Checks the envelope before a byte of stdin is read, then reads all of stdin.
Result<submission::Mail> take_in(const Options& options, const config::Config& config);

}  // namespace sm::smsend
