#include "options.h"

#include "cli/options.h"

namespace sm::smaudit {
namespace {

CLI::App& add_command(CLI::App& app, Options& options, Command command, const std::string& name,
                      const std::string& help) {
  return cli::add_command(app, name, help, [&options, command] { options.command = command; });
}

void add_org(CLI::App& app, Options& options) {
  cli::add_text(app, "--org", options.org, "NAME",
                "the organisation (default: the only one that there is)");
}

void add_times(CLI::App& app, Options& options) {
  cli::add_text(app, "--since", options.since, "TIME",
                "from then on: 2026-11-21, 2026-11-21T10:00:00Z");
  cli::add_text(app, "--until", options.until, "TIME", "before then");
}

void describe_verify(CLI::App& app, Options& options) {
  cli::add_argument(app, "LOG", options.log,
                    "a log's folder, a file of records, or - (default: each organisation's "
                    "folder in the state)");
  cli::add_list(app, "--checkpoint", options.checkpoints, "FILE",
                "a checkpoint that was kept outside (repeatable)");
  cli::add_text(app, "--key", options.key, "VKEYFILE", "verifier keys that were kept outside");
  cli::add_text(app, "--tsa-ca", options.tsa_ca, "FILE",
                "PEM roots that the anchors' certificates must lead to");
  cli::add_flag(app, "--strict", options.is_strict, "notices mean no, too");
  cli::add_number(app, "--jobs", options.jobs, 1, 64, "N", "threads (default: one a core)");
}

void describe_trace(CLI::App& app, Options& options) {
  cli::add_text(app, "MESSAGE", options.subject, "",
                "an audit id, a Message-ID, a batch row's key, or an address")
      ->required();
  add_org(app, options);
}

void describe_export(CLI::App& app, Options& options) {
  add_times(app, options);
  cli::add_list(app, "--event", options.events, "EVENT", "only this event (repeatable)");
  cli::add_text(app, "--message", options.message, "ID", "only this message");
  cli::add_text(app, "--address", options.address, "ADDRESS",
                "only records that disclose this address");
  cli::add_flag(app, "--raw", options.is_raw, "the log's own lines, byte for byte");
  cli::add_choice(app, "--format", options.format, {"ndjson", "csv", "ecs"},
                  "how to print rows (default: ndjson)");
  cli::add_flag(app, "--follow", options.follows, "goes on with what is appended");
  add_org(app, options);
}

void describe_receipt(CLI::App& app, Options& options) {
  cli::require_command(app);
  CLI::App& create = add_command(app, options, Command::receipt_create, "create",
                                 "proves one event without showing any other");
  cli::add_text(create, "MESSAGE", options.subject, "", "the message's audit id")->required();
  cli::add_text(create, "--recipient", options.recipient, "RECIPIENT",
                "the recipient: id or address");
  cli::add_list(create, "--event", options.events, "EVENT",
                "the event (default: delivered, or the only one)");
  cli::add_list(create, "--disclose", options.disclose, "NAME",
                "discloses this value of the record (repeatable)");
  cli::add_text(create, "-o,--output", options.out, "DIR|FILE.tar", "where to; must be new")
      ->required();
  add_org(create, options);
  CLI::App& verify = add_command(app, options, Command::receipt_verify, "verify",
                                 "tells whether a receipt proves what it says");
  cli::add_text(verify, "PATH", options.subject, "", "the receipt: folder or tar file")->required();
  cli::add_text(verify, "--key", options.key, "VKEYFILE",
                "verifier keys of the log (default: those of the logs in the state)");
  cli::add_text(verify, "--tsa-ca", options.tsa_ca, "FILE",
                "PEM roots that the timestamp's certificate must lead to");
}

void describe_anchor(CLI::App& app, Options& options) {
  cli::add_text(app, "--tsa", options.tsa, "URL", "asks this timestamp authority");
  cli::add_text(app, "--request", options.request, "FILE", "writes the query there (- for stdout)");
  cli::add_text(app, "--response", options.response, "FILE", "takes the reply from there");
  cli::add_text(app, "--mail", options.mail, "ADDRESS", "mails the checkpoint there");
  cli::add_text(app, "--tsa-ca", options.tsa_ca, "FILE",
                "PEM roots that the authority's certificate must lead to");
  add_org(app, options);
  cli::add_network_options(app, options.network);
}

void describe_append(CLI::App& app, Options& options) {
  cli::add_list(app, "--event", options.events, "EVENT", "what happened")->required();
  cli::add_text(app, "--message", options.message, "ID", "the message that it is about");
  cli::add_text(app, "--recipient", options.recipient, "ID", "the recipient that it is about");
  cli::add_list(app, "--fact", options.facts, "NAME=VALUE",
                "a fact, in the clear and for ever (repeatable)");
  cli::add_list(app, "--disclose", options.disclose, "NAME=VALUE",
                "a value that can be erased: whatever says who (repeatable)");
  add_org(app, options);
}

void describe_erase(CLI::App& app, Options& options) {
  cli::add_text(app, "--message", options.message, "ID", "all values of this message's records");
  cli::add_text(app, "--address", options.address, "ADDRESS",
                "all values of the records about this recipient, and this address everywhere");
  cli::add_text(app, "--authorised-by", options.authorised_by, "WHO", "who decided it")->required();
  cli::add_text(app, "--ground", options.ground, "TEXT", "on what ground")->required();
  add_org(app, options);
}

}  // namespace

void describe(CLI::App& app, Options& options) {
  cli::require_command(app);
  describe_verify(
      add_command(app, options, Command::verify, "verify", "tells whether a log is intact"),
      options);
  describe_trace(
      add_command(app, options, Command::trace, "trace", "shows what happened to a message"),
      options);
  describe_export(add_command(app, options, Command::export_log, "export",
                              "prints records with what they disclose"),
                  options);
  CLI::App& report =
      add_command(app, options, Command::report, "report", "prints a month in figures");
  cli::add_text(report, "--month", options.month, "YYYY-MM", "the month, UTC")->required();
  add_org(report, options);
  describe_receipt(cli::add_command(app, "receipt", "makes and verifies receipts"), options);
  CLI::App& checkpoint = add_command(app, options, Command::checkpoint, "checkpoint",
                                     "signs the log as it stands, and prints what was signed");
  cli::add_flag(checkpoint, "--end-epoch", options.ends_epoch,
                "replaces the log's key: the old one signs a last time and is destroyed");
  add_org(checkpoint, options);
  describe_anchor(
      add_command(app, options, Command::anchor, "anchor", "has others witness the checkpoint"),
      options);
  describe_append(
      add_command(app, options, Command::append, "append", "adds a record, for scripts"), options);
  describe_erase(add_command(app, options, Command::erase, "erase",
                             "destroys a person's data; the log still verifies"),
                 options);
}

}  // namespace sm::smaudit
