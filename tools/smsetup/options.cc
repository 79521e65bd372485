#include "options.h"

#include "cli/options.h"

namespace sm::smsetup {
namespace {

CLI::App& add_command(CLI::App& app, Options& options, Command command, const std::string& name,
                      const std::string& help) {
  auto& added =
      cli::add_command(app, name, help, [&options, command] { options.command = command; });
  cli::add_list(added, "--address", options.addresses, "ADDRESS",
                "an address that the world sees this machine with; repeatable (default: its own "
                "public ones)");
  return added;
}

}  // namespace

void describe(CLI::App& app, Options& options) {
  cli::require_command(app);
  auto& init = add_command(app, options, Command::init, "init",
                           "makes keys and configuration where there are none, and prints the DNS "
                           "records to publish as a zone file");
  cli::add_text(init, "--domain", options.domain, "DOMAIN", "that mail is sent from")->required();
  cli::add_text(init, "--organisation", options.organisation, "NAME",
                "as recipients read it (default: the domain)");
  cli::add_text(init, "--portal", options.portal, "URL",
                "where sealed messages wait, such as https://portal.example.com (default: none, "
                "and nothing is sealed)");
  cli::add_text(init, "--mail-host", options.mail_host, "HOST",
                "takes the domain's mail, where its MX does not say so yet");
  cli::add_text(init, "--certificate", options.certificate, "FILE",
                "the mail host's certificate, PEM, for TLSA (default: the one that it shows)");
  cli::add_network_options(init, options.network);
  auto& check = add_command(app, options, Command::check, "check",
                            "looks at all of it live: what is there, what is missing, and how to "
                            "mend it");
  cli::add_text(check, "--domain", options.domain, "DOMAIN",
                "this domain only (default: all that are configured)");
  cli::add_network_options(check, options.network);
}

}  // namespace sm::smsetup
