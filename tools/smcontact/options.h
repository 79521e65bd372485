#pragma once

#include <optional>
#include <string>

#include "cli/main.h"

namespace sm::smcontact {

enum class Command { none, add, set, remove, show, list, import_csv, export_csv };

struct Options {
  cli::Common common;
  Command command = Command::none;
  std::optional<std::string> org;
  std::optional<std::string> address;
  std::optional<std::string> phone;
  std::optional<std::string> name;
  std::optional<std::string> language;
  bool is_sender = false;
  bool is_no_sender = false;
  bool only_senders = false;
  std::optional<std::string> file;
};

void describe(CLI::App& app, Options& options);
Result<cli::Verdict> run(const Options& options);

}  // namespace sm::smcontact
