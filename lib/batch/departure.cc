#include "batch/departure.h"

#include <map>

#include "batch/side_by_side.h"
#include "submission/submit.h"

namespace sm::batch {
namespace {

using delivery::Reason;
using delivery::RecipientResult;
using delivery::Status;

constexpr unsigned kLinkers = 2;

/// The time that a message bears: that of the first attempt, so that all attempts are the same.
class FixedClock final : public Clock {
 public:
  FixedClock(const Clock& real, WallTime at) : real_(&real), at_(at) {}
  [[nodiscard]] WallTime now() const override { return at_; }
  [[nodiscard]] Monotonic monotonic() const override { return real_->monotonic(); }
  [[nodiscard]] std::string boot_id() const override { return real_->boot_id(); }
  [[nodiscard]] bool is_synchronised() const override { return real_->is_synchronised(); }

 private:
  const Clock* real_;
  WallTime at_;
};

/// Large files are sealed first, and the link goes into the message: not with the others.
bool goes_alone(const Item& item) {
  return !item.files.empty() && !item.terms.seals_all;
}

delivery::Mailing mailing_of(const Item& item, const Means& means) {
  return {.message = &*item.message,
          .envelope = item.envelope,
          .dkim = item.dkim,
          .account = means.account,
          .uid = means.uid,
          .key = item.key};
}

void defer(Item& item, Reason reason, const std::string& detail) {
  item.result.status = Status::deferred;
  item.result.reason = reason;
  item.result.detail = detail;
  item.result.enhanced = "4.3.0";
}

/// What came of it, but for what the row said of itself.
void take(Item& item, RecipientResult result) {
  result.row = item.result.row;
  result.key = item.result.key;
  item.result = std::move(result);
}

}  // namespace

Departure::Departure(const Parts& parts) : parts_(parts), clock_(*parts.means->premises.clock) {
  for (unsigned i = 0; i < kLinkers; ++i)
    linkers_.emplace_back([this] { link(); });
  thread_ = std::jthread([this] { serve(); });
}

void Departure::close() {
  claimed_.close();
  if (thread_.joinable()) thread_.join();
  to_link_.close();
  linkers_.clear();
}

void Departure::serve() {
  for (;;) {
    auto taken = claimed_.take(1);
    if (taken.empty()) return;
    auto& items = taken.front();
    prepare(items);
    submit(items);
    for (const auto& item : items)
      forward(item);
  }
}

void Departure::prepare(std::vector<ItemPtr>& items) {
  side_by_side(items.size(), processors(), [&](unsigned, std::size_t i) { prepare(*items[i]); });
}

void Departure::prepare(Item& item) {
  const FixedClock clock(clock_, item.first);
  message::PrepareOptions options;
  options.clock = &clock;
  options.attachments = item.attachments;
  options.space = parts_.setting->space;
  options.message_id = item.message_id;
  auto prepared = message::prepare(std::move(*item.read), options);
  item.read.reset();
  if (!prepared) {
    const bool is_file =
        prepared.error().code == Errc::no_input || prepared.error().code == Errc::io;
    return refuse(item, is_file ? Reason::attachment_unreadable : Reason::message_invalid,
                  prepared.error().what);
  }
  item.message.emplace(std::move(*prepared));
  item.envelope.needs_8bitmime = item.message->is_8bit();
  item.envelope.needs_smtputf8 = item.message->needs_smtputf8();
  item.envelope.requires_tls = item.organisation->policy.requiretls;
  if (goes_alone(item)) return;  // which is signed once its link is in it
  auto signatures = signing_.sign(*item.message, *item.organisation, clock_);
  if (!signatures) {
    // Our own key: no row's fault, and none goes out unsigned.
    refuse(item, Reason::internal_error, signatures.error().what);
    item.result.status = Status::deferred;
    return parts_.traffic->give_up(std::move(signatures).error());
  }
  item.dkim = std::move(*signatures);
}

/// `submitted` for all of them but those that go alone. Those that were not prepared end here, and
/// so do all where the log cannot be written: no record, no mail.
void Departure::submit(std::vector<ItemPtr>& items) {
  std::map<std::string, std::vector<audit::Record>> records;
  std::vector<ItemPtr> ready;
  for (auto& item : items) {
    if (Intake::is_refused(*item)) {
      parts_.ends->push(std::move(item));
      continue;
    }
    if (!goes_alone(*item)) {
      const auto submission = delivery::submission_of(mailing_of(*item, *parts_.means), *item->id,
                                                      {{*item->recipient, item->result.recipient}},
                                                      !item->terms.seals_all);
      auto made = audit::submitted(submission, clock_);
      std::move(made.begin(), made.end(), std::back_inserter(records[item->organisation->id]));
    }
    ready.push_back(std::move(item));
  }
  items = std::move(ready);
  for (const auto& [org, these] : records) {
    auto told = parts_.premises->office().logs->append(org, these);
    if (told) continue;
    for (auto& item : items) {
      defer(*item, Reason::log_unavailable, told.error().what);
      parts_.ends->push(std::move(item));
    }
    items.clear();
    return parts_.traffic->give_up(fail(std::move(told).error(), "the audit log").error);
  }
}

void Departure::forward(const ItemPtr& item) {
  if (goes_alone(*item)) return to_link_.push(item);
  item->result.message = item->id->text();
  item->result.recipient_id = item->recipient->text();
  if (item->terms.seals_all) {
    item->result.status = Status::pending;
    return parts_.sealing->push(item);
  }
  auto log = parts_.premises->office().logs->of(item->organisation->id);
  auto parcel = std::make_shared<delivery::Parcel>(
      delivery::Parcel{.mailing = mailing_of(*item, *parts_.means),
                       .id = *item->id,
                       .recipients = {*item->recipient}});
  parcel->log = *log;
  parcel->minimum = item->organisation->policy.minimum;
  parcel->on_insecure = item->on_insecure;
  parcel->deadline = parts_.setting->config->network.deadline;
  parcel->end_mark_leaves = [this, slot = item->slot] {
    parts_.flight->mark(slot);
    return Result<void>();
  };
  parcel->ended = [this, slot = item->slot](std::string_view prepared) {
    parts_.flight->keep_end(slot, prepared);
  };
  parcel->settled = [this, item](std::vector<RecipientResult> results, std::vector<Error> gaps) {
    take(*item, std::move(results.front()));
    for (auto& gap : gaps)
      parts_.ends->add_gap(std::move(gap));
    if (item->result.status == Status::pending) return parts_.sealing->push(item);
    parts_.ends->push(item);
  };
  parts_.dispatcher->add(std::move(parcel));
}

/// As a message of its own, from `submitted` to its end: how its files travel is found out then.
void Departure::link() {
  submission::Submitter submitter(*parts_.setting->config, *parts_.means->equipment,
                                  parts_.means->premises);
  for (;;) {
    auto taken = to_link_.take(1);
    if (taken.empty()) return;
    Item& item = *taken.front();
    parts_.flight->mark(item.slot);  // nobody tells when its end mark leaves
    submission::Mail mail{std::move(*item.message), item.envelope, parts_.means->account,
                          parts_.means->uid, item.files};
    auto outcome = submitter.submit(
        mail,
        {.organisation = item.organisation, .terms = &item.terms, .on_insecure = item.on_insecure});
    if (!outcome || outcome->results.empty()) {
      defer(item, Reason::internal_error, outcome ? "nobody to send to" : outcome.error().what);
      parts_.ends->push(std::move(taken.front()));
      continue;
    }
    take(item, std::move(outcome->results.front()));
    for (auto& gap : outcome->gaps)
      parts_.ends->add_gap(std::move(gap));
    for (const auto& warning : outcome->warnings)
      parts_.ends->warn(warning);
    parts_.ends->push(std::move(taken.front()));
  }
}

}  // namespace sm::batch
