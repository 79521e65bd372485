#pragma once
// Declaring flags, for options.cc. CLI11 takes seconds to compile, so that it is included in
// lib/cli alone: a tool passes its App on and asks these functions.
//
// CLI11 2.1.2 as it comes would let `--resolver A B` swallow the argument B, drop an argument that
// reads `{}`, split `[a,b]`, read `--port 010` as 8 and take `--json=false`; options declared here
// do not. All that a flag says of itself is given once: --help prints it, and the completions and
// scripts/check-docs read it from there. `value` is the word that --help shows for the value: FILE
// and DIR complete to paths, `a|b|c` to its words, all else to nothing.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/common.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace sm::cli {

/// A declared option, to say more of it: `add_text(…)->required()`.
class Flag {
 public:
  explicit Flag(CLI::Option* option) : option_(option) {}
  Flag* operator->() { return this; }
  Flag& required();
  /// Not together with the other.
  Flag& excludes(const Flag& other);
  /// The heading under which --help lists it.
  Flag& group(const std::string& heading);

 private:
  CLI::Option* option_;
};

/// A command of the tool, or of another command: `smkey init`. `chosen` is called when the command
/// line names it.
CLI::App& add_command(CLI::App& app, const std::string& name, const std::string& help,
                      std::function<void()> chosen = {});
/// One of the commands must be given.
void require_command(CLI::App& app);

/// `--name`, without a value.
Flag add_flag(CLI::App& app, const std::string& names, bool& into, const std::string& help);

/// `--name VALUE`, once.
Flag add_text(CLI::App& app, const std::string& names, std::optional<std::string>& into,
              const std::string& value, const std::string& help);
/// The same, where an empty `into` means that the flag was not given (an empty value is refused).
Flag add_text(CLI::App& app, const std::string& names, std::string& into, const std::string& value,
              const std::string& help);
/// `--name VALUE`, repeatable, one value each time.
Flag add_list(CLI::App& app, const std::string& names, std::vector<std::string>& into,
              const std::string& value, const std::string& help);

/// `--name a|b|c`: one of the words, exactly as written.
Flag add_choice(CLI::App& app, const std::string& names, std::optional<std::string>& into,
                const std::vector<std::string>& words, const std::string& help);

/// `--name N`: a decimal number in [least, most], without sign or leading zero.
Flag add_number(CLI::App& app, const std::string& names, std::optional<std::uint64_t>& into,
                std::uint64_t least, std::uint64_t most, const std::string& value,
                const std::string& help);
/// `--name SECONDS`: 1 to 86400.
Flag add_seconds(CLI::App& app, const std::string& names, std::optional<std::chrono::seconds>& into,
                 const std::string& help);

/// What stands without a flag, any number of times; after `--` everything does. `-` is one too.
/// `->required()` where there must be one.
Flag add_arguments(CLI::App& app, const std::string& name, std::vector<std::string>& into,
                   const std::string& help);
/// The same, at most once.
Flag add_argument(CLI::App& app, const std::string& name, std::optional<std::string>& into,
                  const std::string& help);

/// --resolver --trust-anchor --ca-file --port --deadline --dns-file, as the group "Network".
void add_network_options(CLI::App& app, NetworkFlags& into);

/// What --help prints for the app or one of its commands; `usage` is Summary::usage, or empty: made
/// from the arguments.
std::string help_text(const CLI::App& app, std::string_view usage = {});

}  // namespace sm::cli
