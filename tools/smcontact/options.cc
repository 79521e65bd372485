#include "options.h"

#include "cli/options.h"

namespace sm::smcontact {
namespace {

CLI::App& add_command(CLI::App& app, Options& options, Command command, const std::string& name,
                      const std::string& help) {
  auto& added =
      cli::add_command(app, name, help, [&options, command] { options.command = command; });
  cli::add_text(added, "--org", options.org, "ORG",
                "whose contacts (default: the only organisation, or default)");
  return added;
}

void add_address(CLI::App& app, Options& options) {
  cli::add_argument(app, "ADDRESS", options.address, "the mail address")->required();
}

void add_fields(CLI::App& app, Options& options) {
  cli::add_text(app, "--phone", options.phone, "NUMBER",
                "for codes by text message, with its country: +31612345678");
  cli::add_text(app, "--name", options.name, "NAME", "who it is");
  cli::add_choice(app, "--language", options.language, {"en", "nl"},
                  "in which notifications are written");
  cli::add_flag(app, "--sender", options.is_sender, "registered to send");
}

}  // namespace

void describe(CLI::App& app, Options& options) {
  cli::require_command(app);
  auto& add =
      add_command(app, options, Command::add, "add", "adds a contact that is not there yet");
  add_address(add, options);
  add_fields(add, options);
  auto& set =
      add_command(app, options, Command::set, "set", "changes what is given, and keeps the rest");
  add_address(set, options);
  add_fields(set, options);
  cli::add_flag(set, "--no-sender", options.is_no_sender, "registered to send no more");
  add_address(add_command(app, options, Command::remove, "remove", "forgets a contact"), options);
  add_address(add_command(app, options, Command::show, "show", "prints a contact"), options);
  auto& list = add_command(app, options, Command::list, "list", "prints all contacts");
  cli::add_flag(list, "--senders", options.only_senders, "only those registered to send");
  auto& import_csv =
      add_command(app, options, Command::import_csv, "import",
                  "reads CSV with the columns address, phone, name, language, sender: all of it or "
                  "nothing");
  cli::add_argument(import_csv, "FILE", options.file, "the CSV file; - is stdin")->required();
  auto& export_csv =
      add_command(app, options, Command::export_csv, "export", "writes all contacts as CSV");
  cli::add_argument(export_csv, "FILE", options.file, "where to (default: stdout)");
}

}  // namespace sm::smcontact
