#pragma once
// A gateway that is a command: it gets the number as its last argument and the text on its stdin,
// nothing else, and says by its exit status whether it took the message.

#include "config/config.h"
#include "sealing/code.h"

namespace sm::sealing {

/// No shell, an environment of PATH alone, stdout and stderr to /dev/null. One that does not end in
/// time is killed; then the message may have gone out (uncertain).
CodeSent run_gateway(const config::SmsGateway& gateway, const std::string& phone, Bytes text);

}  // namespace sm::sealing
