#pragma once
// smprobe's command line.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/common.h"
#include "cli/main.h"

namespace sm::smprobe {

struct Options {
  cli::Common common;
  cli::NetworkFlags network;
  std::vector<std::string> destinations;  ///< domains and addresses; "-" alone: from stdin
  std::optional<std::string> minimum;     ///< --minimum
  bool explains = false;                  ///< --explain
  bool stays_off = false;                 ///< --no-connect
  std::optional<std::uint64_t> jobs;      ///< --jobs
  bool looks_at_sender = false;           ///< --sender
};

void describe(CLI::App& app, Options& options);
Result<cli::Verdict> run(const Options& options);

}  // namespace sm::smprobe
