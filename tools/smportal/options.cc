#include "options.h"

#include "cli/options.h"

namespace sm::smportal {

void describe(CLI::App& app, Options& options) {
  const auto listen = cli::add_text(app, "--listen", options.listen, "ADDR:PORT",
                                    "serve there: 127.0.0.1:8080, [::1]:8080");
  cli::add_text(app, "--socket", options.socket, "PATH", "serve on this Unix socket")
      ->excludes(listen);
  cli::add_text(app, "--tls-cert", options.tls_cert, "FILE",
                "with TLS: certificate and chain, PEM; needs --tls-key");
  cli::add_text(app, "--tls-key", options.tls_key, "FILE",
                "its private key, PEM, readable by its owner alone; needs --tls-cert");
  cli::add_network_options(app, options.network);
}

}  // namespace sm::smportal
