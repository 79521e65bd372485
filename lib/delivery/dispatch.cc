#include "delivery/dispatch.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

#include "delivery/recorder.h"

namespace sm::delivery {
namespace {

using std::chrono::milliseconds;

/// After so many messages a worker looks whether others wait for one.
constexpr unsigned kFairShare = 100;
/// So many parts in a lane are worth another handshake.
constexpr std::size_t kLongLine = 50;
/// A worker keeps its connection for so long when nothing more comes.
constexpr milliseconds kKept{1000};
/// RFC 5321 has no limit; a session of this age is begun anew, with fresh facts and a fresh proof.
constexpr std::chrono::seconds kOldestSession{300};
/// So many "not now" one after the other make an outage.
constexpr unsigned kPatience = 4;
constexpr std::size_t kReservedAtOnce = 16;
constexpr std::size_t kMostLanes = 4096;

/// The clock by which everything here is bounded: once cut off, every deadline has passed.
class CutOffClock final : public Clock {
 public:
  explicit CutOffClock(const Clock& real) : real_(&real) {}
  [[nodiscard]] WallTime now() const override { return real_->now(); }
  [[nodiscard]] Monotonic monotonic() const override {
    constexpr std::chrono::hours kLater{24 * 365};
    const auto now = real_->monotonic();
    return now >= cut_off_.load() ? now + kLater : now;
  }
  [[nodiscard]] std::string boot_id() const override { return real_->boot_id(); }
  [[nodiscard]] bool is_synchronised() const override { return real_->is_synchronised(); }

  void cut_off(std::chrono::seconds from_now) { cut_off_ = real_->monotonic() + from_now; }

 private:
  const Clock* real_;
  std::atomic<Monotonic> cut_off_{Monotonic::max()};
};

/// Tells when the end mark is about to leave: nothing is left to read.
class WatchedContent final : public MessageContent {
 public:
  WatchedContent(const Parcel& parcel)
      : MessageContent(*parcel.mailing.message), end_mark_leaves_(&parcel.end_mark_leaves) {}
  Result<std::string_view> next() override {
    auto block = MessageContent::next();
    if (!block || !block->empty() || !*end_mark_leaves_) return block;
    if (auto told = (*end_mark_leaves_)(); !told) return fail(std::move(told).error());
    return block;
  }

 private:
  const std::function<Result<void>()>* end_mark_leaves_;
};

/// Nobody was given the message: the report is about the destination, not about this message.
bool is_about_destination(const DeliveryReport& report) {
  return std::none_of(report.recipients.begin(), report.recipients.end(),
                      [](const RecipientReport& one) { return one.reply || one.transaction; });
}

bool says_not_now(Reason reason) {
  switch (reason) {
    case Reason::rate_limited:
    case Reason::greeting_refused:
    case Reason::tls_refused_now:
      return true;
    default:
      return false;
  }
}

DeliveryReport deferred(std::size_t recipients, Reason reason, std::string detail) {
  DeliveryReport report;
  report.verdict.best = {Verdict::undetermined, Mechanism::none, reason, detail};
  RecipientReport one{.end = End::deferred, .reason = reason, .enhanced = "4.3.0"};
  one.detail = std::move(detail);
  one.level = report.verdict.best;
  report.recipients.assign(recipients, one);
  return report;
}

std::string hosts_of(const DestinationFacts& facts) {
  std::vector<std::string> names;
  for (const auto& host : facts.hosts)
    names.push_back(host.mx.host.text());
  std::sort(names.begin(), names.end());
  std::string all;
  for (const auto& name : names)
    all += name + " ";
  return all.empty() ? facts.domain.text() : all;
}

}  // namespace

class Dispatcher::Yard {
 public:
  Yard(const FactFinder& finder, const smtp::Client& client, Options options,
       const smtp::NoticeClient* notices)
      : finder_(finder),
        client_(client),
        notices_(notices),
        options_(options),
        clock_(finder.clock()) {}
  ~Yard() { finish(); }

  void add(std::shared_ptr<Parcel> parcel);
  void finish();
  void stop();

 private:
  /// One parcel, and what has become of it so far.
  struct Transit {
    std::shared_ptr<Parcel> parcel;
    std::vector<audit::Recipient> recipients;
    std::vector<RecipientResult> results;
    std::vector<Error> gaps;
    std::size_t parts_left = 0;
    std::optional<Deadline> deadline{};
  };
  /// Its recipients of one domain.
  struct Part {
    std::shared_ptr<Transit> transit;
    std::vector<std::size_t> which;
  };
  /// MX hosts that serve any number of domains.
  struct Destination {
    unsigned connections = 0;
    unsigned limit = 1;
    unsigned refusals = 0;  ///< "not now", one after the other
    Monotonic rests_until{};
  };
  /// What was found of a domain a moment ago, and holds for all its recipients.
  struct Finding {
    DeliveryReport report;  ///< with one recipient
    Monotonic until;
  };
  struct Lane {
    explicit Lane(name::Domain of) : domain(std::move(of)) {}
    name::Domain domain;
    std::deque<Part> parts{};
    std::shared_ptr<const DestinationFacts> facts{};
    std::shared_ptr<Destination> destination{};
    Monotonic found_at{};
    std::optional<Finding> finding{};
    bool is_sought = false;   ///< somebody is looking its facts up
    unsigned in_service = 0;  ///< workers that are carrying a part of it
    unsigned coming = 0;      ///< workers that were called for it, and have not looked yet

    [[nodiscard]] bool is_active() const { return !parts.empty() || in_service > 0; }
  };
  /// What a worker has: a connection, and space in logs.
  struct Hand {
    std::shared_ptr<Destination> destination{};
    std::optional<Courier> courier{};
    std::optional<NoticeCourier> notice_courier{};
    Minimum minimum = Minimum::trusted;
    Monotonic since{};
    unsigned carried = 0;
    std::map<audit::Log*, audit::Reservation> reserved{};

    [[nodiscard]] bool is_connected() const {
      return (courier && courier->is_connected()) ||
             (notice_courier && notice_courier->is_connected());
    }
  };
  struct Worker {
    Hand hand{};
    std::condition_variable bell{};
    bool is_called = false;
    Lane* called_for = nullptr;
    std::jthread thread{};
  };
  enum class Duty { none, seek, carry, repeat, interrupt };
  struct Task {
    Duty duty = Duty::none;
    Lane* lane = nullptr;
  };

  // Under the mutex.
  Lane& lane_of(const name::Domain& domain);
  void prune();
  void serve(Lane& lane);
  void make_worker(Lane& lane);
  void serve_all();
  void call(Worker& worker, Lane* lane);
  static void arrive(Worker& worker);
  void call_all();
  [[nodiscard]] Worker* idle_for(const Lane& lane) const;
  [[nodiscard]] bool has_free_worker() const;
  Task choose(Hand& hand);
  [[nodiscard]] Task task_for(Lane& lane, const Hand& hand) const;
  [[nodiscard]] bool may_connect(const Destination& destination) const;
  [[nodiscard]] bool may_take_one_more(const Lane& lane) const;
  [[nodiscard]] bool is_stale(const Lane& lane) const;
  Part take_part(Lane& lane);
  void release(Hand& hand);
  void learn(Lane& lane, const DeliveryReport& report);
  void learn_refusal(Lane& lane, const DeliveryReport& report);
  [[nodiscard]] Monotonic next_event(const Hand& hand) const;

  // On a worker's thread; these give the mutex back while they wait for the world.
  void work(Worker& worker);
  void wait(Worker& worker, std::unique_lock<std::mutex>& lock);
  void seek(Lane& lane, std::unique_lock<std::mutex>& lock);
  void carry(Lane& lane, Hand& hand, std::unique_lock<std::mutex>& lock);
  void repeat(Lane& lane, std::unique_lock<std::mutex>& lock);
  void interrupt(Lane& lane, std::unique_lock<std::mutex>& lock);
  DeliveryReport deliver(const Part& part, const smtp::Envelope& envelope,
                         const std::shared_ptr<const DestinationFacts>& facts, Hand& hand);
  void give_notice(const Part& part, const smtp::Envelope& envelope, DeliveryReport& report,
                   Hand& hand);
  static smtp::Envelope envelope_of(const Part& part);

  // On any thread, without the mutex.
  void settle(const Part& part, const smtp::Envelope& envelope, DeliveryReport report, Hand* hand,
              milliseconds took);
  void close(const Part& part, std::vector<RecipientResult> results, Result<void> told);
  void let_go(Transit& transit);

  const FactFinder& finder_;
  const smtp::Client& client_;
  const smtp::NoticeClient* notices_;
  const Options options_;
  CutOffClock clock_;

  std::mutex mutex_;
  std::condition_variable room_;  ///< a parcel was settled
  std::map<name::Domain, Lane> lanes_;
  std::list<Lane*> ready_;  ///< those with parts, longest waiting first
  std::map<std::string, std::weak_ptr<Destination>> destinations_;
  std::size_t under_way_ = 0;
  bool is_closing_ = false;
  bool is_stopped_ = false;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> idle_;  ///< who waits for its bell
  std::size_t active_ = 0;     ///< lanes that have parts, or are in service
  std::size_t most_workers_ = options_.connections;
  Recorder recorder_;
};

// ---- for everybody

void Dispatcher::Yard::add(std::shared_ptr<Parcel> parcel) {
  auto transit = std::make_shared<Transit>();
  std::map<name::Domain, std::vector<std::size_t>> by_domain;
  const auto& recipients = parcel->mailing.envelope.recipients;
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    transit->recipients.push_back({parcel->recipients[i], recipients[i].mailbox.text()});
    by_domain[recipients[i].mailbox.domain()].push_back(i);
  }
  transit->results.resize(recipients.size());
  transit->parts_left = by_domain.size();
  transit->parcel = std::move(parcel);
  if (by_domain.empty()) return transit->parcel->settled({}, {});

  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return under_way_ < options_.waiting || is_stopped_; });
  ++under_way_;
  for (auto& [domain, which] : by_domain) {
    Lane& lane = lane_of(domain);
    if (!lane.is_active()) active_ += 1;
    if (lane.parts.empty()) ready_.push_back(&lane);
    lane.parts.push_back({transit, std::move(which)});
    serve(lane);
  }
}

void Dispatcher::Yard::finish() {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return under_way_ == 0; });
  is_closing_ = true;
  call_all();
  auto workers = std::exchange(workers_, {});
  lock.unlock();
  workers.clear();  // joins
  lock.lock();
  is_closing_ = false;
}

void Dispatcher::Yard::stop() {
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
  clock_.cut_off(options_.grace);
  call_all();
  room_.notify_all();
}

// ---- choosing

Dispatcher::Yard::Lane& Dispatcher::Yard::lane_of(const name::Domain& domain) {
  const auto found = lanes_.find(domain);
  if (found != lanes_.end()) return found->second;
  if (lanes_.size() >= kMostLanes) prune();
  return lanes_.try_emplace(domain, domain).first->second;
}

void Dispatcher::Yard::prune() {
  std::erase_if(lanes_, [](const auto& entry) {
    const Lane& lane = entry.second;
    return lane.parts.empty() && !lane.is_sought && lane.in_service == 0 && lane.coming == 0;
  });
  std::erase_if(destinations_, [](const auto& entry) { return entry.second.expired(); });
}

/// A connection more for this lane: its destination allows it, and its share of the workers does.
/// Without shares, fifty destinations would take each other's workers away after every message, and
/// shake hands anew each time.
bool Dispatcher::Yard::may_take_one_more(const Lane& lane) const {
  const auto share = std::max<std::size_t>(1, most_workers_ / std::max<std::size_t>(1, active_));
  return lane.in_service + lane.coming < share && may_connect(*lane.destination);
}

bool Dispatcher::Yard::is_stale(const Lane& lane) const {
  return !lane.facts || clock_.monotonic() - lane.found_at >= options_.facts_last;
}

bool Dispatcher::Yard::may_connect(const Destination& destination) const {
  return destination.connections < destination.limit &&
         destination.rests_until <= clock_.monotonic();
}

Dispatcher::Yard::Task Dispatcher::Yard::task_for(Lane& lane, const Hand& hand) const {
  if (is_stopped_) return {Duty::interrupt, &lane};
  if (lane.finding && clock_.monotonic() >= lane.finding->until) lane.finding.reset();
  if (lane.finding) {
    const bool is_notice = lane.parts.front().transit->parcel->notice != nullptr;
    if (!is_notice || !may_go_open(lane.finding->report)) return {Duty::repeat, &lane};
  }
  if (lane.is_sought) return {};
  if (is_stale(lane)) return {Duty::seek, &lane};
  const bool is_at_hand = hand.destination == lane.destination;
  if (is_at_hand || may_take_one_more(lane)) return {Duty::carry, &lane};
  return {};
}

void Dispatcher::Yard::call(Worker& worker, Lane* lane) {
  worker.is_called = true;
  worker.called_for = lane;
  if (lane != nullptr) lane->coming += 1;
  std::erase(idle_, &worker);
  worker.bell.notify_one();
}

void Dispatcher::Yard::call_all() {
  while (!idle_.empty())
    call(*idle_.back(), nullptr);
}

void Dispatcher::Yard::arrive(Worker& worker) {
  if (worker.called_for != nullptr) worker.called_for->coming -= 1;
  worker.called_for = nullptr;
}

bool Dispatcher::Yard::has_free_worker() const {
  return workers_.size() < most_workers_ ||
         std::any_of(idle_.begin(), idle_.end(),
                     [](const Worker* one) { return !one->hand.destination; });
}

/// Who is connected to where it leads; else who is connected nowhere.
Dispatcher::Yard::Worker* Dispatcher::Yard::idle_for(const Lane& lane) const {
  Worker* free = nullptr;
  for (Worker* one : idle_) {
    if (lane.destination && one->hand.destination == lane.destination) return one;
    if (!one->hand.destination) free = one;
  }
  return free;
}

/// There is something in this lane: wakes whoever suits best, makes a worker where all are busy,
/// and takes one from another destination only where nobody would come otherwise.
void Dispatcher::Yard::serve(Lane& lane) {
  if (lane.is_sought || lane.coming > 0) return;
  Worker* worker = idle_for(lane);
  const bool is_at_hand = worker != nullptr && worker->hand.destination;
  const bool is_full = lane.destination && !lane.finding && !may_take_one_more(lane);
  if (is_full && !is_at_hand) {
    // It rests: somebody has to wait for the end of that.
    const bool is_resting = lane.destination->rests_until > clock_.monotonic();
    if (is_resting && !idle_.empty()) call(*idle_.back(), nullptr);
    if (!is_resting || !workers_.empty()) return;
  }
  if (worker != nullptr) return call(*worker, &lane);
  if (workers_.size() < most_workers_) {
    make_worker(lane);
  } else if (!idle_.empty() && lane.in_service == 0) {
    call(*idle_.front(), &lane);
  }
}

/// Where the system gives no more threads, those that are there do the work.
void Dispatcher::Yard::make_worker(Lane& lane) {
  auto& made = *workers_.emplace_back(std::make_unique<Worker>());
  made.called_for = &lane;
  lane.coming += 1;
  try {
    made.thread = std::jthread([this, &made] { work(made); });
  } catch (const std::system_error&) {
    workers_.pop_back();
    lane.coming -= 1;
    if (workers_.empty()) throw;
    most_workers_ = workers_.size();
  }
}

void Dispatcher::Yard::serve_all() {
  for (Lane* lane : ready_)
    serve(*lane);
}

/// What is next for this worker: first more for where it is connected to, then whatever waits
/// longest, unless others are free to take that.
Dispatcher::Yard::Task Dispatcher::Yard::choose(Hand& hand) {
  const bool is_tired = hand.carried >= kFairShare;
  if (hand.destination && !is_tired) {
    for (Lane* lane : ready_) {
      if (lane->destination != hand.destination) continue;
      if (const Task task = task_for(*lane, hand); task.duty != Duty::none) return task;
    }
  }
  const bool may_stay = hand.destination && has_free_worker();
  for (Lane* lane : ready_) {
    const Task task = task_for(*lane, hand);
    if (task.duty == Duty::none) continue;
    const bool is_elsewhere = task.duty == Duty::carry && lane->destination != hand.destination;
    if (!is_elsewhere || !hand.destination) return task;
    // A connection is dear: it is left for those whom nobody serves, or who wait in a long line.
    const bool is_needed = lane->in_service + lane->coming == 0 || lane->parts.size() > kLongLine;
    if (may_stay) {
      serve(*lane);
    } else if (is_needed) {
      return task;
    }
  }
  return {};
}

Dispatcher::Yard::Part Dispatcher::Yard::take_part(Lane& lane) {
  Part part = std::move(lane.parts.front());
  lane.parts.pop_front();
  ready_.remove(&lane);
  if (!lane.parts.empty()) ready_.push_back(&lane);
  if (!lane.is_active()) active_ -= 1;
  return part;
}

void Dispatcher::Yard::release(Hand& hand) {
  if (!hand.destination) return;
  hand.destination->connections -= 1;
  hand.destination.reset();
  hand.carried = 0;
  if (!is_closing_) serve_all();
}

/// When a worker that waits should look again although nobody wakes it.
Monotonic Dispatcher::Yard::next_event(const Hand& hand) const {
  const auto now = clock_.monotonic();
  Monotonic next = now + (hand.destination ? kKept : milliseconds(60000));
  for (const Lane* lane : ready_) {
    if (lane->destination && lane->destination->rests_until > now) {
      next = std::min(next, lane->destination->rests_until);
    }
  }
  return next;
}

// ---- what was learned

void Dispatcher::Yard::learn(Lane& lane, const DeliveryReport& report) {
  const auto now = clock_.monotonic();
  if (is_stopped_ || report.recipients.empty() || !lane.destination) return;
  if (!is_about_destination(report)) {
    const bool is_refused = std::all_of(
        report.recipients.begin(), report.recipients.end(), [](const RecipientReport& one) {
          return one.end == End::deferred &&
                 (says_not_now(one.reason) || one.reply->interruption != smtp::Interruption::none);
        });
    if (is_refused) return learn_refusal(lane, report);
    lane.destination->refusals = 0;
    if (lane.destination->limit < options_.per_destination) {
      lane.destination->limit += 1;
      if (!lane.parts.empty()) serve(lane);
    }
    return;
  }
  const auto& one = report.recipients.front();
  const bool is_ours = one.reason == Reason::log_unavailable ||
                       one.reason == Reason::internal_error || one.reason == Reason::interrupted;
  if (is_ours) return;
  if (one.end == End::deferred && says_not_now(one.reason)) return learn_refusal(lane, report);
  const auto lasts = one.end == End::deferred ? options_.outage_lasts : options_.finding_lasts;
  lane.finding = Finding{report, now + lasts};
  lane.finding->report.recipients.resize(1);
}

/// The destination does not want more now: fewer connections, and a pause.
void Dispatcher::Yard::learn_refusal(Lane& lane, const DeliveryReport& report) {
  constexpr std::chrono::seconds kFirst{1};
  auto& destination = *lane.destination;
  const auto now = clock_.monotonic();
  destination.limit = std::max(1U, destination.limit / 2);
  destination.refusals += 1;
  if (destination.refusals < kPatience) {
    destination.rests_until = now + kFirst * (1U << (destination.refusals - 1));
    return;
  }
  destination.refusals = 0;
  if (!is_about_destination(report)) {
    destination.rests_until = now + options_.outage_lasts / 2;
    return;
  }
  lane.finding = Finding{report, now + options_.outage_lasts};
  lane.finding->report.recipients.resize(1);
}

// ---- workers

void Dispatcher::Yard::work(Worker& worker) {
  Hand& hand = worker.hand;
  std::unique_lock lock(mutex_);
  arrive(worker);
  for (;;) {
    const Task task = choose(hand);
    switch (task.duty) {
      case Duty::seek:
        seek(*task.lane, lock);
        break;
      case Duty::carry:
        carry(*task.lane, hand, lock);
        break;
      case Duty::repeat:
        repeat(*task.lane, lock);
        break;
      case Duty::interrupt:
        interrupt(*task.lane, lock);
        break;
      case Duty::none:
        if (is_closing_) return release(hand);
        wait(worker, lock);
        break;
    }
  }
}

/// Until somebody calls. A connection that nobody needed for a while is given up.
void Dispatcher::Yard::wait(Worker& worker, std::unique_lock<std::mutex>& lock) {
  Hand& hand = worker.hand;
  worker.is_called = false;
  idle_.push_back(&worker);
  const auto for_now = next_event(hand) - clock_.monotonic();
  worker.bell.wait_for(lock, std::max(for_now, Monotonic::duration(milliseconds(1))),
                       [&] { return worker.is_called; });
  std::erase(idle_, &worker);
  arrive(worker);
  if (worker.is_called || !hand.destination) return;
  release(hand);
  lock.unlock();
  hand.courier.reset();  // quits
  hand.notice_courier.reset();
  lock.lock();
}

void Dispatcher::Yard::seek(Lane& lane, std::unique_lock<std::mutex>& lock) {
  lane.is_sought = true;
  lock.unlock();
  auto facts = finder_.find(lane.domain, {});
  lock.lock();
  lane.is_sought = false;
  lane.found_at = clock_.monotonic();
  if (!facts) {
    lane.finding = Finding{deferred(1, Reason::internal_error, facts.error().what),
                           lane.found_at + std::chrono::seconds(1)};
  } else {
    auto& known = destinations_[hosts_of(*facts)];
    lane.destination = known.lock();
    if (!lane.destination) {
      lane.destination = std::make_shared<Destination>();
      lane.destination->limit = std::min(options_.at_first, options_.per_destination);
      known = lane.destination;
    }
    lane.facts = std::make_shared<const DestinationFacts>(std::move(*facts));
  }
  if (!lane.parts.empty()) serve(lane);
}

smtp::Envelope Dispatcher::Yard::envelope_of(const Part& part) {
  const auto& whole = part.transit->parcel->mailing.envelope;
  smtp::Envelope envelope = whole;
  envelope.recipients.clear();
  for (const auto i : part.which)
    envelope.recipients.push_back(whole.recipients[i]);
  return envelope;
}

void Dispatcher::Yard::carry(Lane& lane, Hand& hand, std::unique_lock<std::mutex>& lock) {
  lane.in_service += 1;
  const Part part = take_part(lane);
  auto& transit = *part.transit;
  if (!transit.deadline) transit.deadline.emplace(clock_, transit.parcel->deadline);
  if (hand.destination != lane.destination) {
    release(hand);
    hand.destination = lane.destination;
    hand.destination->connections += 1;
  }
  hand.carried += 1;
  if (!lane.parts.empty()) serve(lane);
  const auto facts = lane.facts;
  // A notice to a destination that was found to prove nothing a moment ago.
  std::optional<DeliveryReport> found;
  if (lane.finding) found = lane.finding->report;
  lock.unlock();

  const auto envelope = envelope_of(part);
  const auto started = clock_.monotonic();
  const bool is_late = started > transit.parcel->begins_by;
  auto report = is_late ? deferred(part.which.size(), Reason::interrupted, "its turn came too late")
                : found ? std::move(*found)
                        : deliver(part, envelope, facts, hand);
  if (transit.parcel->notice != nullptr && may_go_open(report)) {
    lock.lock();
    if (!found) learn(lane, report);
    lock.unlock();
    give_notice(part, envelope, report, hand);
  }
  const auto took = std::chrono::duration_cast<milliseconds>(clock_.monotonic() - started);
  lock.lock();
  learn(lane, report);
  lane.in_service -= 1;
  if (!lane.is_active()) active_ -= 1;
  if (!hand.is_connected()) release(hand);
  lock.unlock();
  settle(part, envelope, std::move(report), &hand, took);
  lock.lock();
}

DeliveryReport Dispatcher::Yard::deliver(const Part& part, const smtp::Envelope& envelope,
                                         const std::shared_ptr<const DestinationFacts>& facts,
                                         Hand& hand) {
  const Parcel& parcel = *part.transit->parcel;
  const bool is_recorded = !parcel.reported;
  if (is_recorded && hand.reserved[parcel.log].records() < part.which.size()) {
    auto more = parcel.log->reserve(std::max(part.which.size(), kReservedAtOnce));
    if (!more) return deferred(part.which.size(), Reason::log_unavailable, more.error().what);
    hand.reserved[parcel.log].add(std::move(*more));
  }
  const auto now = clock_.monotonic();
  if (hand.courier && (hand.minimum != parcel.minimum || now - hand.since >= kOldestSession)) {
    hand.courier.reset();
  }
  if (!hand.courier) {
    hand.courier.emplace(finder_, client_, parcel.minimum);
    hand.minimum = parcel.minimum;
    hand.since = now;
  }
  if (hand.notice_courier) hand.notice_courier->disconnect();
  WatchedContent content(parcel);
  return hand.courier->deliver(facts, envelope, content, *part.transit->deadline);
}

void Dispatcher::Yard::give_notice(const Part& part, const smtp::Envelope& envelope,
                                   DeliveryReport& report, Hand& hand) {
  if (hand.courier) hand.courier->disconnect();
  if (!hand.notice_courier) hand.notice_courier.emplace(*notices_, finder_.port());
  hand.notice_courier->deliver(envelope, *part.transit->parcel->notice, *part.transit->deadline,
                               report);
}

/// Another message for a domain of which all is known already.
void Dispatcher::Yard::repeat(Lane& lane, std::unique_lock<std::mutex>& lock) {
  const Part part = take_part(lane);
  DeliveryReport report = lane.finding->report;
  report.recipients.resize(part.which.size(), report.recipients.front());
  lock.unlock();
  settle(part, envelope_of(part), std::move(report), nullptr, milliseconds(0));
  lock.lock();
}

void Dispatcher::Yard::interrupt(Lane& lane, std::unique_lock<std::mutex>& lock) {
  const Part part = take_part(lane);
  lock.unlock();
  settle(part, envelope_of(part),
         deferred(part.which.size(), Reason::interrupted, "ended before this message's turn came"),
         nullptr, milliseconds(0));
  lock.lock();
}

// ---- ends

void Dispatcher::Yard::settle(const Part& part, const smtp::Envelope& envelope,
                              DeliveryReport report, Hand* hand, milliseconds took) {
  auto& transit = *part.transit;
  const Parcel& parcel = *transit.parcel;
  if (parcel.reported) {
    parcel.reported(std::move(report));
    return let_go(transit);
  }
  std::vector<audit::Recipient> recipients;
  for (const auto i : part.which)
    recipients.push_back(transit.recipients[i]);
  auto ends =
      end_part(parcel.mailing, envelope, parcel.id, recipients, report, parcel.on_insecure, clock_);
  for (auto& result : ends.results)
    result.took = took;
  Recorder::Entry entry{.log = parcel.log};
  if (!ends.records.empty()) {
    auto prepared = parcel.log->prepare(ends.records);
    if (!prepared) return close(part, std::move(ends.results), fail(std::move(prepared).error()));
    entry.prepared = std::move(*prepared);
    if (hand != nullptr) entry.reservation = hand->reserved[parcel.log].split(ends.records.size());
    if (parcel.ended) parcel.ended(entry.prepared);
  }
  entry.recorded = [this, part, results = std::move(ends.results)](Result<void> told) mutable {
    close(part, std::move(results), std::move(told));
  };
  recorder_.add(std::move(entry));
}

void Dispatcher::Yard::close(const Part& part, std::vector<RecipientResult> results,
                             Result<void> told) {
  auto& transit = *part.transit;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < part.which.size(); ++i)
      transit.results[part.which[i]] = std::move(results[i]);
    if (!told) transit.gaps.push_back(std::move(told).error());
    if (--transit.parts_left > 0) return;
  }
  transit.parcel->settled(std::move(transit.results), std::move(transit.gaps));
  let_go(transit);
}

void Dispatcher::Yard::let_go(Transit& transit) {
  transit.parcel.reset();
  const std::lock_guard lock(mutex_);
  under_way_ -= 1;
  // Whoever waits for room is woken once there is some, not for each parcel.
  const auto some = options_.waiting - options_.waiting / 4;
  if (under_way_ < some || options_.waiting <= 4) room_.notify_all();
}

Dispatcher::Dispatcher(const FactFinder& finder, const smtp::Client& client, Options options,
                       const smtp::NoticeClient* notices)
    : yard_(std::make_unique<Yard>(finder, client, options, notices)) {}
Dispatcher::~Dispatcher() = default;

void Dispatcher::add(std::shared_ptr<Parcel> parcel) {
  yard_->add(std::move(parcel));
}
void Dispatcher::finish() {
  yard_->finish();
}
void Dispatcher::stop() {
  yard_->stop();
}

}  // namespace sm::delivery
