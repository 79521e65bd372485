#include <algorithm>
#include <map>

#include "base/file.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "base/version.h"
#include "certificate.h"
#include "cli/settings.h"
#include "options.h"
#include "queue/withdraw.h"
#include "retention/delivered.h"
#include "retention/lifecycle.h"
#include "retention/sweep.h"
#include "sealing/assemble.h"
#include "sealing/premises.h"
#include "state/sts_cache.h"
#include "store/queue_table.h"

namespace sm::smretain {
namespace {

using retention::Row;

constexpr const char* kQueued = "queued";

Result<std::unique_ptr<sealing::Premises>> open(const Options& options, bool needs_keys) {
  auto config = cli::load_config(options.common, options.network);
  if (!config) return fail(std::move(config).error());
  const auto& environment = options.common.environment;
  sealing::Premises::Options premises{.tool = "smretain/" + std::string(kVersion),
                                      .credentials_directory = environment.credentials_directory,
                                      .needs_keys = needs_keys};
  if (environment.master_key) {
    premises.environment_key = &*environment.master_key;
    if (needs_keys) options.common.diagnostics().warning(keys::kEnvironmentWarning);
  }
  return sealing::Premises::open(std::move(*config), premises);
}

Unexpected no_such_message(const std::string& id) {
  return fail(Errc::no_input, "no such message: " + id, "smretain list prints those there are");
}

std::string json_of(const Row& row) {
  return JsonObject()
      .add("id", row.id)
      .add("reply_to", row.reply_to.empty() ? std::optional<std::string>() : row.reply_to)
      .add("reference", row.reference)
      .add("organisation", row.org)
      .add("sender", row.sender)
      .add("recipient", row.recipient)
      .add("status", row.status)
      .add("reason", row.reason.empty() ? std::optional<std::string>() : row.reason)
      .add("method", row.method.empty() ? std::optional<std::string>() : row.method)
      .add("opened", row.opened)
      .add("recipients", row.recipients)
      .add("message_id", row.message_id)
      .add("created", utc_text(std::chrono::floor<std::chrono::seconds>(row.created)))
      .add("expires", utc_text(std::chrono::floor<std::chrono::seconds>(row.expires)))
      .text();
}

std::string line_of(const Row& row) {
  const std::string opened =
      "opened " + std::to_string(row.opened) + " of " + std::to_string(row.recipients);
  return row.id + '\t' + printable(row.reference) + '\t' + printable(row.sender) + '\t' +
         printable(row.recipient) + '\t' + row.status + '\t' + opened + '\t' +
         utc_text(std::chrono::floor<std::chrono::seconds>(row.expires));
}

/// What waits in the queue is no sealed message yet; to whoever asks what became of a mail, it is
/// one that has not left.
std::vector<Row> rows_of(const store::Queued& queued, std::chrono::seconds lifetime) {
  std::vector<Row> rows;
  for (const auto& recipient : queued.recipients) {
    Row& row = rows.emplace_back();
    row.id = queued.id;
    row.reference = queued.message_id;  // another one would be in what is sealed
    row.message_id = queued.message_id;
    row.org = queued.org;
    row.sender = queued.sender;
    row.recipient = recipient.address;
    row.recipient_id = recipient.id;
    row.status = kQueued;
    row.reason = queued.reason;
    row.recipients = static_cast<int>(queued.recipients.size());
    row.created = queued.created;
    row.expires = queued.created + lifetime;
  }
  return rows;
}

/// Mail in the queue, the newest first.
Result<std::vector<Row>> list_queued(sealing::Office& office, const retention::Filter& filter) {
  std::vector<Row> rows;
  if (filter.status && *filter.status != kQueued) return rows;
  const auto listed =
      store::QueueTable(*office.index).each([&](const store::Queued& queued) -> Result<void> {
        const bool is_meant =
            queued.kind == store::QueuedKind::mail && (!filter.id || queued.id == *filter.id) &&
            (!filter.reference || queued.message_id == *filter.reference) &&
            (!filter.sender || equal_ignoring_case(queued.sender, *filter.sender));
        if (!is_meant) return {};
        auto more = rows_of(queued, office.config->queue.lifetime);
        std::move(more.rbegin(), more.rend(), std::back_inserter(rows));
        return {};
      });
  if (!listed) return fail(listed.error());
  std::reverse(rows.begin(), rows.end());
  return rows;
}

/// Both, the newest first; replies stay below the message that they answer.
Result<std::vector<Row>> list_all(sealing::Office& office, const retention::Filter& filter) {
  const bool is_queue_alone = filter.status == kQueued;
  auto sealed = is_queue_alone ? Result<std::vector<Row>>(std::vector<Row>())
                               : retention::list(office, filter);
  if (!sealed) return sealed;
  auto queued = list_queued(office, filter);
  if (!queued) return queued;
  std::vector<Row> all;
  auto next = queued->begin();
  for (auto& row : *sealed) {
    while (row.reply_to.empty() && next != queued->end() && next->created > row.created)
      all.push_back(std::move(*next++));
    all.push_back(std::move(row));
  }
  std::move(next, queued->end(), std::back_inserter(all));
  return all;
}

Result<cli::Verdict> list(const Options& options) {
  auto premises = open(options, false);
  if (!premises) return fail(std::move(premises).error());
  auto rows = list_all(
      (*premises)->office(),
      {.status = options.status, .sender = options.sender, .reference = options.reference});
  if (!rows) return fail(std::move(rows).error());
  for (const auto& row : *rows)
    options.common.out().line(options.common.is_json ? json_of(row) : line_of(row));
  return cli::Verdict::yes;
}

Result<cli::Verdict> show(const Options& options) {
  auto premises = open(options, false);
  if (!premises) return fail(std::move(premises).error());
  auto rows = list_all((*premises)->office(), {.id = options.id});
  if (!rows) return fail(std::move(rows).error());
  if (rows->empty()) return no_such_message(*options.id);
  for (const auto& row : *rows) {
    if (options.common.is_json) {
      options.common.out().line(json_of(row));
      continue;
    }
    auto& out = options.common.out();
    out.line("id:         " + row.id);
    if (!row.reply_to.empty()) out.line("reply to:   " + row.reply_to);
    out.line("reference:  " + printable(row.reference));
    out.line("sender:     " + printable(row.sender));
    out.line("recipient:  " + printable(row.recipient));
    out.line("status:     " + row.status + (row.reason.empty() ? "" : " (" + row.reason + ")"));
    if (!row.method.empty()) out.line("method:     " + row.method);
    out.line("sent:       " + utc_text(std::chrono::floor<std::chrono::seconds>(row.created)));
    out.line("expires:    " + utc_text(std::chrono::floor<std::chrono::seconds>(row.expires)));
  }
  return cli::Verdict::yes;
}

Result<void> write_mail(envelope::Envelope& envelope, const Options& options) {
  auto source = sealing::assemble(envelope);
  if (!source) return fail(std::move(source).error());
  const bool is_stdout = *options.output == "-";
  std::optional<AtomicFile> file;
  if (!is_stdout) {
    auto created = AtomicFile::create(*options.output);
    if (!created) return fail(std::move(created).error());
    file.emplace(std::move(*created));
  }
  for (;;) {
    auto block = (*source)->next();
    if (!block) return fail(std::move(block).error());
    if (block->empty()) break;
    if (is_stdout) {
      options.common.out().print(as_text(*block));
    } else if (auto written = file->write(*block); !written) {
      return written;
    }
  }
  return is_stdout ? Result<void>() : file->publish();
}

/// A reply is the organisation's own; what was sealed for somebody else is opened before a witness.
Result<void> tell_escrow(sealing::Office& office, const store::SealedMessage& message,
                         audit::Outcome outcome, std::string_view reason = {}) {
  const auto id = audit::MessageId::parse(message.id);
  if (message.kind == store::SealedKind::reply || !id) return {};
  audit::Record record(audit::Event::escrow_opened, *id);
  record.outcome(outcome, reason);
  return office.logs->append(message.org, record);
}

Result<cli::Verdict> get(const Options& options) {
  auto premises = open(options, true);
  if (!premises) return fail(std::move(premises).error());
  auto& office = (*premises)->office();
  auto message = store::SealedTable(*office.index).find(*options.id);
  if (!message) return fail(std::move(message).error());
  // Expiry holds at access: the sweep only removes.
  const bool is_there = *message && (*message)->phase == store::Phase::live &&
                        (*message)->expires > office.clock->now();
  if (!is_there) return no_such_message(*options.id);
  if (!(*message)->has_escrow) {
    if (auto told = tell_escrow(office, **message, audit::Outcome::denied, "no-escrow"); !told) {
      return fail(std::move(told).error());
    }
    return fail(Errc::denied, "only its recipients can open this message",
                "policy.escrow would give the organisation a key to those to come");
  }
  const auto id = envelope::EnvelopeId::parse((*message)->envelope);
  if (!id) return fail(Errc::bug, "the message has no envelope id");
  auto envelope = office.envelopes().open(*id);
  if (!envelope) return fail(std::move(envelope).error());
  envelope::OpeningKeys keys;
  keys.keyring = office.keys;
  keys.org = (*message)->org;
  if (auto unlocked = envelope->unlock(keys); !unlocked) return fail(std::move(unlocked).error());
  if (auto told = tell_escrow(office, **message, audit::Outcome::success); !told) {
    return fail(std::move(told).error());
  }
  if (auto written = write_mail(*envelope, options); !written) {
    return fail(std::move(written).error());
  }
  return cli::Verdict::yes;
}

Result<cli::Verdict> sweep(const Options& options) {
  auto premises = open(options, true);
  if (!premises) return fail(std::move(premises).error());
  auto sts = store::Index::open((*premises)->config().state);
  if (!sts) return fail(std::move(sts).error());
  auto equipment = delivery::Equipment::make(
      (*premises)->config(),
      {.patience = delivery::Patience::delivery, .dns_file = options.network.dns_file},
      std::make_unique<state::StsCache>(std::move(*sts)));
  if (!equipment) return fail(std::move(equipment).error());
  auto report = retention::sweep((*premises)->office(), equipment->get(),
                                 {.deadline = (*premises)->config().network.deadline,
                                  .believes_clock = options.accepts_clock});
  if (!report) return fail(std::move(report).error());
  const auto accepted = std::count_if(
      report->errands.begin(), report->errands.end(),
      [](const auto& errand) { return errand.state == sealing::ErrandEnd::State::accepted; });
  if (options.common.is_json) {
    options.common.out().line(
        JsonObject()
            .add("repeated", report->repeated)
            .add("expired", report->expired)
            .add("retrieved", report->retrieved)
            .add("finished", report->finished)
            .add("orphans", report->orphans)
            .add("closed", report->closed)
            .add("keys", report->keys)
            .add("sent", accepted)
            .add("waiting", report->errands.size() - static_cast<std::size_t>(accepted))
            .add("failures", report->failures.size())
            .text());
  }
  if (report->failures.empty()) return cli::Verdict::yes;
  for (std::size_t i = 1; i < report->failures.size(); ++i)
    options.common.diagnostics().error(report->failures[i]);
  return fail(report->failures.front());
}

/// "30m", "1h", "2d" before now, or a UTC time.
Result<WallTime> parse_since(const std::string& text) {
  if (const auto time = parse_utc(text)) return *time;
  static const std::map<char, std::chrono::seconds> kUnits = {{'s', std::chrono::seconds(1)},
                                                              {'m', std::chrono::minutes(1)},
                                                              {'h', std::chrono::hours(1)},
                                                              {'d', std::chrono::days(1)}};
  constexpr std::uint64_t kMost = 100'000;
  const auto unit = text.empty() ? kUnits.end() : kUnits.find(text.back());
  const auto number = text.empty()
                          ? std::optional<std::uint64_t>()
                          : parse_decimal(std::string_view(text).substr(0, text.size() - 1), kMost);
  if (unit == kUnits.end() || !number) {
    return fail(Errc::usage, "--since: '" + text + "' is no time", "30m, 1h, 2d, or a UTC time");
  }
  return system_clock().now() - unit->second * static_cast<std::int64_t>(*number);
}

/// Exactly one way to say which messages.
Result<retention::Filter> filter_of(const Options& options) {
  const int ways = (options.id ? 1 : 0) + (options.is_last ? 1 : 0) + (options.message_id ? 1 : 0) +
                   (options.to ? 1 : 0);
  if (ways != 1) {
    return fail(Errc::usage, "say which messages: ID, --last, --message-id, or --to with --since");
  }
  if (options.recipient && (options.to || options.is_last)) {
    return fail(Errc::usage, "--recipient goes with ID or --message-id");
  }
  if (options.to.has_value() != options.since.has_value()) {
    return fail(Errc::usage, "--to and --since belong together");
  }
  retention::Filter filter{.id = options.id,
                           .message_id = options.message_id,
                           .recipient = options.to ? options.to : options.recipient};
  if (options.since) {
    auto since = parse_since(*options.since);
    if (!since) return fail(std::move(since).error());
    filter.since = *since;
  }
  if (filter.message_id && !filter.message_id->starts_with('<')) {
    filter.message_id = "<" + *filter.message_id + ">";
  }
  return filter;
}

bool is_for_one(const Options& options) {
  return options.recipient.has_value() || options.to.has_value();
}

/// What is to be revoked, and what was delivered and cannot be.
struct Found {
  std::vector<Row> sealed;
  std::vector<retention::Delivered> delivered;
  /// Of what waits in the queue; unset: none of it.
  std::optional<queue::WithdrawQuery> waiting{};
};

/// The newest message, however it went: whoever takes back the last one means no earlier one.
Result<Found> find_last(sealing::Office& office, std::vector<Row> rows) {
  Found found;
  const auto newest = rows.empty() ? WallTime() : rows.front().created;
  if (!rows.empty()) {
    const auto id = rows.front().id;
    std::erase_if(rows, [&](const Row& row) { return row.id != id; });
  }
  auto delivered = retention::find_delivered(
      office, {.since = rows.empty() ? std::nullopt : std::optional(newest)});
  if (!delivered) return fail(std::move(delivered).error());
  // One message may be sealed for some and delivered to others.
  const auto last = std::max_element(delivered->begin(), delivered->end(),
                                     [](const auto& a, const auto& b) { return a.at < b.at; });
  const std::string id = last != delivered->end() ? last->message : std::string();
  auto queued = list_queued(office, {});
  if (!queued) return fail(std::move(queued).error());
  const auto newest_gone = id.empty() ? newest : std::max(newest, last->at);
  if (!queued->empty() && queued->front().created > newest_gone) {
    const auto& row = queued->front();
    // Its recipients of other domains are messages of their own in the log.
    found.waiting = row.message_id.empty() ? queue::WithdrawQuery{.message = row.id}
                                           : queue::WithdrawQuery{.message_id = row.message_id};
    return found;
  }
  if (rows.empty() || id.empty() || id == rows.front().id) found.sealed = std::move(rows);
  for (auto& one : *delivered) {
    if (one.message == id) found.delivered.push_back(std::move(one));
  }
  return found;
}

Result<Found> find_to_revoke(sealing::Office& office, const Options& options) {
  auto filter = filter_of(options);
  if (!filter) return fail(std::move(filter).error());
  auto rows = retention::list(office, *filter);
  if (!rows) return fail(std::move(rows).error());
  std::erase_if(*rows, [](const Row& row) { return !row.reply_to.empty(); });
  if (options.is_last) return find_last(office, std::move(*rows));
  auto delivered = retention::find_delivered(office, {.message = options.id,
                                                      .message_id = options.message_id,
                                                      .recipient = filter->recipient,
                                                      .since = filter->since});
  if (!delivered) return fail(std::move(delivered).error());
  return Found{std::move(*rows), std::move(*delivered),
               queue::WithdrawQuery{.message = options.id,
                                    .message_id = filter->message_id,
                                    .recipient = filter->recipient,
                                    .since = filter->since}};
}

/// One line each: as JSON all of them, else on stdout only what cannot be taken back.
void tell(const Options& options, const std::string& id, const std::string& recipient,
          const std::string& status, const std::string& words) {
  if (options.common.is_json) {
    options.common.out().line(
        JsonObject().add("id", id).add("recipient", recipient).add("status", status).text());
  } else if (status == "delivered") {
    options.common.out().line(id + words);
  } else {
    options.common.diagnostics().detail(id + words);
  }
}

Result<cli::Verdict> revoke(const Options& options) {
  if (const auto asked = filter_of(options); !asked) return fail(asked.error());
  auto premises = open(options, false);
  if (!premises) return fail(std::move(premises).error());
  auto& office = (*premises)->office();
  auto found = find_to_revoke(office, options);
  if (!found) return fail(std::move(found).error());
  // What waits in the queue has not left: it never will.
  auto waiting = found->waiting
                     ? queue::withdraw(office, *found->waiting)
                     : Result<std::vector<queue::Withdrawn>>(std::vector<queue::Withdrawn>());
  if (!waiting) return fail(std::move(waiting).error());
  for (const auto& one : *waiting) {
    tell(options, one.message, one.recipient, "revoked",
         " to " + printable(one.recipient) + " taken out of the queue");
  }
  if (found->sealed.empty() && found->delivered.empty()) {
    if (!waiting->empty()) return cli::Verdict::yes;
    return no_such_message(options.id.value_or(options.message_id.value_or("none was found")));
  }
  std::string ended;
  bool is_new = false;
  for (const auto& row : found->sealed) {
    if (is_for_one(options) || row.id != ended) {
      auto done = retention::end(
          office, row.id, retention::Ending::revoked, {},
          is_for_one(options) ? std::optional<std::string>(row.recipient_id) : std::nullopt);
      if (!done) return fail(std::move(done).error());
      is_new = done->value_or(false);
      ended = row.id;
    }
    const bool had_ended =
        row.status == "expired" || row.status == "revoked" || row.status == "deleted";
    const bool is_revoked = is_new && !had_ended;
    tell(options, row.id, row.recipient, is_revoked ? "revoked" : row.status,
         " to " + printable(row.recipient) +
             (is_revoked ? " revoked" : " had ended before: " + row.status));
  }
  for (const auto& mail : found->delivered) {
    if (auto told = retention::tell_not_revoked(office, mail); !told) {
      return fail(std::move(told).error());
    }
    tell(options, mail.message, mail.recipient, "delivered",
         " was delivered to " +
             (mail.recipient.empty() ? "a recipient whose address was erased"
                                     : printable(mail.recipient)) +
             " and cannot be taken back");
  }
  if (auto forgotten = sealing::forget_journal(office); !forgotten) {
    return fail(std::move(forgotten).error());
  }
  return found->delivered.empty() ? cli::Verdict::yes : cli::Verdict::no;
}

Result<cli::Verdict> remove(const Options& options) {
  auto premises = open(options, false);
  if (!premises) return fail(std::move(premises).error());
  auto& office = (*premises)->office();
  auto done = retention::end(office, *options.id, retention::Ending::deleted);
  if (!done) return fail(std::move(done).error());
  if (!done->has_value()) return no_such_message(*options.id);
  if (auto forgotten = sealing::forget_journal(office); !forgotten) {
    return fail(std::move(forgotten).error());
  }
  if (options.certificate) {
    auto written = write_certificate(office, *options.id, *options.certificate);
    if (!written) return fail(std::move(written).error());
  }
  return cli::Verdict::yes;
}

Result<cli::Verdict> unlock(const Options& options) {
  auto premises = open(options, false);
  if (!premises) return fail(std::move(premises).error());
  auto done = retention::unlock((*premises)->office(), *options.id);
  if (!done) return fail(std::move(done).error());
  if (!done->has_value()) return no_such_message(*options.id);
  if (!**done) options.common.diagnostics().hint("nobody was locked out");
  return cli::Verdict::yes;
}

Result<cli::Verdict> renotify(const Options& options) {
  auto premises = open(options, true);
  if (!premises) return fail(std::move(premises).error());
  auto done = retention::renotify((*premises)->office(), *options.id);
  if (!done) return fail(std::move(done).error());
  if (*done == 0) {
    options.common.diagnostics().hint(
        "nobody is to be notified: all have ended, or wait for a number");
    return cli::Verdict::no;
  }
  options.common.diagnostics().detail(std::to_string(*done) +
                                      " notifications wait for the next sweep");
  return cli::Verdict::yes;
}

}  // namespace

Result<cli::Verdict> run(const Options& options) {
  switch (options.command) {
    case Command::sweep:
      return sweep(options);
    case Command::list:
      return list(options);
    case Command::show:
      return show(options);
    case Command::get:
      return get(options);
    case Command::renotify:
      return renotify(options);
    case Command::unlock:
      return unlock(options);
    case Command::revoke:
      return revoke(options);
    case Command::remove:
      return remove(options);
    case Command::none:
      break;
  }
  return fail(Errc::usage, "no command");
}

}  // namespace sm::smretain
