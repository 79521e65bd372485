#include "options.h"

#include "cli/options.h"

namespace sm::smprobe {

void describe(CLI::App& app, Options& options) {
  cli::add_arguments(app, "DESTINATION...", options.destinations,
                     "domains or addresses; - reads them from stdin, one a line")
      ->required();
  cli::add_choice(app, "--minimum", options.minimum, {"trusted", "verified"},
                  "the level that answers yes (default: trusted)");
  cli::add_flag(app, "--explain", options.explains,
                "says why in sentences, with the evidence and what its owner would have to change");
  cli::add_flag(app, "--no-connect", options.stays_off,
                "looks at DNS and published policies only; connects to no mail server");
  cli::add_number(app, "--jobs", options.jobs, 1, 1024, "N",
                  "destinations looked at side by side (default: 64)");
  cli::add_flag(app, "--sender", options.looks_at_sender,
                "looks at one's own side instead: SPF, DKIM keys, DMARC");
  cli::add_network_options(app, options.network);
}

}  // namespace sm::smprobe
