#pragma once
// Declaring flags, for options.cc. Includes CLI11, which takes seconds to compile.
//
// CLI11 2.1.2 as it comes would let `--resolver A B` swallow the positional B, read `--port 010` as
// 8, and take `--json=false`; these helpers do not. All text that a flag prints is given here once:
// the help, the completions and scripts/check-docs read it from --help.

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/common.h"

namespace sm::cli {

/// `--name VALUE`, once.
CLI::Option* add_text(CLI::App& app, const std::string& names, std::optional<std::string>& into,
                      const std::string& value, const std::string& help);
/// `--name VALUE`, once, where empty means not given.
CLI::Option* add_text(CLI::App& app, const std::string& names, std::string& into,
                      const std::string& value, const std::string& help);
/// `--name VALUE`, repeatable, one value each time.
CLI::Option* add_list(CLI::App& app, const std::string& names, std::vector<std::string>& into,
                      const std::string& value, const std::string& help);
CLI::Option* add_flag(CLI::App& app, const std::string& names, bool& into, const std::string& help);
/// `--name a|b|c`: one of the words, given as index.
CLI::Option* add_choice(CLI::App& app, const std::string& names, std::optional<std::string>& into,
                        const std::vector<std::string>& words, const std::string& help);
/// A decimal number in [least, most].
CLI::Option* add_number(CLI::App& app, const std::string& names, std::optional<std::uint64_t>& into,
                        std::uint64_t least, std::uint64_t most, const std::string& value,
                        const std::string& help);
/// What stands without a flag: "DOMAIN...". An argument after `--` is never a flag.
CLI::Option* add_arguments(CLI::App& app, const std::string& name, std::vector<std::string>& into,
                           const std::string& help);
CLI::Option* add_argument(CLI::App& app, const std::string& name, std::optional<std::string>& into,
                          const std::string& help);

/// --resolver --trust-anchor --ca-file --port --deadline --dns-file, in the group "Network".
void add_network_options(CLI::App& app, NetworkFlags& into);

/// What --help prints.
std::string help_text(const CLI::App& app);

}  // namespace sm::cli
