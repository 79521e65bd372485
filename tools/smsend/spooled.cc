#include "spooled.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/rights.h"
#include "cli/settings.h"
#include "delivery/equipment.h"
#include "delivery/signing.h"
#include "ending_signals.h"
#include "handover.h"
#include "queue/runner.h"
#include "queue/schedule.h"
#include "queue/spool.h"
#include "sealing/fallback.h"
#include "state/sts_cache.h"

namespace sm::smsend {
namespace {

using delivery::RecipientResult;

Result<queue::Ticket> ticket_of(const Options& options, const submission::Mail& mail) {
  queue::Ticket ticket;
  ticket.envelope = mail.envelope;
  ticket.minimum = cli::minimum_of(options.minimum);
  if (options.on_insecure == "seal") ticket.on_insecure = queue::OnInsecure::seal;
  if (options.on_insecure == "refuse") ticket.on_insecure = queue::OnInsecure::refuse;
  if (options.on_insecure == "defer") ticket.on_insecure = queue::OnInsecure::defer;
  ticket.seals_all = options.seals_all;
  ticket.method = options.method;
  ticket.phone = options.phone;
  ticket.expires = options.expires;
  ticket.is_once = options.is_once;
  if (options.password_file) {
    auto password = envelope::read_password_file(*options.password_file);
    if (!password) return fail(std::move(password).error());
    ticket.password.emplace(std::move(*password));
  }
  return ticket;
}

/// What a single send would refuse is refused now, not when nobody waits for the answer.
Result<void> check_wishes(const Options& options, const config::Organisation& organisation,
                          const submission::Mail& mail) {
  auto terms = sealing::agree_terms({.seals_all = options.seals_all,
                                     .insists = options.on_insecure == "seal",
                                     .method = options.method,
                                     .password_file = options.password_file,
                                     .phone = options.phone,
                                     .expires = options.expires,
                                     .is_once = options.is_once},
                                    organisation);
  if (!terms) return fail(std::move(terms).error());
  if (!terms->phone.empty() && mail.envelope.recipients.size() != 1) {
    return fail(Errc::usage, "--phone is for one recipient", "smcontact keeps those of several");
  }
  return {};
}

std::string moment(const Clock& clock, std::int64_t due) {
  const auto at = clock.now() + std::chrono::microseconds(due - queue::uptime_of(clock));
  return utc_text(std::chrono::floor<std::chrono::seconds>(std::max(at, clock.now())));
}

void print_json(cli::Printer& out, const store::Queued& row, const Clock& clock) {
  for (const auto& recipient : row.recipients) {
    out.line(JsonObject()
                 .add("message", row.id)
                 .add("organisation", row.org)
                 .add("sender", row.sender)
                 .add("recipient", recipient.address)
                 .add("status", row.lease.empty() ? "queued" : "active")
                 .add("message_id", row.message_id)
                 .add("account", row.account)
                 .add("size", row.size)
                 .add("arrived", utc_text(std::chrono::floor<std::chrono::seconds>(row.created)))
                 .add("attempts", row.attempts)
                 .add("next", moment(clock, row.due))
                 .add("reason", row.reason.empty() ? std::optional<std::string>() : row.reason)
                 .add("detail", row.detail.empty() ? std::optional<std::string>() : row.detail)
                 .text());
  }
}

constexpr std::size_t kIdWidth = 17;
constexpr std::size_t kSizeWidth = 9;

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

/// As mailq(1) of sendmail and Postfix prints it: an asterisk marks what is being sent.
void print_plain(cli::Printer& out, const store::Queued& row) {
  std::string size = std::to_string(row.size);
  if (size.size() < kSizeWidth) size.insert(0, kSizeWidth - size.size(), ' ');
  out.line(padded(row.id + (row.lease.empty() ? "" : "*"), kIdWidth) + size + " " +
           utc_text(std::chrono::floor<std::chrono::seconds>(row.created)) + " " +
           (row.sender.empty() ? "<>" : printable(row.sender)));
  if (!row.reason.empty()) {
    out.line("    (" + row.reason + (row.detail.empty() ? "" : ": " + printable(row.detail)) + ")");
  }
  for (const auto& recipient : row.recipients)
    out.line(std::string(kIdWidth + kSizeWidth + 22, ' ') + printable(recipient.address));
  out.line("");
}

void tell(const Options& options, const queue::RunReport& report) {
  const auto& tally = report.tally;
  if (options.common.is_json) {
    options.common.out().line(JsonObject()
                                  .add("taken_up", report.taken_up)
                                  .add("quarantined", report.quarantined)
                                  .add("delivered", tally.delivered)
                                  .add("sealed", tally.sealed)
                                  .add("deferred", tally.deferred)
                                  .add("uncertain", tally.uncertain)
                                  .add("failed", tally.failed)
                                  .add("returned", tally.returned)
                                  .add("failures", report.failures.size())
                                  .text());
  }
  for (const auto& warning : report.warnings)
    options.common.diagnostics().warning(warning.what);
  options.common.diagnostics().detail(std::to_string(tally.delivered) + " delivered, " +
                                      std::to_string(tally.sealed) + " sealed, " +
                                      std::to_string(tally.deferred + tally.uncertain) + " wait, " +
                                      std::to_string(tally.failed) + " failed");
}

/// "30s", "15m", "1h30m", "2d"; a number alone counts minutes, as in sendmail(8).
Result<std::chrono::seconds> parse_interval(std::string_view text) {
  constexpr std::uint64_t kMost = 100'000;
  const auto whole = text;
  std::chrono::seconds sum{0};
  while (!text.empty()) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parse_decimal(text.substr(0, digits), kMost);
    const char unit = digits < text.size() ? text[digits] : 'm';
    const std::string_view units = "smhdw";
    constexpr std::array<std::int64_t, 5> kSeconds = {1, 60, 3600, 86'400, 604'800};
    const auto index = units.find(unit);
    if (!number || index == units.npos) {
      return fail(Errc::usage, "'" + printable(whole) + "' is no interval", "as in -q15m");
    }
    sum += std::chrono::seconds(static_cast<std::int64_t>(*number) * kSeconds.at(index));
    text.remove_prefix(std::min(digits + 1, text.size()));
  }
  if (sum.count() > 0) return sum;
  return fail(Errc::usage, "the interval is empty", "as in -q15m");
}

/// Wakes when something is put into the spool or the drop. Watched from before a run on: what comes
/// while it runs is seen.
class Watch {
 public:
  explicit Watch(queue::Layout layout)
      : layout_(std::move(layout)), fd_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {}
  /// Folders may come into being later.
  void begin() {
    if (!fd_) return;
    (void)make_folders(layout_.spool());
    for (const auto& folder : {layout_.spool(), layout_.drop()})
      ::inotify_add_watch(fd_.get(), folder.c_str(), IN_MOVED_TO);
  }
  void wait(std::chrono::milliseconds most, const EndingSignals& signals) {
    std::array<pollfd, 2> entries{{{fd_.get(), POLLIN, 0}, {signals.descriptor(), POLLIN, 0}}};
    const int time = static_cast<int>(std::min(most, kMost).count());
    if (::poll(entries.data(), entries.size(), time) <= 0 || signals.have_come()) return;
    // A parcel has its name before its row is in the index.
    constexpr int kGrace = 300;
    ::poll(nullptr, 0, kGrace);
    std::array<char, 4096> events{};
    while (::read(fd_.get(), events.data(), events.size()) > 0) {
    }
  }

 private:
  static constexpr std::chrono::milliseconds kMost = std::chrono::days(7);
  queue::Layout layout_;
  UniqueFd fd_;
};

Result<config::Config> load(const Options& options) {
  return cli::load_config(options.common, options.network,
                          {.minimum = cli::minimum_of(options.minimum)});
}

Result<queue::RunReport> run_once(const Options& options, config::Config config,
                                  const EndingSignals& signals) {
  if (auto applied = delivery::apply_rotations(config); !applied) return fail(applied.error());
  auto premises = sealing::Premises::open(config, premises_of(options));
  if (!premises) return fail(std::move(premises).error());
  auto policies = store::Index::open(config.state);
  if (!policies) return fail(std::move(policies).error());
  auto equipment = delivery::Equipment::make(
      config, {.patience = delivery::Patience::delivery, .dns_file = options.network.dns_file},
      std::make_unique<state::StsCache>(std::move(*policies)));
  if (!equipment) return fail(std::move(equipment).error());
  queue::Runner runner(**premises, **equipment,
                       {.parallel = config.queue.parallel,
                        .is_flush = options.is_flush,
                        .is_stopped = [&signals] { return signals.have_come(); }});
  return runner.run();
}

}  // namespace

config::Config without_registration(config::Config config) {
  config.policy.registered_senders = false;
  for (auto& organisation : config.organisations)
    organisation.policy.registered_senders = false;
  return config;
}

bool lacks_rights(const config::Config& config) {
  if (::geteuid() == 0) return false;
  // The index cannot be made or opened by who may not write here.
  return ::faccessat(AT_FDCWD, config.state.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0 &&
         (errno == EACCES || errno == EPERM || errno == EROFS);
}

sealing::Premises::Options premises_of(const Options& options) {
  const auto& environment = options.common.environment;
  return {.tool = "smsend/" + std::string(kVersion),
          .environment_key = environment.master_key ? &*environment.master_key : nullptr,
          .credentials_directory = environment.credentials_directory};
}

Result<std::vector<RecipientResult>> enqueue(const Options& options, const config::Config& config,
                                             const submission::Mail& mail) {
  const bool is_stranger = lacks_rights(config);
  auto organisation = submission::organisation_of(
      is_stranger ? without_registration(config) : config, mail.envelope, mail.message);
  if (!organisation) return fail(std::move(organisation).error());
  if (auto checked = check_wishes(options, *organisation, mail); !checked) {
    return fail(std::move(checked).error());
  }
  auto ticket = ticket_of(options, mail);
  if (!ticket) return fail(std::move(ticket).error());
  if (is_stranger) return hand_over(config, organisation->id, mail, *ticket);
  auto premises = sealing::Premises::open(config, premises_of(options));
  if (!premises) return fail(std::move(premises).error());
  return queue::accept((*premises)->office(), {.message = &mail.message,
                                               .ticket = &*ticket,
                                               .organisation = &*organisation,
                                               .account = mail.account,
                                               .uid = mail.uid ? std::int64_t{*mail.uid} : -1});
}

Result<std::vector<Waiting>> take_waiting(store::Index& index, submission::Mail& mail) {
  std::vector<Waiting> waiting;
  if (mail.message.message_id().empty()) return waiting;
  store::QueueTable table(index);
  auto& recipients = mail.envelope.recipients;
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    const auto address = recipients[i].mailbox.text();
    auto row = table.find(mail.message.message_id(), mail.envelope.sender.text(), address);
    if (!row) return fail(std::move(row).error());
    if (!*row) continue;
    RecipientResult result;
    result.recipient = address;
    result.message = (*row)->id;
    result.status = delivery::Status::queued;
    waiting.push_back({i, std::move(result)});
  }
  for (auto at = waiting.rbegin(); at != waiting.rend(); ++at)
    recipients.erase(recipients.begin() + static_cast<std::ptrdiff_t>(at->place));
  return waiting;
}

Result<cli::Verdict> run_queue(const Options& options) {
  const EndingSignals signals;
  auto config = load(options);
  if (!config) return fail(std::move(config).error());
  const auto caller = ::geteuid();
  if (auto became = cli::become_owner_of(config->state); !became) return fail(became.error());
  if (!options.interval) {
    auto report = run_once(options, std::move(*config), signals);
    if (!report) return fail(std::move(report).error());
    tell(options, *report);
    if (report->failures.empty()) return cli::Verdict::yes;
    for (std::size_t i = 1; i < report->failures.size(); ++i)
      options.common.diagnostics().error(report->failures[i]);
    return fail(report->failures.front());
  }
  auto interval = parse_interval(*options.interval);
  if (!interval) return fail(std::move(interval).error());
  // Each run reads the configuration anew; but who was root read what the state's owner may not.
  const bool is_kept = ::geteuid() != caller;
  Watch watch(queue::Layout{config->state});
  for (;;) {
    watch.begin();
    auto current = is_kept ? config : load(options);
    auto report = current ? run_once(options, std::move(*current), signals)
                          : Result<queue::RunReport>(fail(std::move(current).error()));
    if (!report) {
      // What the administrator must mend ends the daemon; all else may pass.
      if (report.error().code == Errc::configuration || report.error().code == Errc::denied) {
        return fail(std::move(report).error());
      }
      options.common.diagnostics().error(report.error());
    } else {
      tell(options, *report);
      for (const auto& failure : report->failures)
        options.common.diagnostics().error(failure);
      if (auto flushed = options.common.out().flush(); !flushed) {
        return fail(std::move(flushed).error());
      }
    }
    if (!signals.have_come()) watch.wait(*interval, signals);
    if (signals.have_come()) return cli::Verdict::yes;
  }
}

Result<cli::Verdict> list_queue(const Options& options) {
  auto config = cli::load_config(options.common, options.network);
  if (!config) return fail(std::move(config).error());
  if (auto became = cli::become_owner_of(config->state); !became) return fail(became.error());
  if (lacks_rights(*config)) {
    return fail(Errc::denied, "the queue is shown to those who may read " + config->state);
  }
  auto index = store::Index::open(config->state);
  if (!index) return fail(std::move(index).error());
  store::QueueTable table(*index);
  const Clock& clock = system_clock();
  if (auto rebased = table.rebase(clock); !rebased) return fail(std::move(rebased).error());
  auto& out = options.common.out();
  std::uint64_t bytes = 0;
  std::uint64_t messages = 0;
  constexpr std::uint64_t kAtOnce = 512;
  auto listed = table.each([&](const store::Queued& row) -> Result<void> {
    if (messages == 0 && !options.common.is_json) {
      out.line(padded("Message", kIdWidth) + "     Size Arrived              Sender, recipients");
    }
    ++messages;
    bytes += row.size;
    if (options.common.is_json) {
      print_json(out, row, clock);
    } else {
      print_plain(out, row);
    }
    return messages % kAtOnce == 0 ? out.flush() : Result<void>();
  });
  if (!listed) return fail(std::move(listed).error());
  if (options.common.is_json) return cli::Verdict::yes;
  if (messages == 0) {
    out.line("The queue is empty");
  } else {
    out.line("-- " + std::to_string((bytes + 1023) / 1024) + " KB in " + std::to_string(messages) +
             (messages == 1 ? " message" : " messages"));
  }
  return cli::Verdict::yes;
}

}  // namespace sm::smsend
