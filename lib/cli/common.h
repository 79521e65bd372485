#pragma once
// What every tool knows after its command line and environment were read: the common flags, the
// few environment variables that matter, and the two ways out: stdout for data, stderr for
// messages.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "cli/diagnostics.h"
#include "cli/printer.h"

namespace sm::cli {

/// The environment, read once at the start (secure_getenv: nothing of it counts in a set-id tool).
struct Environment {
  std::optional<std::string> config;                 ///< SMTOOLS_CONFIG
  std::optional<std::string> state;                  ///< SMTOOLS_STATE
  std::optional<std::string> user_config_folder;     ///< XDG_CONFIG_HOME, else $HOME/.config
  std::optional<std::string> credentials_directory;  ///< CREDENTIALS_DIRECTORY (systemd)
  std::optional<bool> is_sealing_enabled;            ///< SECURE_MAIL_ENABLED=true|false
  /// SECURE_MAIL_MASTER_KEY, taken out of the environment and wiped there before anything else
  /// happens. Who uses it warns that a credential file is safer.
  std::optional<Secret> master_key;
};

struct Common {
  bool is_json = false;     ///< --json: NDJSON on stdout
  bool is_quiet = false;    ///< --quiet: no messages but errors
  int verbosity = 0;        ///< -v, counted
  bool has_colour = false;  ///< stdout is a terminal, and neither --no-color nor NO_COLOR said no
  std::optional<std::string> config;  ///< --config FILE
  std::optional<std::string> state;   ///< --state DIR
  Environment environment;

  /// stdout. What run() leaves in it is written when run() returns a Verdict and dropped when it
  /// returns an Error.
  [[nodiscard]] Printer& out() const { return *out_; }
  /// stderr.
  [[nodiscard]] Diagnostics& diagnostics() const { return *diagnostics_; }

  Printer* out_ = nullptr;              ///< set by main_for
  Diagnostics* diagnostics_ = nullptr;  ///< set by main_for
};

/// The network flags that several tools offer (cli/options.h: add_network_options). Unset ones
/// leave the configuration's value.
struct NetworkFlags {
  std::vector<std::string> resolvers;            ///< --resolver ADDR[@PORT], repeatable
  std::vector<std::string> trust_anchors;        ///< --trust-anchor FILE, repeatable
  std::optional<std::string> ca_file;            ///< --ca-file FILE
  std::optional<std::uint16_t> port;             ///< --port N
  std::optional<std::chrono::seconds> deadline;  ///< --deadline SECONDS
  std::optional<std::string> dns_file;           ///< --dns-file FILE: these answers, no network
};

}  // namespace sm::cli
