#pragma once
// Declaring flags, for options.cc. Includes CLI11, which takes seconds to compile.
//
// CLI11 2.1.2 as it comes would let `--resolver A B` swallow the argument B, drop an argument that
// reads `{}`, split `[a,b]`, read `--port 010` as 8 and take `--json=false`; options declared here
// do not. All that a flag says of itself is given once: --help prints it, and the completions and
// scripts/check-docs read it from there. `value` is the word that --help shows for the value: FILE
// and DIR complete to paths, `a|b|c` to its words, all else to nothing.

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/common.h"

namespace sm::cli {

/// `--name`, without a value.
CLI::Option* add_flag(CLI::App& app, const std::string& names, bool& into, const std::string& help);

/// `--name VALUE`, once.
CLI::Option* add_text(CLI::App& app, const std::string& names, std::optional<std::string>& into,
                      const std::string& value, const std::string& help);
/// The same, where an empty `into` means that the flag was not given (an empty value is refused).
CLI::Option* add_text(CLI::App& app, const std::string& names, std::string& into,
                      const std::string& value, const std::string& help);
/// `--name VALUE`, repeatable, one value each time.
CLI::Option* add_list(CLI::App& app, const std::string& names, std::vector<std::string>& into,
                      const std::string& value, const std::string& help);

/// `--name a|b|c`: one of the words, exactly as written.
CLI::Option* add_choice(CLI::App& app, const std::string& names, std::optional<std::string>& into,
                        const std::vector<std::string>& words, const std::string& help);

/// `--name N`: a decimal number in [least, most], without sign or leading zero.
CLI::Option* add_number(CLI::App& app, const std::string& names, std::optional<std::uint64_t>& into,
                        std::uint64_t least, std::uint64_t most, const std::string& value,
                        const std::string& help);
/// `--name SECONDS`: 1 to 86400.
CLI::Option* add_seconds(CLI::App& app, const std::string& names,
                         std::optional<std::chrono::seconds>& into, const std::string& help);

/// What stands without a flag, any number of times; after `--` everything does. `-` is one too.
/// `->required()` where there must be one.
CLI::Option* add_arguments(CLI::App& app, const std::string& name, std::vector<std::string>& into,
                           const std::string& help);
/// The same, at most once.
CLI::Option* add_argument(CLI::App& app, const std::string& name, std::optional<std::string>& into,
                          const std::string& help);

/// --resolver --trust-anchor --ca-file --port --deadline --dns-file, as the group "Network".
void add_network_options(CLI::App& app, NetworkFlags& into);

/// What --help prints for the app or one of its commands; `usage` is Summary::usage, or empty: made
/// from the arguments.
std::string help_text(const CLI::App& app, std::string_view usage = {});

}  // namespace sm::cli
