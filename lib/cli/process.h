#pragma once
// Making the process safe before it does anything, in main_for's order. Part of lib/cli; tools use
// main.h.

#include <string>

#include "base/result.h"
#include "cli/common.h"

namespace sm::cli {

/// Opens /dev/null on each of the descriptors 0 to 2 that is closed, so that no file opened later
/// becomes stdin, stdout or stderr; in the wrong direction, so that using one is still an error.
void keep_standard_descriptors_open();

/// No core file, and no other process of the same user reads this one's memory (PR_SET_DUMPABLE).
/// Left out under sanitizers, whose leak check traces its own process.
void forbid_core_dumps();

/// Writes to a pipe or socket without a reader fail with EPIPE; SIGTERM, SIGINT and SIGHUP end the
/// process as answer_signals_with says, unless it was started with them ignored (nohup, `&`).
void end_cleanly_on_signals();

/// Reads the variables and takes the secret one out of the environment. Errc::configuration for a
/// SECURE_MAIL_ENABLED that is neither true nor false; the secret is gone then too.
Result<Environment> take_environment();

/// While one lives, a signal that ends the process puts this terminal back first.
class TerminalGuard {
 public:
  /// Turns the echo off.
  static Result<TerminalGuard> without_echo(int fd);
  TerminalGuard(TerminalGuard&& other) noexcept;
  TerminalGuard& operator=(TerminalGuard&&) = delete;
  ~TerminalGuard();

 private:
  explicit TerminalGuard(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace sm::cli
