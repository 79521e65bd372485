// --help: one column for what to type, one for what it means. The layout is read by
// scripts/make-completions and scripts/check-docs: two blanks, short name, long name, value word.

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/text.h"
#include "cli/options.h"

namespace sm::cli {
namespace {

constexpr std::size_t kTextColumn = 30;
constexpr std::size_t kWidth = 80;
constexpr std::string_view kLastGroup = "Common";

std::string wrapped(std::string_view text, std::size_t indent) {
  std::string lines;
  std::size_t column = indent;
  for (const auto word : split(text, ' ')) {
    if (column > indent && column + 1 + word.size() > kWidth) {
      lines += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      lines += ' ';
      ++column;
    }
    lines += word;
    column += word.size();
  }
  return lines + '\n';
}

std::string row(const std::string& left, const std::string& text) {
  std::string line = "  " + left;
  if (text.empty()) return line + '\n';
  if (line.size() + 2 > kTextColumn) {
    line += '\n';
    line += std::string(kTextColumn, ' ');
  } else {
    line.resize(kTextColumn, ' ');
  }
  return line + wrapped(text, kTextColumn);
}

std::string names_and_value(const CLI::Option& option) {
  std::string left;
  for (const auto& name : option.get_snames())
    left += (left.empty() ? "-" : ", -") + name;
  if (left.empty()) left = "   ";
  for (const auto& name : option.get_lnames())
    left += (left == "   " ? " --" : ", --") + name;
  const bool has_value = option.get_expected_max() != 0;
  return has_value ? left + ' ' + option.get_type_name() : left;
}

std::string group_text(const CLI::App& app, const std::string& group) {
  std::string rows;
  for (const auto* option : app.get_options()) {
    if (option->get_positional() || option->get_group() != group) continue;
    rows += row(names_and_value(*option), option->get_description());
  }
  return rows.empty() ? rows : '\n' + group + ":\n" + rows;
}

std::string arguments_text(const CLI::App& app) {
  std::string rows;
  for (const auto* option : app.get_options()) {
    if (!option->get_positional() || option->get_description().empty()) continue;
    rows += row(option->get_name(true), option->get_description());
  }
  return rows.empty() ? rows : "\nArguments:\n" + rows;
}

std::string commands_text(const CLI::App& app) {
  std::string rows;
  for (const auto* command : app.get_subcommands({})) {
    if (command->get_group().empty()) continue;
    rows += row(command->get_name(), command->get_description());
  }
  return rows.empty() ? rows : "\nCommands:\n" + rows;
}

std::string full_name(const CLI::App& app) {
  const auto* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : full_name(*parent) + ' ' + app.get_name();
}

std::string usage_of(const CLI::App& app) {
  std::string usage = app.get_subcommands({}).empty() ? "[options]" : "[options] COMMAND";
  for (const auto* option : app.get_options()) {
    if (!option->get_positional()) continue;
    const auto name = option->get_name(true) + (option->get_expected_max() > 1 ? "..." : "");
    usage += option->get_required() ? ' ' + name : " [" + name + ']';
  }
  return usage;
}

}  // namespace

std::string help_text(const CLI::App& app, std::string_view usage) {
  const std::string name = full_name(app);
  std::string help = name + " - " + app.get_description() + "\n\n";
  std::string lead = "Usage: ";
  const std::string own_usage = usage.empty() ? usage_of(app) : std::string(usage);
  for (const auto line : split(own_usage, '\n')) {
    help += lead + name + ' ' + std::string(line) + '\n';
    lead = "       ";
  }
  help += commands_text(app) + arguments_text(app);
  for (const auto& group : app.get_groups()) {
    if (!group.empty() && group != kLastGroup) help += group_text(app, group);
  }
  help += group_text(app, std::string(kLastGroup));
  if (!app.get_footer().empty()) help += '\n' + app.get_footer() + '\n';
  return help;
}

}  // namespace sm::cli
