#pragma once
// From the command line to an envelope that is open.

#include <optional>

#include "base/result.h"
#include "envelope/envelope.h"
#include "options.h"

namespace sm::smunseal {

/// The envelope, its keys found and its manifest read.
Result<envelope::Envelope> open_envelope(const Options& options);

}  // namespace sm::smunseal
