#pragma once

#include <optional>
#include <string>

#include "cli/main.h"

namespace sm::smkey {

enum class Command { none, init, list, rotate_master, rotate_org, destroy, export_public };

struct Options {
  cli::Common common;
  Command command = Command::none;
  std::optional<std::string> org;
  std::optional<std::string> kid;
  std::optional<std::string> new_master;  ///< rotate-master: the new key's file
  bool is_forced = false;
};

void describe(CLI::App& app, Options& options);
Result<cli::Verdict> run(const Options& options);

}  // namespace sm::smkey
