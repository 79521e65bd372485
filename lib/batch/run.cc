#include "batch/run.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "audit/note.h"
#include "batch/flight.h"
#include "batch/journal.h"
#include "batch/line.h"
#include "batch/recovery.h"
#include "delivery/probe.h"
#include "delivery/signing.h"
#include "sealing/fallback.h"
#include "store/sealed_table.h"
#include "submission/submit.h"

namespace sm::batch {
namespace {

using delivery::Reason;
using delivery::RecipientResult;
using delivery::Status;
using ItemPtr = std::shared_ptr<Item>;

constexpr std::size_t kChunk = 64;                // rows claimed together
constexpr std::uint64_t kChunkOctets = 16 << 20;  // and at most so much of messages
constexpr std::uint64_t kMostOctets = 128 << 20;  // of all that is under way
constexpr std::size_t kMostItems = 2000;          // below Flight::kSlots
constexpr std::size_t kMostGaps = 20;
constexpr unsigned kSealers = 6;
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

/// Runs `work(thread, i)` for 0 to count, on a few threads.
void side_by_side(std::size_t count, unsigned threads,
                  const std::function<void(unsigned, std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  const auto serve = [&](unsigned thread) {
    for (auto i = next++; i < count; i = next++)
      work(thread, i);
  };
  std::vector<std::future<void>> others;
  for (unsigned thread = 1; thread < threads && thread < count; ++thread)
    others.push_back(std::async(std::launch::async, serve, thread));
  serve(0);
  for (auto& other : others)
    other.get();
}

unsigned composers() {
  return std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
}

Result<std::vector<Composer>> make_composers(const Setting& setting, Senders& senders) {
  std::vector<Composer> made;
  for (unsigned i = 0; i < composers(); ++i) {
    auto composer = Composer::create(setting, senders);
    if (!composer) return fail(std::move(composer).error());
    made.push_back(std::move(*composer));
  }
  return made;
}

/// What is wrong before the first row is read: then nothing is sent at all.
Result<void> check_columns(const RowReader& rows, const Composer& composer, bool needs_key) {
  if (rows.is_json()) return {};
  const auto& columns = rows.columns();
  const auto has = [&](std::string_view name) {
    return std::find(columns.begin(), columns.end(), name) != columns.end();
  };
  if (!has("to")) return fail(Errc::malformed, "there is no column 'to'");
  if (needs_key && !has("key")) {
    return fail(Errc::malformed, "there is no column 'key'",
                "each row needs a name of its own, so that it is sent once");
  }
  for (const auto& variable : composer.variables()) {
    if (!has(variable)) {
      return fail(Errc::malformed, "the template's variable '" + variable + "' has no column");
    }
  }
  return {};
}

/// Reads rows and composes them, a chunk at a time.
class Intake {
 public:
  Intake(RowReader& rows, std::vector<Composer>& composers) : rows_(rows), composers_(composers) {}

  /// At most so many; empty at the end. Items with a result are refused already.
  Result<std::vector<ItemPtr>> next(std::uint64_t most) {
    std::vector<ItemPtr> chunk;
    std::uint64_t octets = 0;
    while (chunk.size() < std::min<std::uint64_t>(kChunk, most) && octets < kChunkOctets &&
           !is_over_) {
      auto row = rows_.next();
      if (!row) return fail(std::move(row).error());
      if (!*row) {
        is_over_ = true;
        break;
      }
      chunk.push_back(item_of(std::move(**row)));
      octets += size_hint(*chunk.back());
    }
    side_by_side(chunk.size(), static_cast<unsigned>(composers_.size()),
                 [&](unsigned thread, std::size_t i) {
                   if (!is_refused(*chunk[i])) composers_[thread].compose(*chunk[i]);
                 });
    return chunk;
  }
  [[nodiscard]] bool is_over() const { return is_over_; }

  static bool is_refused(const Item& item) {
    return item.result.reason != Reason::none || !item.result.detail.empty();
  }

 private:
  static ItemPtr item_of(AnyRow any) {
    auto item = std::make_shared<Item>();
    if (auto* bad = std::get_if<BadRow>(&any)) {
      item->row = std::move(bad->row);
      item->result.row = item->row.number;
      item->result.recipient = item->row.value("to");
      item->result.key = item->row.value("key");
      refuse(*item, Reason::row_invalid, std::move(bad->reason));
      return item;
    }
    item->row = std::move(std::get<Row>(any));
    return item;
  }
  /// Before anything is composed: what an attachment weighs is known only then.
  static std::uint64_t size_hint(const Item& item) {
    constexpr std::uint64_t kAttached = 1 << 20;
    std::uint64_t octets = 16384;
    for (const auto& value : item.row.values)
      octets += value.size();
    if (!item.row.value("attach").empty()) octets += kAttached;
    return octets;
  }

  RowReader& rows_;
  std::vector<Composer>& composers_;
  bool is_over_ = false;
};

/// Large files are sealed first, and the link goes into the message: not with the others.
bool goes_alone(const Item& item) {
  return !item.files.empty() && !item.terms.seals_all;
}

class Run {
 public:
  Run(RowReader& rows, const Setting& setting, const Means& means, Listener& listener)
      : rows_(rows),
        setting_(setting),
        means_(means),
        listener_(listener),
        clock_(*means.premises.clock),
        senders_(*setting.config) {}

  Result<Summary> go() {
    auto composers = make_composers(setting_, senders_);
    if (!composers) return fail(std::move(composers).error());
    composers_ = std::move(*composers);
    if (auto checked = check_columns(rows_, composers_.front(), true); !checked) {
      return fail(std::move(checked).error());
    }
    if (auto opened = open(); !opened) {
      close();
      return fail(std::move(opened).error());
    }
    Intake intake(rows_, composers_);
    auto sent = serve(intake);
    close();
    if (!sent) return fail(std::move(sent).error());
    if (trouble_) return fail(std::move(*trouble_));
    summary_.was_stopped = is_stopped();
    return std::move(summary_);
  }

 private:
  // ---- beginning and end
  Result<void> open();
  Result<void> salvage_dead_runs();
  void close();
  void watch(const std::stop_token& token);
  [[nodiscard]] bool is_stopped() const { return means_.is_stopped && means_.is_stopped(); }

  // ---- the main thread's work
  Result<void> serve(Intake& intake);
  Result<void> serve_chunk(std::vector<ItemPtr> chunk);
  std::vector<ItemPtr> admit(std::vector<ItemPtr>& items);
  Result<std::vector<ItemPtr>> claim(const std::vector<ItemPtr>& items,
                                     std::vector<ItemPtr>& again);
  Result<std::vector<Answer>> ask_for(const std::vector<ItemPtr>& items);
  static void take(Item& item, const Answer& answer);
  void answer_done(const ItemPtr& item, const Answer& answer);
  void prepare(std::vector<ItemPtr>& items);
  void prepare(Item& item);
  Result<void> submit(std::vector<ItemPtr>& items);
  void forward(const ItemPtr& item);

  // ---- other threads'
  void link();
  void seal(sealing::Premises::Desk& desk);
  void seal_one(Item& item, sealing::Fallback& fallback);
  void finish();
  void tell(const ItemPtr& item);

  void leave(const Item& item);
  void add_gap(Error gap);
  void warn(const Error& warning);
  void hear(const Item& item);
  void give_up(Error error);
  [[nodiscard]] bool has_trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_.has_value();
  }

  RowReader& rows_;
  const Setting& setting_;
  const Means& means_;
  Listener& listener_;
  const Clock& clock_;
  Senders senders_;
  std::vector<Composer> composers_;
  delivery::SigningDesk signing_;

  std::unique_ptr<sealing::Premises> premises_;
  std::optional<Journal> journal_;      ///< the main thread's
  std::optional<Journal> end_journal_;  ///< the finisher's
  std::optional<Flight> flight_;
  std::unique_ptr<delivery::Dispatcher> dispatcher_;
  Line<ItemPtr> to_seal_{256};
  Line<ItemPtr> to_link_{16};
  Line<ItemPtr> ended_{1024};
  std::vector<std::jthread> sealers_, linkers_;
  std::jthread finisher_, watcher_;
  std::uint64_t begun_ = 0;
  std::set<std::string> orgs_;  ///< whose logs have something of this batch

  std::mutex hearing_;  ///< the listener hears one thing at a time
  mutable std::mutex mutex_;
  std::condition_variable left_;
  std::size_t items_ = 0;  ///< claimed, and not ended
  std::uint64_t octets_ = 0;
  std::optional<Error> trouble_;  ///< why nothing more is begun
  Summary summary_;               ///< the finisher's, but for the gaps
};

// ---- beginning and end

Result<void> Run::open() {
  auto how = means_.premises;
  how.needs_keys = false;
  auto premises = sealing::Premises::open(*setting_.config, how);
  if (!premises) return fail(std::move(premises).error());
  premises_ = std::move(*premises);
  for (auto* journal : {&journal_, &end_journal_}) {
    auto opened = Journal::open(setting_.config->state, clock_);
    if (!opened) return fail(std::move(opened).error());
    journal->emplace(std::move(*opened));
  }
  if (auto salvaged = salvage_dead_runs(); !salvaged) return salvaged;
  auto flight = Flight::begin(setting_.config->state, clock_);
  if (!flight) return fail(std::move(flight).error());
  flight_.emplace(std::move(*flight));
  dispatcher_ = std::make_unique<delivery::Dispatcher>(
      means_.equipment->finder(), means_.equipment->client(), means_.dispatching);
  for (unsigned i = 0; i < kSealers; ++i) {
    auto desk = premises_->another_office();
    if (!desk) return fail(std::move(desk).error());
    sealers_.emplace_back([this, desk = std::shared_ptr(std::move(*desk))] { seal(*desk); });
  }
  for (unsigned i = 0; i < kLinkers; ++i)
    linkers_.emplace_back([this] { link(); });
  finisher_ = std::jthread([this] { finish(); });
  watcher_ = std::jthread([this](const std::stop_token& token) { watch(token); });
  return {};
}

Result<void> Run::salvage_dead_runs() {
  auto runs = journal_->runs();
  if (!runs) return fail(std::move(runs).error());
  for (const auto& run : *runs) {
    auto salvaged =
        salvage(run, setting_.config->state, *journal_, *premises_->office().logs, clock_);
    if (!salvaged) return fail(std::move(salvaged).error(), "an earlier batch that was cut off");
    if (salvaged->uncertain == 0) continue;
    warn({Errc::temporary, "an earlier batch was cut off: of " +
                               std::to_string(salvaged->uncertain) +
                               " messages nobody can tell whether they arrived; they are recorded "
                               "uncertain and sent again with the same Message-ID"});
  }
  return {};
}

void Run::watch(const std::stop_token& token) {
  constexpr std::chrono::milliseconds kOften{100};
  while (!token.stop_requested()) {
    if (is_stopped()) return dispatcher_->stop();
    std::this_thread::sleep_for(kOften);
  }
}

void Run::close() {
  if (dispatcher_) dispatcher_->finish();
  to_link_.close();
  linkers_.clear();
  to_seal_.close();
  sealers_.clear();
  ended_.close();
  if (finisher_.joinable()) finisher_.join();
  if (watcher_.joinable()) {
    watcher_.request_stop();
    watcher_.join();
  }
  dispatcher_.reset();
  if (premises_) {
    // FORMATS §3: signed at the end of every batch.
    for (const auto& org : orgs_) {
      auto log = premises_->office().logs->of(org);
      auto made = log ? (*log)->sign_checkpoint() : Result<audit::Checkpoint>(fail(log.error()));
      if (!made && made.error().code != Errc::denied) warn(made.error());
    }
  }
  if (items_ > 0 && flight_) flight_->keep();
  flight_.reset();
}

// ---- the main thread

Result<void> Run::serve(Intake& intake) {
  while (!intake.is_over() && begun_ < means_.limit && !is_stopped() && !has_trouble()) {
    auto chunk = intake.next(means_.limit - begun_);
    if (!chunk) {
      // What is wrong with the file itself: what was begun is ended all the same.
      return fail(std::move(chunk).error());
    }
    if (auto served = serve_chunk(std::move(*chunk)); !served) return served;
  }
  return {};
}

Result<void> Run::serve_chunk(std::vector<ItemPtr> chunk) {
  std::vector<ItemPtr> items;
  for (auto& item : chunk) {
    if (Intake::is_refused(*item)) {
      ended_.push(std::move(item));
    } else {
      items.push_back(std::move(item));
    }
  }
  while (!items.empty() && !has_trouble()) {
    std::vector<ItemPtr> again;  // a row before has the same key, and no end yet
    auto group = admit(items);
    auto taken = claim(group, again);
    if (!taken) return fail(std::move(taken).error());
    prepare(*taken);
    if (auto submitted = submit(*taken); !submitted) return submitted;
    for (const auto& item : *taken)
      forward(item);
    if (again.empty()) continue;
    // The rows before them must have their end first: it decides.
    std::unique_lock lock(mutex_);
    left_.wait(lock, [&] { return items_ == 0 || trouble_; });
    items.insert(items.begin(), again.begin(), again.end());
  }
  return {};
}

/// Takes the first of these for which there is room, at least one; waits for it.
std::vector<ItemPtr> Run::admit(std::vector<ItemPtr>& items) {
  const auto fits = [&](const Item& item) {
    return items_ == 0 || (items_ < kMostItems && octets_ + item.octets <= kMostOctets);
  };
  std::unique_lock lock(mutex_);
  left_.wait(lock, [&] { return fits(*items.front()) || trouble_; });
  std::vector<ItemPtr> admitted;
  for (const auto& item : items) {
    if (!admitted.empty() && !fits(*item)) break;
    items_ += 1;
    octets_ += item->octets;
    admitted.push_back(item);
  }
  items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(admitted.size()));
  return admitted;
}

Result<std::vector<Answer>> Run::ask_for(const std::vector<ItemPtr>& items) {
  std::vector<Claim> claims;
  for (const auto& item : items) {
    item->id = audit::MessageId::fresh();
    item->recipient = audit::RecipientId::fresh();
    const auto* own = item->read->header().first("Message-ID");
    const auto& domain = item->envelope.sender.is_null()
                             ? item->organisation->domains.front()
                             : item->envelope.sender.mailbox()->domain();
    item->message_id =
        own != nullptr ? message::unfolded(own->value) : message::fresh_message_id(domain);
    claims.push_back({item->organisation->id, item->key, item->content, item->message_id,
                      item->id->text(), item->recipient->text(), item->result.recipient,
                      item->slot});
  }
  return journal_->claim(claims, flight_->run());
}

/// Those that are ours now. What is not gets its end; `again`: a row before has the same key.
Result<std::vector<ItemPtr>> Run::claim(const std::vector<ItemPtr>& items,
                                        std::vector<ItemPtr>& again) {
  static_assert(kMostItems + kChunk < Flight::kSlots);
  for (const auto& item : items)
    item->slot = flight_->take().value();
  auto answers = ask_for(items);
  if (!answers) {
    for (const auto& item : items) {
      flight_->give_back(item->slot);
      leave(*item);
    }
    return fail(std::move(answers).error(), "claiming keys");
  }
  std::vector<ItemPtr> taken;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto& item = items[i];
    auto& answer = (*answers)[i];
    if (answer.kind == Answer::Kind::taken) {
      take(*item, answer);
      orgs_.insert(item->organisation->id);
      taken.push_back(item);
      continue;
    }
    flight_->give_back(item->slot);
    leave(*item);
    if (answer.kind == Answer::Kind::abandoned) {
      auto salvaged =
          salvage(answer.run, setting_.config->state, *journal_, *premises_->office().logs, clock_);
      if (!salvaged) return fail(std::move(salvaged).error());
      if (!salvaged->is_alive) {
        again.push_back(item);
        continue;
      }
      refuse(*item, Reason::key_in_use, "another batch is sending this key");
      item->result.status = Status::deferred;
      item->result.enhanced = "4.3.0";
      ended_.push(item);
    } else if (answer.kind == Answer::Kind::busy) {
      again.push_back(item);
    } else {
      answer_done(item, answer);
    }
  }
  begun_ += taken.size();
  return taken;
}

void Run::take(Item& item, const Answer& answer) {
  item.message_id = answer.message_id;
  item.first = answer.first;
  item.is_repeated = answer.status == Status::uncertain && !answer.message.empty();
}

void Run::answer_done(const ItemPtr& item, const Answer& answer) {
  if (answer.kind == Answer::Kind::changed) {
    refuse(*item, Reason::content_changed,
           "this key was sent before (" + std::string(text(answer.status)) +
               ") with other content: nothing is sent");
    return ended_.push(item);
  }
  auto& result = item->result;
  result.status = answer.status;
  result.message = answer.message;
  result.recipient_id = answer.recipient;
  result.reason = Reason::done_before;
  if (answer.status == Status::pending) {
    auto link =
        store::SealedTable(journal_->index()).find_recipient(answer.message, answer.recipient);
    if (link && *link && (*link)->recipient.progress >= store::Progress::delivered) {
      result.status = Status::sealed;
      (void)journal_->advance({item->organisation->id, item->key, Status::sealed});
    }
  }
  ended_.push(item);
}

void Run::prepare(std::vector<ItemPtr>& items) {
  side_by_side(items.size(), composers(), [&](unsigned, std::size_t i) { prepare(*items[i]); });
}

void Run::prepare(Item& item) {
  const FixedClock clock(clock_, item.first);
  message::PrepareOptions options;
  options.clock = &clock;
  options.attachments = item.attachments;
  options.space = setting_.space;
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
    return give_up(std::move(signatures).error());
  }
  item.dkim = std::move(*signatures);
}

namespace {

delivery::Mailing mailing_of(const Item& item, const Means& means) {
  return {.message = &*item.message,
          .envelope = item.envelope,
          .dkim = item.dkim,
          .account = means.account,
          .uid = means.uid,
          .key = item.key};
}

}  // namespace

/// `submitted` for all of them but those that go alone; those that were not prepared end here.
Result<void> Run::submit(std::vector<ItemPtr>& items) {
  std::map<std::string, std::vector<audit::Record>> records;
  std::vector<ItemPtr> ready;
  for (auto& item : items) {
    if (Intake::is_refused(*item)) {
      tell(item);
      continue;
    }
    if (goes_alone(*item)) {
      ready.push_back(std::move(item));
      continue;
    }
    const auto submission = delivery::submission_of(mailing_of(*item, means_), *item->id,
                                                    {{*item->recipient, item->result.recipient}},
                                                    !item->terms.seals_all);
    auto made = audit::submitted(submission, clock_);
    std::move(made.begin(), made.end(), std::back_inserter(records[item->organisation->id]));
    ready.push_back(std::move(item));
  }
  items = std::move(ready);
  for (const auto& [org, these] : records) {
    auto told = premises_->office().logs->append(org, these);
    if (told) continue;
    // Fail closed: no record, no mail.
    for (const auto& item : items) {
      item->result.status = Status::deferred;
      item->result.reason = Reason::log_unavailable;
      item->result.detail = told.error().what;
      item->result.enhanced = "4.3.0";
      tell(item);
    }
    items.clear();
    return fail(std::move(told).error(), "the audit log");
  }
  return {};
}

void Run::forward(const ItemPtr& item) {
  if (goes_alone(*item)) return to_link_.push(item);
  item->result.message = item->id->text();
  item->result.recipient_id = item->recipient->text();
  if (item->terms.seals_all) {
    item->result.status = Status::pending;
    return to_seal_.push(item);
  }
  auto log = premises_->office().logs->of(item->organisation->id);
  auto parcel = std::make_shared<delivery::Parcel>(delivery::Parcel{
      .mailing = mailing_of(*item, means_), .id = *item->id, .recipients = {*item->recipient}});
  parcel->log = *log;
  parcel->minimum = item->organisation->policy.minimum;
  parcel->on_insecure = item->on_insecure;
  parcel->deadline = setting_.config->network.deadline;
  parcel->end_mark_leaves = [this, slot = item->slot] {
    flight_->mark(slot);
    return Result<void>();
  };
  parcel->settled = [this, item](std::vector<RecipientResult> results, std::vector<Error> gaps) {
    auto& result = results.front();
    result.row = item->result.row;
    result.key = item->result.key;
    item->result = std::move(result);
    for (auto& gap : gaps)
      add_gap(std::move(gap));
    if (item->result.status == Status::pending) return to_seal_.push(item);
    tell(item);
  };
  dispatcher_->add(std::move(parcel));
}

// ---- other threads

/// As a message of its own, from `submitted` to its end: how its files travel is found out then.
void Run::link() {
  submission::Submitter submitter(*setting_.config, *means_.equipment, means_.premises);
  for (;;) {
    auto taken = to_link_.take(1);
    if (taken.empty()) return;
    Item& item = *taken.front();
    flight_->mark(item.slot);  // nobody tells when its end mark leaves
    submission::Mail mail{std::move(*item.message), item.envelope, means_.account, means_.uid,
                          item.files};
    auto outcome = submitter.submit(
        mail,
        {.organisation = item.organisation, .terms = &item.terms, .on_insecure = item.on_insecure});
    if (!outcome || outcome->results.empty()) {
      refuse(item, Reason::internal_error, outcome ? "nobody to send to" : outcome.error().what);
      item.result.status = Status::deferred;
      tell(taken.front());
      continue;
    }
    auto result = std::move(outcome->results.front());
    result.row = item.result.row;
    result.key = item.result.key;
    item.result = std::move(result);
    for (auto& gap : outcome->gaps)
      add_gap(std::move(gap));
    for (const auto& warning : outcome->warnings)
      warn(warning);
    tell(taken.front());
  }
}

void Run::seal(sealing::Premises::Desk& desk) {
  std::map<const config::Organisation*, sealing::Fallback> fallbacks;
  for (;;) {
    auto taken = to_seal_.take(1);
    if (taken.empty()) return;
    const auto* organisation = taken.front()->organisation;
    auto& fallback =
        fallbacks.try_emplace(organisation, desk.office, *means_.equipment, *organisation)
            .first->second;
    seal_one(*taken.front(), fallback);
    for (auto& warning : fallback.take_warnings())
      warn(warning);
    tell(taken.front());
  }
}

void Run::seal_one(Item& item, sealing::Fallback& fallback) {
  std::vector<RecipientResult> results{std::move(item.result)};
  const auto row = results.front().row;
  const auto key = results.front().key;
  fallback.seal({&*item.message, &item.terms, item.key, item.files}, results);
  if (!is_stopped()) fallback.notify(results, setting_.config->network.deadline);
  item.result = std::move(results.front());
  item.result.row = row;
  item.result.key = key;
}

/// The message is of no more use; its end goes to the finisher.
void Run::tell(const ItemPtr& item) {
  item->message.reset();
  ended_.push(item);
}

void Run::finish() {
  for (;;) {
    const auto taken = ended_.take(512);
    if (taken.empty()) return;
    std::vector<KeyEnd> ends;
    for (const auto& item : taken) {
      if (item->first != WallTime()) {
        ends.push_back({item->organisation->id, item->key, item->result.status});
      }
    }
    auto kept = ends.empty() ? Result<void>() : end_journal_->end(ends, flight_->run());
    if (!kept) {
      add_gap(kept.error());
      give_up(fail(kept.error(), "the journal of keys").error);
    }
    for (const auto& item : taken) {
      summary_.rows += 1;
      summary_.ends[item->result.status] += 1;
      if (item->result.reason == Reason::done_before) summary_.repeated += 1;
      if (item->is_repeated && item->result.detail.empty()) {
        item->result.detail =
            "an earlier attempt is uncertain: sent again with the same Message-ID";
      }
      hear(*item);
      if (item->first == WallTime() || !kept) continue;
      flight_->give_back(item->slot);
      leave(*item);
    }
  }
}

void Run::leave(const Item& item) {
  const std::lock_guard lock(mutex_);
  items_ -= 1;
  octets_ -= item.octets;
  left_.notify_all();
}

void Run::warn(const Error& warning) {
  const std::lock_guard lock(hearing_);
  listener_.warn(warning);
}

void Run::hear(const Item& item) {
  const std::lock_guard lock(hearing_);
  if (auto heard = listener_.ended(item.row, item.result); !heard) {
    give_up(std::move(heard).error());
  }
}

void Run::add_gap(Error gap) {
  const std::lock_guard lock(mutex_);
  if (summary_.gaps.size() < kMostGaps) summary_.gaps.push_back(std::move(gap));
}

void Run::give_up(Error error) {
  const std::lock_guard lock(mutex_);
  if (!trouble_) trouble_ = std::move(error);
  left_.notify_all();
}

/// What would happen, row by row: destinations are looked at once each, several side by side.
class Rehearsal {
 public:
  Rehearsal(RowReader& rows, const Setting& setting, const Means& means, Listener& listener)
      : rows_(rows),
        setting_(setting),
        means_(means),
        listener_(listener),
        senders_(*setting.config) {}

  Result<Summary> go() {
    auto composers = make_composers(setting_, senders_);
    if (!composers) return fail(std::move(composers).error());
    if (auto checked = check_columns(rows_, composers->front(), setting_.needs_key); !checked) {
      return fail(std::move(checked).error());
    }
    auto journal = Journal::open(setting_.config->state, system_clock());
    if (!journal) return fail(std::move(journal).error());
    Intake intake(rows_, *composers);
    while (!intake.is_over() && summary_.rows < means_.limit && !is_stopped()) {
      auto chunk = intake.next(means_.limit - summary_.rows);
      if (!chunk) return fail(std::move(chunk).error());
      look_at_destinations(*chunk);
      for (const auto& item : *chunk) {
        if (auto judged = judge(*item, *journal); !judged) return fail(std::move(judged).error());
        summary_.rows += 1;
        summary_.ends[item->result.status] += 1;
        if (auto heard = listener_.ended(item->row, item->result); !heard) {
          return fail(std::move(heard).error());
        }
      }
    }
    summary_.was_stopped = is_stopped();
    return std::move(summary_);
  }

 private:
  [[nodiscard]] bool is_stopped() const { return means_.is_stopped && means_.is_stopped(); }

  void look_at_destinations(const std::vector<ItemPtr>& chunk) {
    constexpr std::size_t kMostKnown = 2000;
    constexpr unsigned kSideBySide = 16;
    if (reports_.size() > kMostKnown) reports_.clear();
    std::vector<name::Domain> wanted;
    for (const auto& item : chunk) {
      if (Intake::is_refused(*item)) continue;
      const auto& domain = item->envelope.recipients.front().mailbox.domain();
      if (reports_.try_emplace(domain).second) wanted.push_back(domain);
    }
    side_by_side(wanted.size(), kSideBySide, [&](unsigned, std::size_t i) {
      delivery::Prober prober(means_.equipment->finder(), means_.equipment->client(),
                              {.minimum = setting_.config->policy.minimum,
                               .wants_tlsrpt = false,
                               .deadline = setting_.config->network.deadline});
      auto report = std::make_shared<const delivery::DestinationReport>(prober.probe(wanted[i]));
      const std::lock_guard lock(mutex_);
      reports_[wanted[i]] = std::move(report);
    });
  }

  Result<void> judge(Item& item, Journal& journal) {
    if (Intake::is_refused(item)) return {};
    const auto answer = item.key.empty()
                            ? Result<Answer>(Answer())
                            : journal.look({item.organisation->id, item.key, item.content});
    if (!answer) return fail(answer.error());
    const auto& recipient = item.envelope.recipients.front();
    const auto key = item.result.key;
    item.result = delivery::foresee(recipient, *reports_.at(recipient.mailbox.domain()),
                                    item.organisation->policy.minimum, item.on_insecure);
    item.result.row = item.row.number;
    item.result.key = key;
    const bool is_sealed = item.result.status == Status::pending || item.terms.seals_all;
    if (is_sealed) item.result.status = Status::sealed;
    if (answer->kind == Answer::Kind::done) {
      item.result.status = answer->status;
      item.result.reason = Reason::done_before;
    } else if (answer->kind == Answer::Kind::changed) {
      refuse(item, Reason::content_changed, "this key was sent before with other content");
    } else if (answer->kind == Answer::Kind::abandoned) {
      item.result.detail = "another batch has this key, or was cut off with it";
    }
    return {};
  }

  RowReader& rows_;
  const Setting& setting_;
  const Means& means_;
  Listener& listener_;
  Senders senders_;
  std::mutex mutex_;
  std::map<name::Domain, std::shared_ptr<const delivery::DestinationReport>> reports_;
  Summary summary_;
};

}  // namespace

Result<Summary> send(RowReader& rows, const Setting& setting, const Means& means,
                     Listener& listener) {
  return Run(rows, setting, means, listener).go();
}

Result<Summary> rehearse(RowReader& rows, const Setting& setting, const Means& means,
                         Listener& listener) {
  return Rehearsal(rows, setting, means, listener).go();
}

}  // namespace sm::batch
