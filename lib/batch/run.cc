#include "batch/run.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "audit/note.h"
#include "batch/departure.h"
#include "batch/ends.h"
#include "batch/flight.h"
#include "batch/intake.h"
#include "batch/journal.h"
#include "batch/line.h"
#include "batch/recovery.h"
#include "batch/sealing_line.h"
#include "batch/traffic.h"
#include "store/sealed_table.h"
#include "submission/submit.h"

namespace sm::batch {
namespace {

using delivery::Reason;
using delivery::Status;
using Items = std::vector<ItemPtr>;

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
    auto intake = Intake::open(rows_, setting_, senders_);
    if (!intake) return fail(std::move(intake).error());
    if (auto opened = open(); !opened) {
      close();
      return fail(std::move(opened).error());
    }
    auto sent = serve(*intake);
    auto summary = close();
    if (!sent) return fail(std::move(sent).error());
    if (auto trouble = traffic_.trouble()) return fail(std::move(*trouble));
    summary.was_stopped = is_stopped();
    return summary;
  }

 private:
  // ---- beginning and end
  Result<void> open();
  Result<void> salvage_dead_runs();
  Summary close();
  void sign_logs();
  void watch(const std::stop_token& token);
  [[nodiscard]] bool is_stopped() const { return means_.is_stopped && means_.is_stopped(); }
  [[nodiscard]] bool may_begin() const {
    return begun_ < means_.limit && !is_stopped() && !traffic_.trouble();
  }

  // ---- claiming
  Result<void> serve(Intake& intake);
  void read(Intake& intake, Line<Items>& composed, Result<void>& done);
  Result<void> serve_chunk(Items chunk);
  void turn_away(const Items& refused);
  Result<Items> claim(const Items& items, Items& again);
  Result<std::vector<Answer>> ask_for(const Items& items);
  /// False where the run that has the key lives.
  Result<bool> salvage_from(const std::string& run);
  void give_back(const ItemPtr& item);
  static void take(Item& item, const Answer& answer);
  void answer_done(const ItemPtr& item, const Answer& answer);

  RowReader& rows_;
  const Setting& setting_;
  const Means& means_;
  Listener& listener_;
  const Clock& clock_;
  Senders senders_;

  Traffic traffic_;
  std::unique_ptr<sealing::Premises> premises_;
  std::optional<Journal> journal_;
  std::optional<Flight> flight_;
  std::unique_ptr<Ends> ends_;
  std::unique_ptr<delivery::Dispatcher> dispatcher_;
  std::unique_ptr<SealingLine> sealing_;
  std::unique_ptr<Departure> departure_;
  std::jthread watcher_;
  std::atomic<std::uint64_t> begun_{0};
  std::set<std::string> orgs_;  ///< whose logs have something of this batch
};

// ---- beginning and end

Result<void> Run::open() {
  auto how = means_.premises;
  how.needs_keys = false;
  auto premises = sealing::Premises::open(*setting_.config, how);
  if (!premises) return fail(std::move(premises).error());
  premises_ = std::move(*premises);
  auto journal = Journal::open(setting_.config->state, clock_);
  if (!journal) return fail(std::move(journal).error());
  journal_.emplace(std::move(*journal));
  auto end_journal = Journal::open(setting_.config->state, clock_);
  if (!end_journal) return fail(std::move(end_journal).error());
  if (auto salvaged = salvage_dead_runs(); !salvaged) return salvaged;
  auto flight = Flight::begin(setting_.config->state, clock_);
  if (!flight) return fail(std::move(flight).error());
  flight_.emplace(std::move(*flight));
  ends_ = std::make_unique<Ends>(std::move(*end_journal), *flight_, traffic_, listener_);
  dispatcher_ = std::make_unique<delivery::Dispatcher>(
      means_.equipment->finder(), means_.equipment->client(), means_.dispatching,
      &means_.equipment->notice_client());
  auto sealing = SealingLine::open({.equipment = means_.equipment,
                                    .premises = premises_.get(),
                                    .dispatcher = dispatcher_.get(),
                                    .ends = ends_.get(),
                                    .clock = &clock_,
                                    .deadline = setting_.config->network.deadline,
                                    .is_stopped = [this] { return is_stopped(); }});
  if (!sealing) return fail(std::move(sealing).error());
  sealing_ = std::move(*sealing);
  departure_ = std::make_unique<Departure>(Departure::Parts{.setting = &setting_,
                                                            .means = &means_,
                                                            .premises = premises_.get(),
                                                            .flight = &*flight_,
                                                            .traffic = &traffic_,
                                                            .ends = ends_.get(),
                                                            .dispatcher = dispatcher_.get(),
                                                            .sealing = sealing_.get()});
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
    listener_.warn({Errc::temporary,
                    "an earlier batch was cut off: of " + std::to_string(salvaged->uncertain) +
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

/// Along the way of a row: each is closed when nothing more can come from the one before.
Summary Run::close() {
  if (departure_) departure_->close();
  if (dispatcher_) dispatcher_->finish();
  if (sealing_) sealing_->close();
  auto summary = ends_ ? ends_->close() : Summary();
  watcher_ = {};
  departure_.reset();
  sealing_.reset();
  dispatcher_.reset();
  if (premises_) sign_logs();
  ends_.reset();
  if (flight_ && !traffic_.is_empty()) flight_->keep();
  flight_.reset();
  return summary;
}

/// FORMATS §3: signed at the end of every batch.
void Run::sign_logs() {
  for (const auto& org : orgs_) {
    auto log = premises_->office().logs->of(org);
    auto made = log ? (*log)->sign_checkpoint() : Result<audit::Checkpoint>(fail(log.error()));
    if (!made && made.error().code != Errc::denied) listener_.warn(made.error());
  }
}

// ---- claiming

/// The next rows are read and composed while these are claimed.
Result<void> Run::serve(Intake& intake) {
  Line<Items> composed(2);
  Result<void> read_done;
  std::jthread reader([&] { read(intake, composed, read_done); });
  Result<void> served;
  for (;;) {
    auto chunk = composed.take(1);
    if (chunk.empty()) break;
    if (served && may_begin()) served = serve_chunk(std::move(chunk.front()));
  }
  reader.join();
  // What is wrong with the file itself: what was begun is ended all the same.
  return served ? read_done : served;
}

void Run::read(Intake& intake, Line<Items>& composed, Result<void>& done) {
  while (!intake.is_over() && may_begin()) {
    auto chunk = intake.next(Intake::kChunk);
    if (!chunk) {
      done = fail(std::move(chunk).error());
      break;
    }
    if (!chunk->empty()) composed.push(std::move(*chunk));
  }
  composed.close();
}

Result<void> Run::serve_chunk(Items chunk) {
  Items items(std::make_move_iterator(chunk.begin()), std::make_move_iterator(chunk.end()));
  while (!items.empty() && may_begin()) {
    // As many as may still begin; those that are refused before do not count.
    Items group, refused;
    auto at = items.begin();
    for (; at != items.end() && group.size() < means_.limit - begun_; ++at)
      (Intake::is_refused(**at) ? refused : group).push_back(std::move(*at));
    items.erase(items.begin(), at);
    turn_away(refused);
    for (auto& item : refused)
      ends_->push(std::move(item));
    while (!group.empty() && !traffic_.trouble()) {
      Items again;  // a row before has the same key, and no end yet
      auto taken = claim(traffic_.admit(group), again);
      if (!taken) return fail(std::move(taken).error());
      if (!taken->empty()) departure_->push(std::move(*taken));
      if (again.empty()) continue;
      // The rows before them must have their end first: it decides.
      traffic_.wait_until_empty();
      group.insert(group.begin(), again.begin(), again.end());
    }
  }
  return {};
}

/// Who may not send is told of in the log of whose mail it would have been.
void Run::turn_away(const Items& refused) {
  std::map<std::string, std::vector<audit::Record>> records;
  for (const auto& item : refused) {
    if (!item->author || item->result.reason != Reason::policy_forbids) continue;
    auto told =
        submission::turned_away(*setting_.config, item->envelope, *item->author, means_.account);
    if (told) records[told->org].push_back(std::move(told->record));
  }
  for (const auto& [org, of_org] : records) {
    orgs_.insert(org);
    auto told = premises_->office().logs->append(org, of_org);
    if (!told) traffic_.give_up(fail(std::move(told).error(), "the audit log").error);
  }
}

Result<std::vector<Answer>> Run::ask_for(const Items& items) {
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

void Run::give_back(const ItemPtr& item) {
  flight_->give_back(item->slot);
  traffic_.leave({item});
}

Result<bool> Run::salvage_from(const std::string& run) {
  auto salvaged =
      salvage(run, setting_.config->state, *journal_, *premises_->office().logs, clock_);
  if (!salvaged) return fail(std::move(salvaged).error());
  return !salvaged->is_alive;
}

/// Those that are ours now. What is not gets its end; `again`: a row before has the same key.
Result<Items> Run::claim(const Items& items, Items& again) {
  for (const auto& item : items)
    item->slot = flight_->take().value();
  auto answers = ask_for(items);
  if (!answers) {
    for (const auto& item : items)
      give_back(item);
    return fail(std::move(answers).error(), "claiming keys");
  }
  Items taken;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto& item = items[i];
    auto& answer = (*answers)[i];
    if (answer.kind == Answer::Kind::taken) {
      take(*item, answer);
      orgs_.insert(item->organisation->id);
      taken.push_back(item);
      continue;
    }
    give_back(item);
    if (answer.kind == Answer::Kind::abandoned) {
      const auto is_dead = salvage_from(answer.run);
      if (!is_dead) return fail(is_dead.error());
      if (*is_dead) {
        again.push_back(item);
        continue;
      }
      refuse(*item, Reason::key_in_use, "another batch is sending this key");
      item->result.status = Status::deferred;
      item->result.enhanced = "4.3.0";
      ends_->push(item);
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
    return ends_->push(item);
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
  ends_->push(item);
}

}  // namespace

Result<Summary> send(RowReader& rows, const Setting& setting, const Means& means,
                     Listener& listener) {
  return Run(rows, setting, means, listener).go();
}

}  // namespace sm::batch
