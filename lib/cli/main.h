#pragma once
// What all tools share between main() and their own work.
//
//   int main(int argc, char** argv) {
//     return sm::cli::main_for<Options>(argc, argv, kSummary, describe, run);
//   }
//   void describe(CLI::App& app, Options& options);     // options.cc: declares, does no work
//   Result<cli::Verdict> run(const Options& options);    // run.cc: the tool's work, as a summary
//
// main_for makes the process safe (descriptors 0 to 2 are open, no core dumps, secrets out of the
// environment, signals end it cleanly), reads the command line, calls run, prints its Error as
// `smprobe: error: …` and `smprobe: hint: …`, sees that stdout was written, and answers with the
// exit status of sysexits(3). "No" is an answer (1); "could not tell" is an Error (64 and above).
//
// Options has a member `cli::Common common`. A tool declares its flags through cli/options.h.

#include <functional>

#include "base/result.h"
#include "cli/common.h"

namespace CLI {
class App;
}

namespace sm::cli {

/// A tool's name and what it says of itself in --help.
struct Summary {
  const char* name;   ///< "smprobe"
  const char* line;   ///< one line, no final stop: "how safely can this destination be reached?"
  const char* usage;  ///< without the name: "[options] DOMAIN|ADDRESS... | -"; may be several lines
  bool owns_h = false;  ///< -h means something else here (smsend: hop count)
  bool owns_q = false;  ///< -q means something else here (smsend: run the queue)
};

/// How a tool that did its work ends. Errors carry an Errc instead.
enum class Verdict {
  yes = 0,  ///< done, or the answer is yes
  no = 1,   ///< asked, and the answer is no
  malformed = 65,
  no_such_recipient = 67,
  unavailable = 69,
  io = 74,
  temporary = 75,
  protocol = 76,
  denied = 77,
  configuration = 78,
};

/// What ends the process when SIGTERM, SIGINT or SIGHUP comes. Without one, files that were not yet
/// published are removed and the signal kills the process, as it does any other program.
struct SignalAnswer {
  int status;        ///< exit status instead of death by the signal
  const char* line;  ///< written to stdout with its own line end; static storage; may be null
};
/// From now on. The answer must live as long as the process; null restores the default.
void answer_signals_with(const SignalAnswer* answer);

/// The end of a main() that must not take long: all is written by now, and what the libraries keep
/// in memory need not be taken apart.
[[noreturn]] void leave(int status);

/// main_for without the template: `common` is a member of the options that `describe` fills.
int run_tool(int argc, char** argv, const Summary& summary, Common& common,
             const std::function<void(CLI::App&)>& describe,
             const std::function<Result<Verdict>()>& run);

template <class Options>
int main_for(int argc, char** argv, const Summary& summary, void (*describe)(CLI::App&, Options&),
             Result<Verdict> (*run)(const Options&)) {
  Options options;
  return run_tool(
      argc, argv, summary, options.common, [&](CLI::App& app) { describe(app, options); },
      [&] { return run(options); });
}

}  // namespace sm::cli
