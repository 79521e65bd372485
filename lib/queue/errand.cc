#include "queue/errand.h"

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

#include "audit/evidence.h"
#include "base/file.h"
#include "queue/schedule.h"
#include "sealing/fallback.h"
#include "sealing/mark.h"
#include "sealing/pause.h"
#include "store/sealed_table.h"

namespace sm::queue {
namespace {

using delivery::Reason;
using delivery::RecipientResult;
using delivery::Status;

void make_uncertain(RecipientResult& result, const std::string& detail) {
  result.status = Status::uncertain;
  result.reason = Reason::reply_lost;
  result.detail = detail;
  result.enhanced = "4.4.2";
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

Errand::Errand(sealing::Office& office, const delivery::Equipment& equipment, store::Queued row)
    : office_(office),
      equipment_(equipment),
      clock_(*office.clock),
      layout_{office.config->state},
      table_(*office.index),
      row_(std::move(row)),
      organisation_(office.organisation(row_.org)),
      id_(audit::MessageId::parse(row_.id).value_or(audit::MessageId::fresh())) {
  const auto made = sealing::Mark::parse(row_.made);
  is_over_ = made && sealing::elapsed_since(*made, clock_) >= office_.config->queue.lifetime;
  for (const auto& recipient : row_.recipients) {
    RecipientResult result;
    result.recipient = recipient.address;
    result.recipient_id = recipient.id;
    result.message = row_.id;
    results_.push_back(std::move(result));
  }
  is_recorded_.resize(results_.size());
}

Standing Errand::standing() const {
  return {.row = row_,
          .organisation = organisation_,
          .results = results_,
          .message = message_ ? &*message_ : nullptr,
          .is_over = is_over_,
          .is_recovery = is_recovery_,
          .is_told = is_told_};
}

void Errand::give_all(Status status, Reason reason, const std::string& detail,
                      const std::string& enhanced) {
  for (auto& result : results_) {
    result.status = status;
    result.reason = reason;
    result.detail = detail;
    result.enhanced = enhanced;
  }
}

void Errand::unopened(const Error& error) {
  // Damaged, or gone, is for ever; a key that is not there may come back.
  const bool is_lost = error.code == Errc::malformed || error.code == Errc::no_input;
  give_all(is_lost || is_over_ ? Status::failed : Status::deferred, Reason::internal_error,
           error.what, is_lost ? "5.3.0" : "4.3.0");
}

// ---- the way out

Result<std::shared_ptr<delivery::Parcel>> Errand::set_out() {
  const std::shared_ptr<delivery::Parcel> nothing;
  auto opened = Outgoing::open(office_, row_);
  if (!opened) {
    unopened(opened.error());
    return nothing;
  }
  message_.emplace(std::move(*opened));
  auto log = office_.logs->of(row_.org);
  if (!log) return fail(std::move(log).error());
  // The dispatcher keeps space for the ends. Where they are bad: that they were told, and the
  // report of it.
  auto reserved = (*log)->reserve(results_.size() + 2);
  if (!reserved) return fail(std::move(reserved).error());
  reservation_ = std::move(*reserved);
  if (message_->ticket().seals_all) {
    for (auto& result : results_)
      result.status = Status::pending;
    return nothing;
  }
  return pack();
}

Result<std::shared_ptr<delivery::Parcel>> Errand::pack() {
  const std::shared_ptr<delivery::Parcel> nothing;
  if (auto done = message_->sign(organisation_, clock_); !done) {
    give_all(Status::deferred, Reason::internal_error, done.error().what, "4.3.0");
    return nothing;
  }
  auto mailing = message_->mailing(row_, organisation_);
  const bool is_whole = mailing.envelope.recipients.size() == results_.size();
  std::vector<audit::RecipientId> recipients;
  for (std::size_t i = 0; is_whole && i < results_.size(); ++i) {
    const auto id = audit::RecipientId::parse(results_[i].recipient_id);
    const auto& mailbox = mailing.envelope.recipients[i].mailbox;
    if (id && mailbox.domain().text() == row_.domain) recipients.push_back(*id);
  }
  if (recipients.size() != results_.size()) {
    give_all(Status::failed, Reason::internal_error, "the index and the spool differ", "5.3.0");
    return nothing;
  }
  auto log = office_.logs->of(row_.org);
  if (!log) return fail(std::move(log).error());
  auto parcel = std::make_shared<delivery::Parcel>(
      delivery::Parcel{.mailing = std::move(mailing), .id = id_});
  parcel->recipients = std::move(recipients);
  parcel->log = *log;
  parcel->minimum = message_->minimum(organisation_);
  parcel->on_insecure = message_->on_insecure(organisation_);
  if (is_over_ && parcel->on_insecure == delivery::OnInsecure::seal) {
    parcel->on_insecure = delivery::OnInsecure::seal_late;
  }
  parcel->deadline = office_.config->network.deadline;
  // Not synced: a process that dies leaves it in the system's memory; with the machine dies the
  // boot, and then all that was leased counts as sent.
  parcel->end_mark_leaves = [mark = layout_.sent(row_.id)]() -> Result<void> {
    auto marked = open_file(mark, O_WRONLY | O_CREAT | O_NOFOLLOW);
    if (!marked) return fail(std::move(marked).error());
    return {};
  };
  has_asked_ = true;
  return parcel;
}

Result<Errand::End> Errand::ended(std::vector<RecipientResult> results, std::vector<Error> gaps) {
  for (auto& gap : gaps)
    end_.gaps.push_back(fail(std::move(gap), "the log lacks the end of message " + row_.id).error);
  if (has_asked_) {
    for (std::size_t i = 0; i < results.size(); ++i)
      is_recorded_[i] = results[i].status != Status::pending;
    results_ = std::move(results);
    const auto is_ours = [](const auto& result) {
      return result.reason == Reason::log_unavailable;
    };
    const auto unkept = std::find_if(results_.begin(), results_.end(), is_ours);
    // Nothing was sent: the row waits for whoever takes over.
    if (unkept != results_.end()) return fail(Errc::temporary, unkept->detail);
    has_asked_ = std::any_of(results_.begin(), results_.end(), [](const auto& result) {
      return result.reason != Reason::interrupted;
    });
  }
  seal();
  return finish();
}

// ---- sealed, where there is no safe way

void Errand::seal() {
  const auto is_pending = [](const auto& result) { return result.status == Status::pending; };
  if (std::none_of(results_.begin(), results_.end(), is_pending)) return;
  const std::vector<RecipientResult> before = results_;
  const auto& ticket = message_->ticket();
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
  sealing::Fallback fallback(office_, equipment_, organisation_);
  fallback.seal({.message = &message_->message(),
                 .terms = &*terms,
                 .reference = ticket.envelope.id ? ticket.envelope.id->text() : std::string()},
                results_);
  // What could not be sealed is in the log already.
  for (std::size_t i = 0; i < results_.size(); ++i) {
    if (before[i].status == Status::pending) is_recorded_[i] = true;
  }
  fallback.notify(results_, office_.config->network.deadline);
  for (auto& warning : fallback.take_warnings())
    end_.warnings.push_back(std::move(warning));
}

Result<bool> Errand::was_sealed(const RecipientResult& result) {
  auto link = store::SealedTable(*office_.index).find_recipient(row_.id, result.recipient_id);
  if (!link) return fail(std::move(link).error());
  return link->has_value();
}

// ---- after a death

Result<Errand::End> Errand::settle(const std::map<std::string, audit::Event>& ends,
                                   bool may_have_been_sent) {
  if (auto opened = Outgoing::open(office_, row_)) message_.emplace(std::move(*opened));
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
        make_uncertain(result, "the connection was lost before the server confirmed the message");
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
      make_uncertain(result, "the process that sent it ended before the server confirmed it");
    } else {
      result.status = Status::queued;
      is_recorded_[i] = true;  // nothing happened that the log should know
    }
  }
  is_recovery_ = true;
  return finish();
}

// ---- what follows from the ends

/// A sender who cannot be told now is told later: until then the message waits.
void Errand::put_off(Error error) {
  const auto standing = this->standing();
  for (std::size_t i = 0; i < results_.size(); ++i) {
    if (!standing.is_bad(results_[i])) continue;
    results_[i].status = Status::queued;
    is_recorded_[i] = true;
  }
  end_.warnings.push_back(std::move(error));
  is_recovery_ = true;
  is_put_off_ = true;
}

std::vector<audit::Record> Errand::missing_endings() const {
  std::vector<audit::Record> records;
  for (std::size_t i = 0; i < results_.size(); ++i) {
    const auto& result = results_[i];
    const auto recipient = audit::RecipientId::parse(result.recipient_id);
    if (is_recorded_[i] || !recipient) continue;
    audit::Attempt attempt{.message = id_, .recipient = {*recipient, result.recipient}};
    attempt.reason = delivery::text(result.reason);
    attempt.detail = result.detail;
    attempt.enhanced_status = result.enhanced;
    attempt.message_id = row_.message_id;
    records.push_back(audit::ending(delivery::event_of(result.status), attempt, clock_));
  }
  return records;
}

/// The log first, then the index.
Result<Errand::End> Errand::finish() {
  const auto& host = equipment_.host_name().text();
  auto failure = failure_notice(office_, host, standing());
  if (!failure) {
    put_off(failure.error());
    failure = std::optional<WaitingReport>();
  }
  auto delay = delay_notice(office_, host, standing());
  if (!delay) delay = std::optional<WaitingReport>();
  auto records = missing_endings();
  auto told = returned(standing(), *failure);
  end_.tally.returned += told.told;
  std::move(told.records.begin(), told.records.end(), std::back_inserter(records));
  for (auto* report : {&*failure, &*delay}) {
    if (!*report) continue;
    std::move((*report)->records.begin(), (*report)->records.end(), std::back_inserter(records));
  }
  std::uint64_t seq = row_.log_seq;
  if (!records.empty()) {
    auto appended = append(records);
    if (!appended) {
      // What was delivered stays delivered: the index is changed, and the gap is told.
      end_.gaps.push_back(
          fail(std::move(appended).error(), "the log lacks the end of message " + row_.id).error);
    } else {
      seq = *appended;
    }
  }
  const auto is_away = [](const auto& result) { return result.is_away; };
  end_.is_away = has_asked_ && std::any_of(results_.begin(), results_.end(), is_away);
  if (auto changed = change_index(*failure, *delay, seq); !changed) return fail(changed.error());
  count();
  (void)::unlink(layout_.sent(row_.id).c_str());
  return std::move(end_);
}

Result<std::uint64_t> Errand::append(const std::vector<audit::Record>& records) {
  auto log = office_.logs->of(row_.org);
  if (!log) return fail(std::move(log).error());
  auto appended = (*log)->append(records, reservation_);
  if (!appended) appended = (*log)->append(records, reservation_);
  if (!appended) return fail(std::move(appended).error());
  return appended->first_seq;
}

Result<void> Errand::change_index(std::optional<WaitingReport>& failure,
                                  std::optional<WaitingReport>& delay, std::uint64_t seq) {
  bool is_row_gone = false;
  auto done = office_.index->transaction([&]() -> Result<void> {
    std::vector<std::string> gone;
    const auto standing = this->standing();
    for (const auto& result : results_) {
      if (standing.is_final(result)) gone.push_back(result.recipient_id);
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

Result<void> Errand::postpone() {
  const auto standing = this->standing();
  const auto waiting = std::find_if(results_.begin(), results_.end(),
                                    [&](const auto& result) { return !standing.is_final(result); });
  const bool was_tried =
      waiting->status != Status::queued && waiting->reason != Reason::interrupted;
  // What a dead runner left untouched, and what an ending one did not begin, is due at once.
  const bool is_due = !was_tried && !is_put_off_;
  const auto pause = is_due ? std::chrono::seconds(0) : sealing::pause_after(row_.attempts);
  return table_.postpone(row_, due_after(pause, clock_),
                         was_tried ? delivery::text(waiting->reason) : row_.reason,
                         was_tried ? waiting->detail : row_.detail);
}

/// Several messages that were on their way when the servers went away are one failure.
Result<void> Errand::hold_or_free() {
  if (is_recovery_ || !has_asked_) return {};
  if (!end_.is_away) return table_.free(row_.domain);
  auto known = table_.find_hold(row_.domain);
  if (!known) return fail(std::move(known).error());
  if (*known && (*known)->due.uptime > uptime_of(clock_)) return {};
  store::Hold hold = known->value_or(store::Hold{});
  hold.failures += 1;
  hold.due = due_after(sealing::pause_after(hold.failures), clock_);
  hold.reason = delivery::text(results_.front().reason);
  return table_.hold(row_.domain, hold);
}

void Errand::count() {
  const auto standing = this->standing();
  auto& tally = end_.tally;
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
        ++(standing.is_bad(result) ? tally.failed : tally.deferred);
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

}  // namespace sm::queue
