#include "cli/main.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <limits>
#include <new>
#include <optional>
#include <variant>

#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "base/version.h"
#include "cli/options.h"
#include "cli/process.h"

namespace sm::cli {
namespace {

struct CommonFlags {
  bool has_no_colour = false;
};

void add_common_options(CLI::App& app, const Summary& summary, Common& common, CommonFlags& flags) {
  constexpr const char* kGroup = "Common";
  add_text(app, "--config", common.config, "FILE",
           "configuration (default: $SMTOOLS_CONFIG, else smtools/smtools.yaml in "
           "$XDG_CONFIG_HOME, else /etc/smtools/smtools.yaml)")
      ->group(kGroup);
  add_text(app, "--state", common.state, "DIR",
           "state (default: $SMTOOLS_STATE, else as configured, else /var/lib/smtools)")
      ->group(kGroup);
  add_flag(app, "--json", common.is_json, "print NDJSON: one JSON object a line")->group(kGroup);
  add_flag(app, summary.owns_q ? "--quiet" : "-q,--quiet", common.is_quiet,
           "no messages but errors")
      ->group(kGroup);
  app.add_flag("-v", common.verbosity, "more messages; twice: more still")->group(kGroup);
  add_flag(app, "--no-color", flags.has_no_colour, "no colour, as with NO_COLOR")->group(kGroup);
  app.set_help_flag(summary.owns_h ? "--help" : "-h,--help", "print this and exit")->group(kGroup);
  app.set_version_flag("--version", std::string(kVersion), "print the version and exit")
      ->group(kGroup);
}

/// CLI11 splits a list's value that looks like "[a,b]". With this before it, it does not look so.
constexpr char kWhole = '\x01';

std::string as_one_value(const std::string& argument) {
  const bool is_split = argument.starts_with('[') && argument.ends_with(']');
  return is_split || argument.starts_with(kWhole) ? kWhole + argument : argument;
}

std::string as_typed(const std::string& value) {
  return value.starts_with(kWhole) ? value.substr(1) : value;
}

/// Takes from CLI11 what it would do beyond what was declared: `--json=false`, and values of an
/// option that swallow the arguments after it.
void make_strict(CLI::App& app) {
  for (auto* option : app.get_options([](const CLI::Option*) { return true; })) {
    if (option->get_expected_max() == 0) {
      option->disable_flag_override();
      continue;
    }
    if (!option->get_positional()) option->allow_extra_args(false);
    option->transform(as_typed);
  }
  for (auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    make_strict(*command);
}

/// The command that the arguments led to.
const CLI::App& innermost(const CLI::App& app) {
  const auto commands = app.get_subcommands();
  return commands.empty() ? app : innermost(*commands.back());
}

/// Edits that turn one into the other (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

/// The long option that is most like what was typed; empty where none is.
std::string similar_option(const CLI::App& app, std::string_view typed) {
  std::string best;
  std::size_t least = 3;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) {
      const auto edits = distance(name, typed);
      if (edits < least) {
        least = edits;
        best = name;
      }
    }
  }
  if (best.empty() && app.get_parent() != nullptr) return similar_option(*app.get_parent(), typed);
  return best;
}

std::string see_help(const CLI::App& app) {
  std::string name = app.get_name();
  for (const auto* parent = app.get_parent(); parent != nullptr; parent = parent->get_parent())
    name = parent->get_name() + ' ' + name;
  return "see '" + name + " --help'";
}

/// The tool has commands, and none was given.
bool lacks_command(const CLI::App& command) {
  return !command.get_subcommands({}).empty() && command.get_require_subcommand_min() > 0;
}

Unexpected unexpected_argument(const CLI::App& app, const std::string& argument) {
  const CLI::App& command = innermost(app);
  const bool is_option = argument.starts_with('-') && argument != "-";
  if (!is_option && lacks_command(command)) {
    return fail(Errc::usage, "unknown command '" + printable(argument) + "'", see_help(command));
  }
  if (!is_option) {
    return fail(Errc::usage, "unexpected argument '" + printable(argument) + "'",
                see_help(command));
  }
  std::string hint = see_help(command);
  if (argument.starts_with("--")) {
    const std::string_view typed = std::string_view(argument).substr(2, argument.find('=') - 2);
    if (const auto similar = similar_option(command, typed); !similar.empty()) {
      hint = "did you mean --" + similar + "?";
    }
  }
  return fail(Errc::usage, "unknown option '" + printable(argument) + "'", hint);
}

/// CLI11 would take the next argument as the value of `--name=`.
Result<void> refuse_empty_values(const std::vector<std::string>& arguments) {
  for (const auto& argument : arguments) {
    if (argument == "--") break;
    if (argument.size() > 3 && argument.starts_with("--") &&
        argument.find('=') + 1 == argument.size()) {
      return fail(Errc::usage, "the value of '" + printable(argument) + "' is empty");
    }
  }
  return {};
}

/// The first argument that nothing took.
std::optional<std::string> first_extra(const CLI::App& app) {
  auto extras = app.remaining(true);
  if (!extras.empty() && extras[0] == "--") extras.erase(extras.begin());
  if (extras.empty()) return std::nullopt;
  return as_typed(extras[0]);
}

struct Proceed {};
/// Go on, or print this text and be done.
using Parsed = std::variant<Proceed, std::string>;

Result<Parsed> parse(CLI::App& app, const Summary& summary, std::vector<std::string> arguments) {
  if (auto valued = refuse_empty_values(arguments); !valued) return fail(valued.error());
  try {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    std::transform(arguments.begin(), arguments.end(), arguments.begin(), as_one_value);
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    const auto& command = innermost(app);
    return Parsed(help_text(command, &command == &app ? summary.usage : ""));
  } catch (const CLI::CallForVersion&) {
    return Parsed(std::string(summary.name) + " (smtools) " + std::string(kVersion) + '\n');
  } catch (const CLI::ParseError& error) {
    // A flag that is not known is told first: it is most often why something else is missing.
    if (const auto extra = first_extra(app)) return unexpected_argument(app, *extra);
    const CLI::App& command = innermost(app);
    if (lacks_command(command)) return fail(Errc::usage, "a command is missing", see_help(command));
    return fail(Errc::usage, printable(error.what()), see_help(command));
  }
  return Parsed(Proceed{});
}

bool is_colour_wanted(const CommonFlags& flags) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return !flags.has_no_colour && (no_colour == nullptr || *no_colour == '\0') &&
         terminal != nullptr && std::string_view(terminal) != "dumb";
}

/// The exit status of whatever run() said, with everything printed that must be.
int end(const Result<Verdict>& result, Printer& out, Diagnostics& diagnostics,
        const std::string& hint) {
  int status = 0;
  if (result) {
    status = static_cast<int>(*result);
  } else {
    out.drop();
    status = exit_status(result.error().code);
    Error error = result.error();
    if (error.code == Errc::usage && error.hint.empty()) error.hint = hint;
    if (!out.lost_its_reader()) diagnostics.error(error);
  }
  const bool had_failed = !out.flush();
  const auto finished = out.finish();
  if (finished) return status;
  if (out.lost_its_reader()) return exit_status(Errc::io);
  if (result || !had_failed) diagnostics.error(finished.error());
  // A verdict that the caller acts on (75, 77) says more than a report that could not be written.
  return status >= exit_status(Errc::usage) ? status : exit_status(Errc::io);
}

int parse_and_run(int argc, char** argv, const Summary& summary, Common& common,
                  const std::function<void(CLI::App&)>& describe,
                  const std::function<Result<Verdict>()>& run) {
  CLI::App app{summary.line, summary.name};
  CommonFlags flags;
  add_common_options(app, summary, common, flags);
  app.fallthrough();
  describe(app);
  make_strict(app);

  std::vector<std::string> arguments;
  if (argc > 1) arguments.assign(argv + 1, argv + argc);
  const auto parsed = parse(app, summary, std::move(arguments));
  const std::string hint = see_help(innermost(app));
  const bool is_colour = is_colour_wanted(flags);
  common.has_colour = is_colour && !common.is_json && ::isatty(STDOUT_FILENO) == 1;
  common.diagnostics().set_colour(is_colour);
  common.diagnostics().set_quiet(common.is_quiet);
  common.diagnostics().set_verbosity(common.verbosity);
  if (!parsed) return end(fail(parsed.error()), common.out(), common.diagnostics(), hint);
  if (const auto* text = std::get_if<std::string>(&*parsed)) {
    common.out().print(*text);
    return end(Verdict::yes, common.out(), common.diagnostics(), hint);
  }
  return end(run(), common.out(), common.diagnostics(), hint);
}

}  // namespace

int run_tool(int argc, char** argv, const Summary& summary, Common& common,
             const std::function<void(CLI::App&)>& describe,
             const std::function<Result<Verdict>()>& run) {
  keep_standard_descriptors_open();
  forbid_core_dumps();
  ::umask(077);
  Printer out(STDOUT_FILENO);
  Diagnostics diagnostics(summary.name, STDERR_FILENO);
  common.out_ = &out;
  common.diagnostics_ = &diagnostics;
  const auto ended = [&](Error error) { return end(fail(error), out, diagnostics, {}); };
  try {
    auto environment = take_environment();
    end_cleanly_on_signals();
    if (!environment) return ended(std::move(environment).error());
    common.environment = std::move(*environment);
    return parse_and_run(argc, argv, summary, common, describe, run);
  } catch (const std::bad_alloc&) {
    return ended({Errc::temporary, "there is not enough memory"});
  } catch (const std::exception& exception) {
    return ended({Errc::bug, std::string("this is a bug: ") + exception.what()});
  } catch (...) {
    return ended({Errc::bug, "this is a bug: an exception of an unknown kind"});
  }
}

}  // namespace sm::cli
