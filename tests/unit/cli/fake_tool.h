#pragma once
// A tool that does nothing but what a test says, run through main_for in a child process.

#include <functional>
#include <string>
#include <vector>

#include "cli/main.h"
#include "support/run_forked.h"

namespace sm::test {

struct FakeOptions {
  cli::Common common;
  cli::NetworkFlags network;
  bool is_loud = false;
  std::optional<std::string> minimum;
  std::vector<std::string> names;
};

using FakeRun = std::function<Result<cli::Verdict>(const FakeOptions&)>;

/// `smfake arguments…`; `run` says how the tool ends.
Ended run_fake(const std::vector<std::string>& arguments, const FakeRun& run,
               const Streams& streams = {});
/// The same, doing nothing and answering yes.
Ended run_fake(const std::vector<std::string>& arguments);

}  // namespace sm::test
