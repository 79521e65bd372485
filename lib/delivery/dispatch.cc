#include "delivery/dispatch.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <thread>

namespace sm::delivery {
namespace {

using std::chrono::milliseconds;

/// After so many messages a worker looks whether others wait for one.
constexpr unsigned kFairShare = 100;
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
  Yard(const FactFinder& finder, const smtp::Client& client, Options options)
      : finder_(finder), client_(client), options_(options), clock_(finder.clock()) {}
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
  };
  /// What a worker has: a connection, and space in logs.
  struct Hand {
    std::shared_ptr<Destination> destination{};
    std::optional<Courier> courier{};
    Minimum minimum = Minimum::trusted;
    Monotonic since{};
    unsigned carried = 0;
    std::map<audit::Log*, audit::Reservation> reserved{};
  };
  enum class Duty { none, seek, carry, repeat, interrupt };
  struct Task {
    Duty duty = Duty::none;
    Lane* lane = nullptr;
  };

  // Under the mutex.
  Lane& lane_of(const name::Domain& domain);
  void prune();
  Task choose(Hand& hand);
  [[nodiscard]] Task task_for(Lane& lane, const Hand& hand) const;
  [[nodiscard]] bool may_connect(const Destination& destination) const;
  [[nodiscard]] bool is_stale(const Lane& lane) const;
  Part take_part(Lane& lane);
  void release(Hand& hand);
  void learn(Lane& lane, const DeliveryReport& report);
  void learn_refusal(Lane& lane, const DeliveryReport& report);
  [[nodiscard]] Monotonic next_event(const Hand& hand) const;

  // On a worker's thread; these give the mutex back while they wait for the world.
  void work();
  void seek(Lane& lane, std::unique_lock<std::mutex>& lock);
  void carry(Lane& lane, Hand& hand, std::unique_lock<std::mutex>& lock);
  void repeat(Lane& lane, std::unique_lock<std::mutex>& lock);
  void interrupt(Lane& lane, std::unique_lock<std::mutex>& lock);
  DeliveryReport deliver(const Part& part, const smtp::Envelope& envelope,
                         const std::shared_ptr<const DestinationFacts>& facts, Hand& hand);
  void settle(const Part& part, const smtp::Envelope& envelope, const DeliveryReport& report,
              audit::Reservation* reservation, milliseconds took,
              std::unique_lock<std::mutex>& lock);
  static smtp::Envelope envelope_of(const Part& part);
  static Result<void> append(audit::Log& log, const std::vector<audit::Record>& records,
                             audit::Reservation* reservation);

  const FactFinder& finder_;
  const smtp::Client& client_;
  const Options options_;
  CutOffClock clock_;

  std::mutex mutex_;
  std::condition_variable work_;  ///< there may be something to do
  std::condition_variable room_;  ///< a parcel was settled
  std::map<name::Domain, Lane> lanes_;
  std::list<Lane*> ready_;  ///< those with parts, longest waiting first
  std::map<std::string, std::weak_ptr<Destination>> destinations_;
  std::size_t under_way_ = 0;
  unsigned idle_ = 0;
  bool is_closing_ = false;
  bool is_stopped_ = false;
  std::vector<std::jthread> workers_;
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
    if (lane.parts.empty()) ready_.push_back(&lane);
    lane.parts.push_back({transit, std::move(which)});
    if (idle_ == 0 && workers_.size() < options_.connections) {
      workers_.emplace_back([this] { work(); });
    }
    work_.notify_one();
  }
}

void Dispatcher::Yard::finish() {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return under_way_ == 0; });
  is_closing_ = true;
  work_.notify_all();
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
  work_.notify_all();
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
    return lane.parts.empty() && !lane.is_sought && lane.in_service == 0;
  });
  std::erase_if(destinations_, [](const auto& entry) { return entry.second.expired(); });
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
  if (lane.finding) {
    if (clock_.monotonic() < lane.finding->until) return {Duty::repeat, &lane};
    lane.finding.reset();
  }
  if (lane.is_sought) return {};
  if (is_stale(lane)) return {Duty::seek, &lane};
  const bool is_at_hand = hand.destination == lane.destination;
  if (is_at_hand || may_connect(*lane.destination)) return {Duty::carry, &lane};
  return {};
}

/// What is next for this worker: first more for where it is connected to, then whatever waits
/// longest.
Dispatcher::Yard::Task Dispatcher::Yard::choose(Hand& hand) {
  const bool is_tired = hand.carried >= kFairShare;
  if (hand.destination && !is_tired) {
    for (Lane* lane : ready_) {
      if (lane->destination != hand.destination) continue;
      if (const Task task = task_for(*lane, hand); task.duty != Duty::none) return task;
    }
  }
  for (Lane* lane : ready_) {
    if (const Task task = task_for(*lane, hand); task.duty != Duty::none) return task;
  }
  return {};
}

Dispatcher::Yard::Part Dispatcher::Yard::take_part(Lane& lane) {
  Part part = std::move(lane.parts.front());
  lane.parts.pop_front();
  ready_.remove(&lane);
  if (!lane.parts.empty()) ready_.push_back(&lane);
  return part;
}

void Dispatcher::Yard::release(Hand& hand) {
  if (!hand.destination) return;
  hand.destination->connections -= 1;
  hand.destination.reset();
  hand.carried = 0;
  work_.notify_one();
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
      work_.notify_one();
    }
    return;
  }
  const auto& one = report.recipients.front();
  if (one.reason == Reason::log_unavailable || one.reason == Reason::internal_error) return;
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

void Dispatcher::Yard::work() {
  Hand hand;
  std::unique_lock lock(mutex_);
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
      case Duty::none: {
        if (is_closing_) return release(hand);
        ++idle_;
        const auto until = next_event(hand);
        const auto for_now = until - clock_.monotonic();
        const auto woken = work_.wait_for(lock, std::max(for_now, Monotonic::duration(1000000)));
        --idle_;
        if (woken != std::cv_status::timeout || !hand.destination) break;
        release(hand);
        lock.unlock();
        hand.courier.reset();  // quits
        lock.lock();
        break;
      }
    }
  }
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
  work_.notify_all();
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
  const Part part = take_part(lane);
  auto& transit = *part.transit;
  if (!transit.deadline) transit.deadline.emplace(clock_, transit.parcel->deadline);
  if (hand.destination != lane.destination) {
    release(hand);
    hand.destination = lane.destination;
    hand.destination->connections += 1;
  }
  hand.carried += 1;
  lane.in_service += 1;
  const auto facts = lane.facts;
  lock.unlock();

  const auto envelope = envelope_of(part);
  const auto started = clock_.monotonic();
  const auto report = deliver(part, envelope, facts, hand);
  const auto took = std::chrono::duration_cast<milliseconds>(clock_.monotonic() - started);
  lock.lock();
  learn(lane, report);
  lane.in_service -= 1;
  if (!hand.courier || !hand.courier->is_connected()) release(hand);
  settle(part, envelope, report, &hand.reserved[transit.parcel->log], took, lock);
}

DeliveryReport Dispatcher::Yard::deliver(const Part& part, const smtp::Envelope& envelope,
                                         const std::shared_ptr<const DestinationFacts>& facts,
                                         Hand& hand) {
  const Parcel& parcel = *part.transit->parcel;
  auto& reserved = hand.reserved[parcel.log];
  if (reserved.records() < part.which.size()) {
    auto more = parcel.log->reserve(std::max(part.which.size(), kReservedAtOnce));
    if (!more) return deferred(part.which.size(), Reason::log_unavailable, more.error().what);
    reserved = std::move(*more);
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
  WatchedContent content(parcel);
  return hand.courier->deliver(facts, envelope, content, *part.transit->deadline);
}

/// Another message for a domain of which all is known already.
void Dispatcher::Yard::repeat(Lane& lane, std::unique_lock<std::mutex>& lock) {
  const Part part = take_part(lane);
  DeliveryReport report = lane.finding->report;
  report.recipients.resize(part.which.size(), report.recipients.front());
  settle(part, envelope_of(part), report, nullptr, milliseconds(0), lock);
}

void Dispatcher::Yard::interrupt(Lane& lane, std::unique_lock<std::mutex>& lock) {
  const Part part = take_part(lane);
  const auto report =
      deferred(part.which.size(), Reason::interrupted, "ended before this message's turn came");
  settle(part, envelope_of(part), report, nullptr, milliseconds(0), lock);
}

Result<void> Dispatcher::Yard::append(audit::Log& log, const std::vector<audit::Record>& records,
                                      audit::Reservation* reservation) {
  audit::Reservation none;
  auto& from = reservation != nullptr ? *reservation : none;
  auto appended = log.append(records, from);
  // As in single sends: once more, then the gap is told.
  if (!appended) appended = log.append(records, from);
  if (!appended) return fail(std::move(appended).error());
  return {};
}

void Dispatcher::Yard::settle(const Part& part, const smtp::Envelope& envelope,
                              const DeliveryReport& report, audit::Reservation* reservation,
                              milliseconds took, std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  auto& transit = *part.transit;
  const Parcel& parcel = *transit.parcel;
  std::vector<audit::Recipient> recipients;
  for (const auto i : part.which)
    recipients.push_back(transit.recipients[i]);
  auto ends =
      end_part(parcel.mailing, envelope, parcel.id, recipients, report, parcel.on_insecure, clock_);
  Result<void> told;
  if (!ends.records.empty()) told = append(*parcel.log, ends.records, reservation);

  lock.lock();
  for (std::size_t i = 0; i < part.which.size(); ++i) {
    ends.results[i].took = took;
    transit.results[part.which[i]] = std::move(ends.results[i]);
  }
  if (!told) transit.gaps.push_back(std::move(told).error());
  if (--transit.parts_left > 0) return;
  lock.unlock();
  transit.parcel->settled(std::move(transit.results), std::move(transit.gaps));
  transit.parcel.reset();
  lock.lock();
  under_way_ -= 1;
  room_.notify_all();
}

Dispatcher::Dispatcher(const FactFinder& finder, const smtp::Client& client, Options options)
    : yard_(std::make_unique<Yard>(finder, client, options)) {}
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
