#include "options.h"

#include "cli/options.h"

namespace sm::smkey {
namespace {

CLI::App& add_command(CLI::App& app, Options& options, Command command, const std::string& name,
                      const std::string& help) {
  return cli::add_command(app, name, help, [&options, command] { options.command = command; });
}

void add_org(CLI::App& app, Options& options) {
  cli::add_argument(app, "ORG", options.org, "the organisation")->required();
}

}  // namespace

void describe(CLI::App& app, Options& options) {
  cli::require_command(app);
  auto& init = add_command(app, options, Command::init, "init",
                           "makes an organisation's first keys, and the master key where there is "
                           "none; nothing where it has keys");
  cli::add_argument(init, "ORG", options.org, "the organisation (default: default)");
  add_command(app, options, Command::list, "list", "prints the keys there are, never the secrets");
  auto& master = add_command(app, options, Command::rotate_master, "rotate-master",
                             "replaces the master key and wraps the keyring under the new one");
  cli::add_text(master, "--new-key", options.new_master, "FILE",
                "the new master key, where the present one is a credential or in the environment; "
                "put it in the old one's place afterwards");
  auto& rotate = add_command(app, options, Command::rotate_org, "rotate-org",
                             "makes new keys for an organisation and hangs every envelope of the "
                             "store on them; run again, it goes on where it stopped");
  add_org(rotate, options);
  auto& destroy =
      add_command(app, options, Command::destroy, "destroy", "destroys a retired key for good");
  add_org(destroy, options);
  cli::add_argument(destroy, "KID", options.kid, "the key, as list prints it")->required();
  cli::add_flag(destroy, "--force", options.is_forced,
                "also where envelopes of the store still need it; those never open again");
  auto& exported = add_command(app, options, Command::export_public, "export-public",
                               "prints the public key that smseal --public-key takes");
  add_org(exported, options);
}

}  // namespace sm::smkey
