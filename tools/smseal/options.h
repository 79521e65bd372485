#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/main.h"

namespace sm::smseal {

struct Options {
  cli::Common common;
  std::vector<std::string> password_files;
  std::optional<std::string> org;
  std::optional<std::string> public_key;
  std::optional<std::string> name;
  std::optional<std::string> type;
  std::optional<std::string> output;
  std::vector<std::string> files;  ///< none: stdin
};

void describe(CLI::App& app, Options& options);
Result<cli::Verdict> run(const Options& options);

}  // namespace sm::smseal
