#pragma once
// Asking for a secret. It is read from the terminal itself, never from stdin, which carries data.

#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace sm::cli {

/// Prints "question: " on /dev/tty and reads one line without echo. Errc::unavailable where there
/// is no terminal: the caller's hint names the flag that takes a file instead.
Result<Secret> prompt_secret(std::string_view question);
/// The same twice; Errc::usage when the two differ.
Result<Secret> prompt_new_secret(std::string_view question);

}  // namespace sm::cli
