#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/main.h"

namespace sm::smsetup {

enum class Command { none, init, check };

struct Options {
  cli::Common common;
  cli::NetworkFlags network;
  Command command = Command::none;
  std::string domain;                       ///< init: required; check: only this one
  std::optional<std::string> organisation;  ///< init: as people read it
  std::optional<std::string> portal;        ///< init: base URL
  std::optional<std::string> certificate;   ///< init: PEM file of the mail host's certificate
  std::optional<std::string> mail_host;     ///< init: takes the domain's mail
  std::vector<std::string> addresses;       ///< that the world sees this machine with
};

void describe(CLI::App& app, Options& options);
Result<cli::Verdict> run(const Options& options);

}  // namespace sm::smsetup
