#include "options.h"

#include "cli/options.h"

namespace sm::smretain {
namespace {

CLI::App& add_command(CLI::App& app, Options& options, Command command, const std::string& name,
                      const std::string& help) {
  return cli::add_command(app, name, help, [&options, command] { options.command = command; });
}

void add_id(CLI::App& app, Options& options) {
  cli::add_argument(app, "ID", options.id, "the message's id, as list prints it")->required();
}

}  // namespace

void describe(CLI::App& app, Options& options) {
  cli::require_command(app);
  auto& sweep = add_command(app, options, Command::sweep, "sweep",
                            "the job of every ten minutes: expires, destroys, sends what is "
                            "pending, signs the checkpoint");
  cli::add_flag(sweep, "--accept-clock", options.accepts_clock,
                "believe a clock that has jumped ahead by more than half a year");
  cli::add_network_options(sweep, options.network);
  auto& list = add_command(app, options, Command::list, "list",
                           "one line a recipient: id, reference, sender, recipient, status, how "
                           "many opened it, expiry");
  cli::add_choice(list, "--status", options.status,
                  {"queued", "pending", "sent", "delivered", "opened", "replied", "expired",
                   "revoked", "deleted"},
                  "only those of this status");
  cli::add_text(list, "--sender", options.sender, "ADDRESS", "only those of this sender");
  cli::add_text(list, "--reference", options.reference, "TEXT",
                "only those of this reference: the batch key, envelope id or Message-ID");
  add_id(add_command(app, options, Command::show, "show", "all that is known of one message"),
         options);
  auto& get = add_command(app, options, Command::get, "get",
                          "writes a reply, or a message with escrow, as a mail");
  add_id(get, options);
  cli::add_text(get, "-o,--output", options.output, "FILE", "where to; - is stdout")->required();
  add_id(add_command(app, options, Command::renotify, "renotify",
                     "a new link for everybody who has not ended, where the organisation may"),
         options);
  add_id(add_command(app, options, Command::unlock, "unlock",
                     "lifts the lock that wrong codes or passwords brought"),
         options);
  auto& revoke = add_command(app, options, Command::revoke, "revoke",
                             "ends links at once, also while something is being downloaded");
  cli::add_argument(revoke, "ID", options.id, "the message's id, as list prints it");
  cli::add_text(revoke, "--recipient", options.recipient, "ADDRESS", "for this recipient only");
  cli::add_flag(revoke, "--last", options.is_last, "the newest message");
  cli::add_text(revoke, "--message-id", options.message_id, "ID", "by the Message-ID field");
  cli::add_text(revoke, "--to", options.to, "ADDRESS", "all to this recipient, with --since");
  cli::add_text(revoke, "--since", options.since, "TIME",
                "sent since: 30m, 1h, 2d ago, or a UTC time");
  auto& remove = add_command(app, options, Command::remove, "delete",
                             "destroys content and keys; the audit record stays");
  add_id(remove, options);
  cli::add_text(remove, "--certificate", options.certificate, "FILE",
                "writes an erasure certificate, tied to the log");
}

}  // namespace sm::smretain
