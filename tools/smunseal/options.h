#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/main.h"

namespace sm::smunseal {

struct Options {
  cli::Common common;
  std::vector<std::string> password_files;
  std::optional<std::string> org;
  std::optional<std::string> link_file;
  std::optional<std::string> output;
  std::optional<std::string> directory;
  std::optional<std::uint64_t> part;
  std::optional<std::string> range;
  bool is_list = false;
  bool is_verify = false;
  bool is_forced = false;
  std::optional<std::string> envelope;  ///< unset or "-": stdin
};

void describe(CLI::App& app, Options& options);
Result<cli::Verdict> run(const Options& options);

}  // namespace sm::smunseal
