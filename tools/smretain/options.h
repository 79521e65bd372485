#pragma once

#include <optional>
#include <string>

#include "cli/main.h"

namespace sm::smretain {

enum class Command { none, sweep, list, show, get, renotify, unlock, revoke, remove };

struct Options {
  cli::Common common;
  cli::NetworkFlags network;
  Command command = Command::none;
  std::optional<std::string> id;
  bool accepts_clock = false;              ///< sweep
  std::optional<std::string> status;       ///< list
  std::optional<std::string> sender;       ///< list
  std::optional<std::string> reference;    ///< list
  std::optional<std::string> output;       ///< get
  std::optional<std::string> recipient;    ///< revoke
  bool is_last = false;                    ///< revoke
  std::optional<std::string> message_id;   ///< revoke
  std::optional<std::string> to;           ///< revoke
  std::optional<std::string> since;        ///< revoke
  std::optional<std::string> certificate;  ///< delete
};

void describe(CLI::App& app, Options& options);
Result<cli::Verdict> run(const Options& options);

}  // namespace sm::smretain
