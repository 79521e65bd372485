#include "options.h"

#include "cli/options.h"

namespace sm::smsend {
namespace {

void describe_delivery(CLI::App& app, Options& options) {
  cli::add_choice(app, "--minimum", options.minimum, {"trusted", "verified"},
                  "least level that a destination must reach (default: trusted)");
  cli::add_choice(app, "--on-insecure", options.on_insecure, {"seal", "refuse", "defer"},
                  "what becomes of a message whose destination stays below it (default: seal where "
                  "a portal is configured, else refuse)");
  cli::add_list(app, "--attach", options.attachments, "FILE", "adds a file as MIME attachment");
  cli::add_flag(app, "--dry-run", options.is_dry_run,
                "says what would happen to each recipient; sends and records nothing");
  cli::add_flag(app, "--mta", options.is_mta,
                "for pipe transports: one status line, permanent codes only when definite");
}

void describe_sealing(CLI::App& app, Options& options) {
  const auto group = [](cli::Flag flag) { flag.group("Sealed messages"); };
  group(cli::add_flag(app, "--seal", options.seals_all,
                      "seals for the portal, whatever the destination"));
  group(cli::add_choice(app, "--method", options.method, {"sms", "email", "password"},
                        "how recipients prove who they are"));
  group(cli::add_text(app, "--password-file", options.password_file, "FILE",
                      "the password that recipients were told otherwise"));
  group(cli::add_text(app, "--phone", options.phone, "NUMBER",
                      "for codes by text message, as +31612345678; one recipient"));
  group(cli::add_text(app, "--expires", options.expires, "DAYS",
                      "1d to 90d, as far as the policy allows (default: as configured, 7d)"));
  group(cli::add_flag(app, "--once", options.is_once,
                      "the link ends after the first complete reading"));
  group(cli::add_list(app, "--link", options.large_files, "FILE",
                      "a large file, sealed: its link goes into the mail"));
  group(cli::add_choice(app, "--oversize", options.oversize, {"link", "refuse"},
                        "attachments that are too large go by a link, or the message is refused "
                        "(default: refuse)"));
}

void describe_queue(CLI::App& app, Options& options) {
  const auto group = [](cli::Flag flag) { flag.group("Queue"); };
  group(cli::add_flag(app, "--queue", options.queues,
                      "takes the message into the queue, to be delivered by -q"));
  group(
      cli::add_flag(app, "-q", options.runs_queue, "runs the queue once; -q15m, again and again"));
  group(cli::add_text(app, "--every", options.interval, "INTERVAL",
                      "with -q: again after so long, as 30s, 15m, 1h"));
  group(cli::add_flag(app, "--now", options.is_flush, "with -q: also what is not due yet"));
}

void describe_batch(CLI::App& app, Options& options) {
  const auto group = [](cli::Flag flag) { flag.group("Batches"); };
  group(cli::add_text(app, "--batch", options.batch, "FILE",
                      "one message a row of FILE, CSV or NDJSON; - is stdin"));
  group(cli::add_text(app, "--template", options.batch_template, "FILE",
                      "the message, with mustache variables for columns"));
  group(cli::add_flag(app, "--send", options.sends,
                      "sends the batch; with --dry-run it is only looked at"));
  group(cli::add_number(app, "--limit", options.limit, 1, 1'000'000'000, "N",
                        "begins at most N messages"));
  group(cli::add_text(app, "--results", options.results, "FILE",
                      "writes what became of each row, as NDJSON"));
  group(cli::add_text(app, "--failed", options.failed, "FILE",
                      "writes the rows that were not sent, as CSV with the reason"));
}

void describe_sendmail(CLI::App& app, Options& options) {
  const auto group = [](cli::Flag flag) { flag.group("As sendmail(8)"); };
  group(
      cli::add_flag(app, "-t", options.takes_header_recipients, "takes recipients from To and Cc"));
  group(cli::add_text(app, "-f", options.envelope_sender, "ADDR", "envelope sender; <> for none"));
  group(cli::add_text(app, "-r", options.envelope_sender, "ADDR", "the same as -f"));
  group(cli::add_text(app, "-F", options.full_name, "NAME",
                      "name of the author, where the message has no From"));
  group(cli::add_text(app, "-N", options.notify, "WHEN",
                      "reports wanted: never, or of success, failure, delay"));
  group(cli::add_text(app, "-R", options.returned, "PART", "reports carry full or hdrs"));
  group(cli::add_text(app, "-V", options.envelope_id, "ENVID", "name of this submission"));
  group(cli::add_list(app, "-O", options.sendmail_options, "NAME=VALUE",
                      "requiretls=yes demands REQUIRETLS; others are ignored"));
  group(cli::add_list(app, "-o", options.sendmail_options, "OPTION", "ignored, as -oi and -oem"));
  group(cli::add_text(app, "-b", options.mode, "MODE",
                      "m: deliver a message from stdin; p: list the queue; s: SMTP on stdin and "
                      "stdout; i: nothing"));
  group(cli::add_text(app, "-B", options.body_type, "TYPE", "ignored: the message is looked at"));
  group(cli::add_number(app, "-h", options.hops, 0, 1000, "N", "ignored"));
  group(cli::add_list(app, "-L", options.ignored, "TAG", "ignored"));
  group(cli::add_list(app, "-X", options.ignored, "FILE", "ignored"));
  group(cli::add_flag(app, "-i", options.ignores_dots, "ignored: a lone dot never ends a message"));
  group(cli::add_flag(app, "-n,-m,-G,-U", options.ignored_flag, "ignored"));
}

}  // namespace

void describe(CLI::App& app, Options& options) {
  cli::add_arguments(app, "RECIPIENT...", options.recipients, "addresses to deliver to");
  describe_delivery(app, options);
  describe_sealing(app, options);
  describe_queue(app, options);
  describe_batch(app, options);
  describe_sendmail(app, options);
  cli::add_network_options(app, options.network);
}

}  // namespace sm::smsend
