#include "queue/carrier.h"

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

#include "audit/evidence.h"
#include "base/file.h"
#include "delivery/send.h"
#include "delivery/signing.h"
#include "message/reader.h"
#include "queue/history.h"
#include "queue/parcel.h"
#include "queue/report.h"
#include "queue/schedule.h"
#include "sealing/fallback.h"
#include "sealing/mark.h"
#include "smtp/content.h"
#include "store/sealed_table.h"
#include "submission/submit.h"

namespace sm::queue {
namespace {

using delivery::Reason;
using delivery::RecipientResult;
using delivery::Status;

constexpr std::chrono::hours kUsualWarning{4};  // where only the sender asks for one

/// The message on its way out. When its last block leaves, a mark says so: until the server's reply
/// is known, nobody can tell whether it arrived.
class MarkedContent final : public smtp::Content {
 public:
  MarkedContent(const message::PreparedMessage& message, std::string mark)
      : message_(&message), mark_(std::move(mark)) {}
  [[nodiscard]] std::uint64_t size() const override { return message_->size(); }
  Result<void> rewind() override {
    source_ = message_->open();
    given_ = 0;
    return {};
  }
  Result<std::string_view> next() override {
    auto block = source_->next();
    if (!block) return fail(std::move(block).error());
    given_ += block->size();
    if (given_ >= size() && !block->empty()) {
      // Not synced: a process that dies leaves it in the system's memory; with the machine dies the
      // boot, and then all that was leased counts as sent.
      auto marked = open_file(mark_, O_WRONLY | O_CREAT | O_NOFOLLOW);
      if (!marked) return fail(std::move(marked).error());
    }
    return as_text(*block);
  }

 private:
  const message::PreparedMessage* message_;
  std::string mark_;
  std::unique_ptr<message::Source> source_;
  std::uint64_t given_ = 0;
};

/// A message of the spool, ready to be sent.
struct Opened {
  Parcel parcel;
  message::PreparedMessage message;
  std::vector<audit::DkimEvidence> dkim{};
};

audit::Event event_of(Status status) {
  switch (status) {
    case Status::delivered:
      return audit::Event::delivered;
    case Status::sealed:
    case Status::pending:
      return audit::Event::sealed;
    case Status::queued:
    case Status::deferred:
      return audit::Event::deferred;
    case Status::refused:
      return audit::Event::refused;
    case Status::failed:
      return audit::Event::failed;
    case Status::uncertain:
      return audit::Event::uncertain;
  }
  return audit::Event::uncertain;
}

bool is_gone(Status status) {
  return status == Status::delivered || status == Status::sealed || status == Status::pending;
}
bool waits(Status status) {
  return status == Status::deferred || status == Status::uncertain || status == Status::queued;
}

/// The destination as a whole is away, not this message unwelcome there.
bool is_away(const delivery::RecipientReport& report) {
  if (report.end != delivery::End::deferred) return false;
  if (report.reply && report.reply->reply && report.reply->reply->code != 421) return false;
  switch (report.reason) {
    case Reason::dns_temporary:
    case Reason::dns_bogus:
    case Reason::connect_failed:
    case Reason::connection_lost:
    case Reason::timed_out:
    case Reason::rate_limited:
    case Reason::greeting_refused:
    case Reason::protocol_error:
    case Reason::tls_refused_now:
    case Reason::not_connected:
      return true;
    default:
      return !report.reply;
  }
}

/// Every question was answered, and no answer is a promise: what stays below the minimum, or cannot
/// be reached for days, may be sealed.
bool promises_nothing(const delivery::DeliveryReport& delivery) {
  if (!delivery.facts || delivery.verdict.is_promised) return false;
  const auto& facts = *delivery.facts;
  if (delivery::judge_domain(facts)) return false;
  return std::all_of(facts.hosts.begin(), facts.hosts.end(), [&](const auto& host) {
    const auto judged = delivery::judge_before_connecting(host);
    const bool is_unknown =
        judged && (judged->reason == Reason::dns_temporary || judged->reason == Reason::dns_bogus);
    return !is_unknown && !delivery::has_promise(facts, host);
  });
}

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  delivered += other.delivered;
  sealed += other.sealed;
  deferred += other.deferred;
  uncertain += other.uncertain;
  failed += other.failed;
  returned += other.returned;
  return *this;
}

/// One attempt at one row.
class Carrier::Errand {
 public:
  Errand(Carrier& carrier, const store::Queued& row)
      : carrier_(carrier),
        office_(carrier.office_),
        clock_(*office_.clock),
        row_(row),
        organisation_(office_.organisation(row.org)),
        table_(*office_.index),
        id_(audit::MessageId::parse(row.id).value_or(audit::MessageId::fresh())) {
    for (const auto& recipient : row.recipients) {
      RecipientResult result;
      result.recipient = recipient.address;
      result.recipient_id = recipient.id;
      result.message = row.id;
      results_.push_back(std::move(result));
    }
    is_recorded_.resize(results_.size());
  }

  Result<Next> carry() {
    auto opened = open();
    if (!opened) {
      unopened(opened.error());
    } else {
      opened_.emplace(std::move(*opened));
      if (auto sent = send(); !sent) return fail(std::move(sent).error());
    }
    return finish();
  }

  /// `ends`: what the log has.
  Result<Next> settle(const std::map<std::string, audit::Event>& ends, bool may_have_been_sent) {
    if (auto opened = open()) opened_.emplace(std::move(*opened));
    for (std::size_t i = 0; i < results_.size(); ++i) {
      auto& result = results_[i];
      const auto end = ends.find(result.recipient_id);
      const auto event = end == ends.end() ? audit::Event::queued : end->second;
      is_recorded_[i] = end != ends.end();
      switch (event) {
        case audit::Event::delivered:
          result.status = Status::delivered;
          continue;
        case audit::Event::failed:
        case audit::Event::refused:
        case audit::Event::returned:
          result.status = Status::failed;
          result.enhanced = "5.0.0";
          is_told_ = is_told_ || event == audit::Event::returned;
          continue;
        case audit::Event::uncertain:
          uncertain(result, "the connection was lost before the server confirmed the message");
          continue;
        case audit::Event::sealed:
          if (auto is_there = was_sealed(result); !is_there || *is_there) {
            if (!is_there) return fail(std::move(is_there).error());
            result.status = Status::pending;
            continue;
          }
          break;
        default:
          break;
      }
      is_recorded_[i] = false;
      if (may_have_been_sent) {
        uncertain(result, "the process that sent it ended before the server confirmed it");
      } else {
        result.status = Status::queued;
        is_recorded_[i] = true;  // nothing happened that the log should know
      }
    }
    is_recovery_ = true;
    return finish();
  }

 private:
  Result<Opened> open() {
    auto parcel = Parcel::open(carrier_.layout_.parcel(row_.file), *office_.keys, row_.org);
    if (!parcel) return fail(std::move(parcel).error());
    auto source = parcel->message();
    if (!source) return fail(std::move(source).error());
    auto read = message::read_message(**source, message::Purpose::submission);
    if (!read) return fail(std::move(read).error());
    auto prepared = message::prepare(std::move(*read), {.clock = &clock_});
    if (!prepared) return fail(std::move(prepared).error());
    return Opened{std::move(*parcel), std::move(*prepared)};
  }

  void give_all(Status status, Reason reason, const std::string& detail,
                const std::string& enhanced) {
    for (auto& result : results_) {
      result.status = status;
      result.reason = reason;
      result.detail = detail;
      result.enhanced = enhanced;
    }
  }

  void unopened(const Error& error) {
    // Damaged, or gone, is for ever; a key that is not there may come back.
    const bool is_lost = error.code == Errc::malformed || error.code == Errc::no_input;
    give_all(is_lost || is_over() ? Status::failed : Status::deferred, Reason::internal_error,
             error.what, is_lost ? "5.3.0" : "4.3.0");
  }

  static void uncertain(RecipientResult& result, const std::string& detail) {
    result.status = Status::uncertain;
    result.reason = Reason::reply_lost;
    result.detail = detail;
    result.enhanced = "4.4.2";
  }

  [[nodiscard]] bool is_over() const {
    const auto made = sealing::Mark::parse(row_.made);
    return made && sealing::elapsed_since(*made, clock_) >= office_.config->queue.lifetime;
  }

  [[nodiscard]] delivery::OnInsecure on_insecure() const {
    const auto& wish = opened_->parcel.ticket().on_insecure;
    if (!wish) return submission::on_insecure_of(std::nullopt, organisation_);
    switch (*wish) {
      case OnInsecure::seal:
        return submission::on_insecure_of("seal", organisation_);
      case OnInsecure::refuse:
        return delivery::OnInsecure::refuse;
      case OnInsecure::defer:
        return delivery::OnInsecure::defer;
    }
    return delivery::OnInsecure::refuse;
  }

  /// Those of the ticket's recipients that are still in the row.
  smtp::Envelope envelope() {
    smtp::Envelope envelope = opened_->parcel.ticket().envelope;
    std::vector<smtp::Recipient> still;
    for (const auto& result : results_) {
      const auto found = std::find_if(
          envelope.recipients.begin(), envelope.recipients.end(),
          [&](const auto& recipient) { return recipient.mailbox.text() == result.recipient; });
      if (found != envelope.recipients.end()) still.push_back(*found);
    }
    envelope.recipients = std::move(still);
    envelope.needs_8bitmime = opened_->message.is_8bit();
    envelope.needs_smtputf8 = opened_->message.needs_smtputf8();
    envelope.requires_tls = envelope.requires_tls || organisation_.policy.requiretls;
    return envelope;
  }

  Result<void> send() {
    auto log = office_.logs->of(row_.org);
    if (!log) return fail(std::move(log).error());
    // Ends, and where they are bad, that they were told, and the report of it.
    auto reserved = (*log)->reserve(2 * results_.size() + 2);
    if (!reserved) return fail(std::move(reserved).error());
    reservation_ = std::move(*reserved);
    if (opened_->parcel.ticket().seals_all) {
      for (auto& result : results_)
        result.status = Status::pending;
    } else if (auto delivered = deliver(); !delivered) {
      return delivered;
    }
    seal();
    return {};
  }

  Result<void> deliver() {
    auto signatures = delivery::sign(opened_->message, organisation_, clock_);
    if (!signatures) {
      give_all(Status::deferred, Reason::internal_error, signatures.error().what, "4.3.0");
      return {};
    }
    opened_->dkim = std::move(*signatures);
    const auto envelope = this->envelope();
    const auto domain = name::Domain::parse(row_.domain);
    if (!domain || envelope.recipients.size() != results_.size()) {
      give_all(Status::failed, Reason::internal_error, "the index and the spool differ", "5.3.0");
      return {};
    }
    const auto minimum =
        std::max(organisation_.policy.minimum,
                 opened_->parcel.ticket().minimum.value_or(config::Minimum::trusted));
    has_asked_ = true;
    MarkedContent content(opened_->message, carrier_.layout_.sent(row_.id));
    const Deadline deadline(clock_, office_.config->network.deadline);
    const auto delivered = carrier_.courier(minimum).deliver(*domain, envelope, content, deadline);
    const bool may_seal_late =
        is_over() && on_insecure() == delivery::OnInsecure::seal && promises_nothing(delivered);
    const delivery::Mailing mailing{&opened_->message, envelope, opened_->dkim};
    for (std::size_t i = 0; i < results_.size(); ++i) {
      const auto& report = delivered.recipients[i];
      const RecipientResult identity = results_[i];
      auto& result = results_[i];
      result = delivery::result_of(envelope.recipients[i], delivered, report, on_insecure());
      result.message = identity.message;
      result.recipient_id = identity.recipient_id;
      is_away_ = is_away_ || is_away(report);
      // Out of time: what may have arrived is never sealed as if it had not been sent.
      if (result.status == Status::deferred && may_seal_late) result.status = Status::pending;
      if (result.status == Status::pending) continue;
      const auto recipient = audit::RecipientId::parse(result.recipient_id);
      if (!recipient) continue;
      const auto evidence =
          delivery::evidence_of(delivered, report, id_, {*recipient, result.recipient}, mailing);
      records_.push_back(audit::ending(event_of(result.status), evidence, clock_));
      is_recorded_[i] = true;
    }
    return {};
  }

  void seal() {
    const auto is_pending = [](const auto& result) { return result.status == Status::pending; };
    if (std::none_of(results_.begin(), results_.end(), is_pending)) return;
    const std::vector<RecipientResult> before = results_;
    const auto& ticket = opened_->parcel.ticket();
    auto terms = sealing::agree_terms({.seals_all = ticket.seals_all,
                                       .method = ticket.password ? std::nullopt : ticket.method,
                                       .phone = ticket.phone,
                                       .expires = ticket.expires,
                                       .is_once = ticket.is_once},
                                      organisation_);
    if (terms && ticket.password) {
      terms->method = config::Method::password;
      terms->password.emplace(ticket.password->clone());
    }
    if (!terms) {
      sealing::fail_to_seal(results_, terms.error());
      return;
    }
    sealing::Fallback fallback(office_, carrier_.equipment_, organisation_);
    fallback.seal({.message = &opened_->message,
                   .terms = &*terms,
                   .reference = ticket.envelope.id ? ticket.envelope.id->text() : std::string()},
                  results_);
    // What could not be sealed is in the log already.
    for (std::size_t i = 0; i < results_.size(); ++i) {
      if (before[i].status == Status::pending) is_recorded_[i] = true;
    }
    fallback.notify(results_, office_.config->network.deadline);
    for (auto& warning : fallback.take_warnings())
      carrier_.warnings_.push_back(std::move(warning));
  }

  Result<bool> was_sealed(const RecipientResult& result) {
    auto link = store::SealedTable(*office_.index).find_recipient(row_.id, result.recipient_id);
    if (!link) return fail(std::move(link).error());
    return link->has_value();
  }

  // What follows from the ends.

  [[nodiscard]] bool is_final(const RecipientResult& result) const {
    return !waits(result.status) || (is_over() && !is_recovery_);
  }
  [[nodiscard]] bool is_bad(const RecipientResult& result) const {
    return is_final(result) && !is_gone(result.status);
  }

  [[nodiscard]] std::optional<smtp::Notify> notify_of(const std::string& address) const {
    if (!opened_) return std::nullopt;
    for (const auto& recipient : opened_->parcel.ticket().envelope.recipients) {
      if (recipient.mailbox.text() == address) return recipient.notify;
    }
    return std::nullopt;
  }

  /// Why nobody is told; empty where the sender is.
  [[nodiscard]] std::string reason_for_silence(const RecipientResult& result) const {
    if (row_.kind == store::QueuedKind::report || row_.sender.empty()) return "null-sender";
    const auto notify = notify_of(result.recipient);
    if (notify && !notify->on_failure) return "not-wanted";
    return {};
  }

  [[nodiscard]] Subject subject_of(const RecipientResult& result) const {
    Subject subject{.recipient = result.recipient,
                    .enhanced = result.enhanced,
                    .reason = std::string(delivery::text(result.reason)),
                    .detail = result.detail,
                    .reply = result.reply,
                    .mx = result.mx,
                    .may_have_arrived = result.status == Status::uncertain};
    // RFC 3464 §2.3.4: of an action that failed the status is permanent; RFC 3463 §3.5 X.4.7, the
    // time is over.
    const bool ran_out = waits(result.status);
    if (ran_out) subject.enhanced = subject.may_have_arrived ? "5.4.2" : "5.4.7";
    if (!ran_out && !subject.enhanced.starts_with('5')) subject.enhanced = "5.0.0";
    return subject;
  }

  Result<std::optional<WaitingReport>> write_report_on(Action action,
                                                       std::vector<Subject> subjects) {
    const auto to = name::Mailbox::parse(row_.sender);
    if (subjects.empty() || !to) return std::optional<WaitingReport>();
    Report report{.action = action,
                  .to = *to,
                  .message_id = row_.id,
                  .arrived = row_.created,
                  .until = row_.created + office_.config->queue.lifetime,
                  .subjects = std::move(subjects)};
    if (opened_) {
      const auto& ticket = opened_->parcel.ticket();
      if (ticket.envelope.id) report.envelope_id = ticket.envelope.id->text();
      report.header = opened_->message.header().bytes();
    }
    auto message = compose(report, organisation_, carrier_.equipment_.host_name().text(), clock_);
    if (!message) return fail(std::move(message).error());
    auto waiting =
        write_report(office_, {.message = &*message, .organisation = &organisation_, .to = *to});
    if (!waiting) return fail(std::move(waiting).error());
    return std::optional<WaitingReport>(std::move(*waiting));
  }

  Result<std::optional<WaitingReport>> failure_report() {
    std::vector<Subject> subjects;
    for (const auto& result : results_) {
      if (is_bad(result) && reason_for_silence(result).empty()) {
        subjects.push_back(subject_of(result));
      }
    }
    return write_report_on(Action::failed, std::move(subjects));
  }

  [[nodiscard]] bool wants_warning(const RecipientResult& result) const {
    if (row_.is_warned || row_.sender.empty() || is_recovery_ || is_final(result)) return false;
    const auto notify = notify_of(result.recipient);
    if (notify && !notify->on_delay) return false;
    const auto& configured = office_.config->queue.warn_after;
    if (!configured && !notify) return false;
    const auto made = sealing::Mark::parse(row_.made);
    return made && sealing::elapsed_since(*made, clock_) >= configured.value_or(kUsualWarning);
  }

  Result<std::optional<WaitingReport>> delay_report() {
    std::vector<Subject> subjects;
    for (const auto& result : results_) {
      if (!wants_warning(result)) continue;
      subjects.push_back(subject_of(result));
      subjects.back().enhanced = result.enhanced.starts_with('4') ? result.enhanced : "4.4.7";
    }
    return write_report_on(Action::delayed, std::move(subjects));
  }

  void add_plain_endings() {
    for (std::size_t i = 0; i < results_.size(); ++i) {
      const auto& result = results_[i];
      const auto recipient = audit::RecipientId::parse(result.recipient_id);
      if (is_recorded_[i] || !recipient) continue;
      audit::Attempt attempt{.message = id_, .recipient = {*recipient, result.recipient}};
      attempt.reason = delivery::text(result.reason);
      attempt.detail = result.detail;
      attempt.enhanced_status = result.enhanced;
      attempt.message_id = row_.message_id;
      records_.push_back(audit::ending(event_of(result.status), attempt, clock_));
    }
  }

  void add_returned(const std::optional<WaitingReport>& report) {
    for (const auto& result : results_) {
      const auto recipient = audit::RecipientId::parse(result.recipient_id);
      if (!is_bad(result) || !recipient || is_told_) continue;
      const auto silence = reason_for_silence(result);
      audit::Record record(audit::Event::returned, id_, *recipient);
      record.outcome(silence.empty() ? audit::Outcome::success : audit::Outcome::failure, silence)
          .fact("status", delivery::text(result.status))
          .disclose("recipient", result.recipient)
          .disclose("sender", row_.sender.empty() ? "<>" : row_.sender);
      if (silence.empty() && report) record.fact("report", report->row.id);
      records_.push_back(std::move(record));
      if (silence.empty()) ++carrier_.tally_.returned;
    }
  }

  /// The log first, then the index.
  Result<Next> finish() {
    auto failure = failure_report();
    if (!failure) {
      // A sender who cannot be told now is told later: until then the message waits.
      for (std::size_t i = 0; i < results_.size(); ++i) {
        if (!is_bad(results_[i])) continue;
        results_[i].status = Status::queued;
        is_recorded_[i] = true;
      }
      carrier_.warnings_.push_back(failure.error());
      failure = std::optional<WaitingReport>();
      is_recovery_ = true;
      is_put_off_ = true;
    }
    auto delay = delay_report();
    if (!delay) delay = std::optional<WaitingReport>();
    add_plain_endings();
    add_returned(*failure);
    std::uint64_t seq = row_.log_seq;
    for (auto* report : {&*failure, &*delay}) {
      if (*report) {
        std::move((*report)->records.begin(), (*report)->records.end(),
                  std::back_inserter(records_));
      }
    }
    if (!records_.empty()) {
      auto appended = append();
      if (!appended) {
        // What was delivered stays delivered: the index is changed, and the gap is told.
        carrier_.gaps_.push_back(
            fail(std::move(appended).error(), "the log lacks the end of message " + row_.id).error);
      } else {
        seq = *appended;
      }
    }
    auto changed = change_index(*failure, *delay, seq);
    if (!changed) return fail(std::move(changed).error());
    count();
    (void)::unlink(carrier_.layout_.sent(row_.id).c_str());
    return is_away_ && !is_recovery_ ? Next::stop : Next::go_on;
  }

  Result<std::uint64_t> append() {
    auto log = office_.logs->of(row_.org);
    if (!log) return fail(std::move(log).error());
    auto appended = (*log)->append(records_, reservation_);
    if (!appended) appended = (*log)->append(records_, reservation_);
    if (!appended) return fail(std::move(appended).error());
    return appended->first_seq;
  }

  Result<void> change_index(std::optional<WaitingReport>& failure,
                            std::optional<WaitingReport>& delay, std::uint64_t seq) {
    bool is_row_gone = false;
    auto done = office_.index->transaction([&]() -> Result<void> {
      std::vector<std::string> gone;
      for (const auto& result : results_) {
        if (is_final(result)) gone.push_back(result.recipient_id);
      }
      auto removed = table_.remove(row_.id, gone);
      if (!removed) return fail(std::move(removed).error());
      is_row_gone = *removed;
      if (!is_row_gone) {
        if (auto later = postpone(); !later) return later;
      }
      for (auto* report : {&failure, &delay}) {
        if (!*report) continue;
        (*report)->row.log_seq = seq;
        if (auto added = table_.add((*report)->row, (*report)->due); !added) return added;
      }
      if (delay) {
        if (auto warned = table_.set_warned(row_.id); !warned) return warned;
      }
      return hold_or_free();
    });
    if (!done) return done;
    if (!is_row_gone) return {};
    return forget_unused(office_, row_.file);
  }

  Result<void> postpone() {
    const auto waiting = std::find_if(results_.begin(), results_.end(),
                                      [&](const auto& result) { return !is_final(result); });
    const bool was_tried = waiting->status != Status::queued;
    // What a dead runner left untouched is due at once.
    const bool is_due = !was_tried && !is_put_off_;
    const auto pause = is_due ? std::chrono::seconds(0) : pause_after(row_.attempts);
    return table_.postpone(row_, due_after(pause, clock_),
                           was_tried ? delivery::text(waiting->reason) : row_.reason,
                           was_tried ? waiting->detail : row_.detail);
  }

  Result<void> hold_or_free() {
    if (is_recovery_ || !has_asked_) return {};
    if (!is_away_) return table_.free(row_.domain);
    auto known = table_.find_hold(row_.domain);
    if (!known) return fail(std::move(known).error());
    store::Hold hold = known->value_or(store::Hold{});
    hold.failures += 1;
    hold.due = due_after(pause_after(hold.failures), clock_);
    hold.reason = delivery::text(results_.front().reason);
    return table_.hold(row_.domain, hold);
  }

  void count() {
    auto& tally = carrier_.tally_;
    for (const auto& result : results_) {
      switch (result.status) {
        case Status::delivered:
          ++tally.delivered;
          break;
        case Status::sealed:
        case Status::pending:
          ++tally.sealed;
          break;
        case Status::uncertain:
          ++tally.uncertain;
          break;
        case Status::deferred:
          ++(is_bad(result) ? tally.failed : tally.deferred);
          break;
        case Status::refused:
        case Status::failed:
          ++tally.failed;
          break;
        case Status::queued:
          break;
      }
    }
  }

  Carrier& carrier_;
  sealing::Office& office_;
  const Clock& clock_;
  const store::Queued& row_;
  config::Organisation organisation_;
  store::QueueTable table_;
  audit::MessageId id_;
  std::optional<Opened> opened_;
  std::vector<RecipientResult> results_;
  std::vector<bool> is_recorded_;  ///< the end of each stands in records_, or in the log
  std::vector<audit::Record> records_;
  audit::Reservation reservation_;
  bool has_asked_ = false;  ///< the destination's servers
  bool is_away_ = false;
  bool is_told_ = false;      ///< `returned` is in the log already
  bool is_recovery_ = false;  ///< nothing was tried now
  bool is_put_off_ = false;   ///< its sender could not be told: the end waits
};

Carrier::Carrier(sealing::Office& office, const delivery::Equipment& equipment)
    : office_(office), equipment_(equipment), layout_{office.config->state} {}

Carrier::~Carrier() = default;

delivery::Courier& Carrier::courier(config::Minimum minimum) {
  auto& courier = couriers_[minimum];
  if (!courier) {
    courier =
        std::make_unique<delivery::Courier>(equipment_.finder(), equipment_.client(), minimum);
  }
  return *courier;
}

Result<Carrier::Next> Carrier::carry(const store::Queued& row) {
  return Errand(*this, row).carry();
}

Result<void> Carrier::recover(const store::Queued& row) {
  const auto mark = sealing::Mark::parse(row.leased);
  const bool is_this_boot = mark && mark->boot == office_.clock->boot_id();
  const bool has_left = ::access(layout_.sent(row.id).c_str(), F_OK) == 0;
  auto ends = last_ends(office_.config->state, row.org, row.id, row.log_seq);
  if (!ends) return fail(std::move(ends).error());
  auto settled = Errand(*this, row).settle(*ends, has_left || !is_this_boot);
  if (!settled) return fail(std::move(settled).error());
  return {};
}

}  // namespace sm::queue
