#pragma once
// smportal's command line.

#include <optional>
#include <string>

#include "base/result.h"
#include "cli/common.h"
#include "cli/main.h"

namespace CLI {
class App;
}

namespace sm::smportal {

struct Options {
  cli::Common common;
  cli::NetworkFlags network;
  std::optional<std::string> listen;  ///< ADDR:PORT
  std::optional<std::string> socket;  ///< path of a Unix socket
  std::optional<std::string> tls_cert;
  std::optional<std::string> tls_key;
};

void describe(CLI::App& app, Options& options);
Result<cli::Verdict> run(const Options& options);

}  // namespace sm::smportal
