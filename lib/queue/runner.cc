#include "queue/runner.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "audit/note.h"
#include "base/encoding.h"
#include "base/file.h"
#include "crypto/random.h"
#include "queue/carrier.h"
#include "queue/drop.h"
#include "queue/schedule.h"
#include "sealing/mark.h"

namespace sm::queue {
namespace {

constexpr std::size_t kMostUnderWay = 16;          // messages to one destination at a time
constexpr std::uint64_t kMostOctets = 16'000'000;  // of them, where there are several
constexpr unsigned kMostConnections = 32;
constexpr std::chrono::milliseconds kOften{100};
constexpr std::size_t kMostRounds = 100;
constexpr std::string_view kSweptNote = "queue.swept";

}  // namespace

/// One call of run().
class Runner::Work {
 public:
  explicit Work(Runner& runner)
      : runner_(runner),
        office_(runner.premises_.office()),
        layout_{office_.config->state},
        table_(*office_.index),
        name_(to_base64url(crypto::random_bytes<12>())) {}

  Result<RunReport> run() {
    if (auto rebased = table_.rebase(*office_.clock); !rebased) return fail(rebased.error());
    if (auto begun = begin(); !begun) return fail(std::move(begun).error());
    keep(take_over());
    keep(take_up());
    if (runner_.options_.is_flush) keep(table_.hurry_all());
    // Reports that were written on the way are due at once: so once more, until nothing is.
    for (std::size_t round = 0; round < kMostRounds && !must_end(); ++round) {
      auto domains = table_.due_domains(uptime_of(*office_.clock));
      if (!domains) return fail(std::move(domains).error());
      if (domains->empty()) break;
      carry_all(*domains);
    }
    keep(sweep());
    keep(sign());
    ::unlink(layout_.runner(name_).c_str());
    return std::move(report_);
  }

 private:
  Result<void> begin() {
    if (auto made = make_folders(layout_.spool()); !made) return made;
    auto lock = FileLock::try_acquire(layout_.runner(name_));
    if (!lock) return fail(std::move(lock).error());
    if (!*lock) return fail(Errc::bug, "two runners have one name");
    lock_.emplace(std::move(**lock));
    return {};
  }

  void keep(const Result<void>& result) {
    if (result) return;
    const std::lock_guard guard(mutex_);
    report_.failures.push_back(result.error());
  }
  void keep(Carrier& carrier) {
    const std::lock_guard guard(mutex_);
    report_.tally += carrier.tally();
    for (auto& gap : carrier.take_gaps())
      report_.failures.push_back(std::move(gap));
    for (auto& warning : carrier.take_warnings())
      report_.warnings.push_back(std::move(warning));
  }

  /// The rows of runners that died.
  Result<void> take_over() {
    auto holders = table_.lease_holders();
    if (!holders) return fail(std::move(holders).error());
    for (const auto& holder : *holders) {
      auto lock = FileLock::try_acquire(layout_.runner(holder));
      if (!lock) return fail(std::move(lock).error());
      if (!*lock) continue;  // it lives
      auto rows = table_.leased_to(holder);
      if (!rows) return fail(std::move(rows).error());
      Carrier carrier(office_, runner_.equipment_, dispatcher());
      for (const auto& row : *rows) {
        if (auto settled = carrier.recover(row); !settled) return settled;
      }
      keep(carrier);
      ::unlink(layout_.runner(holder).c_str());
    }
    return {};
  }

  Result<void> take_up() {
    auto taken = take_up_drop(office_);
    if (!taken) return fail(std::move(taken).error());
    report_.taken_up = taken->messages;
    report_.quarantined = taken->quarantined;
    for (auto& warning : taken->warnings)
      report_.warnings.push_back(std::move(warning));
    return {};
  }

  /// Made with the first message that is due: a run that finds none costs nothing.
  delivery::Dispatcher& dispatcher() {
    if (dispatcher_) return *dispatcher_;
    const auto& equipment = runner_.equipment_;
    dispatcher_.emplace(equipment.finder(), equipment.client(),
                        delivery::Dispatcher::Options{
                            .connections = std::max(kMostConnections, runner_.options_.parallel)});
    if (runner_.options_.is_stopped) {
      watcher_ = std::jthread([this](const std::stop_token& token) {
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock(mutex);
        while (!token.stop_requested() && !is_stopped())
          never.wait_for(lock, token, kOften, [] { return false; });
        if (is_stopped()) dispatcher_->stop();
      });
    }
    return *dispatcher_;
  }

  [[nodiscard]] bool is_stopped() const {
    return runner_.options_.is_stopped && runner_.options_.is_stopped();
  }

  void carry_all(const std::vector<std::string>& domains) {
    auto& shared = dispatcher();
    std::atomic<std::size_t> next{0};
    const auto serve = [&] {
      auto desk = runner_.premises_.another_office();
      if (!desk) return keep(fail(std::move(desk).error()));
      for (auto i = next++; i < domains.size() && !must_end(); i = next++) {
        Carrier carrier((*desk)->office, runner_.equipment_, shared);
        keep(Service((*desk)->office, carrier, domains[i], *this).run());
        keep(carrier);
      }
    };
    std::vector<std::jthread> threads;
    const auto count = std::min<std::size_t>(runner_.options_.parallel, domains.size());
    for (std::size_t i = 0; i < count; ++i)
      threads.emplace_back(serve);
  }

  bool must_end() {
    if (is_stopped()) return true;
    const std::lock_guard guard(mutex_);
    return !report_.failures.empty();
  }

  /// One destination: the first message alone, since it shows whether there is anybody; then more
  /// and more side by side, as long as it goes well.
  class Service {
   public:
    Service(sealing::Office& office, Carrier& carrier, const std::string& domain, Work& work)
        : office_(office), carrier_(carrier), domain_(domain), work_(work), table_(*office.index) {}

    Result<void> run() {
      auto done = serve();
      // Rows that were not touched. Those that were stay with us until somebody takes over.
      for (const auto& row : leased_) {
        auto back = table_.give_back(row);
        if (!back && done) done = back;
      }
      return done;
    }

   private:
    Result<void> serve() {
      std::size_t most = 1;
      for (;;) {
        if (auto begun = begin(most); !begun) return begun;
        if (carrier_.under_way() == 0) return {};
        auto next = carrier_.settle_one();
        if (!next) return fail(std::move(next).error());
        is_away_ = is_away_ || *next == Carrier::Next::stop;
        most = std::min(2 * most, kMostUnderWay);
      }
    }

    Result<void> begin(std::size_t most) {
      while (carrier_.under_way() < most && !is_away_ && !work_.must_end()) {
        if (leased_.empty()) {
          if (auto taken = take(most == 1 ? 1 : kMostUnderWay); !taken) return taken;
          if (leased_.empty()) return {};
        }
        const bool has_room = carrier_.under_way() == 0 ||
                              carrier_.octets_under_way() + leased_.front().size <= kMostOctets;
        if (!has_room) return {};
        auto row = std::move(leased_.front());
        leased_.pop_front();
        if (auto begun = carrier_.begin(std::move(row)); !begun) return begun;
      }
      return {};
    }

    Result<void> take(std::size_t most) {
      const auto mark = sealing::Mark::now(*office_.clock).text();
      auto rows = table_.take(domain_, uptime_of(*office_.clock), work_.name_, mark, most);
      if (!rows) return fail(std::move(rows).error());
      std::move(rows->begin(), rows->end(), std::back_inserter(leased_));
      return {};
    }

    sealing::Office& office_;
    Carrier& carrier_;
    const std::string& domain_;
    Work& work_;
    store::QueueTable table_;
    std::deque<store::Queued> leased_;  ///< not begun yet
    bool is_away_ = false;
  };

  /// Once a day: parcels that a crash left without a row, and what has lain in the quarantine.
  Result<void> sweep() {
    auto note = table_.note(kSweptNote);
    if (!note) return fail(std::move(note).error());
    const auto last = sealing::Mark::parse(*note);
    if (last && sealing::elapsed_since(*last, *office_.clock) < std::chrono::days(1)) return {};
    auto swept = sweep_orphans(office_);
    if (!swept) return fail(std::move(swept).error());
    auto emptied = sweep_quarantine(office_);
    if (!emptied) return fail(std::move(emptied).error());
    return table_.set_note(kSweptNote, sealing::Mark::now(*office_.clock).text());
  }

  /// The end of a batch has a checkpoint.
  Result<void> sign() {
    const auto& tally = report_.tally;
    const bool is_idle = report_.taken_up + tally.delivered + tally.sealed + tally.deferred +
                             tally.uncertain + tally.failed ==
                         0;
    if (is_idle) return {};
    for (const auto& organisation : office_.config->organisations) {
      auto log = office_.logs->of(organisation.id);
      if (!log) return fail(std::move(log).error());
      if (auto signed_ = (*log)->sign_checkpoint(); !signed_) {
        return fail(std::move(signed_).error());
      }
    }
    return {};
  }

  Runner& runner_;
  sealing::Office& office_;
  Layout layout_;
  store::QueueTable table_;
  std::string name_;
  std::optional<FileLock> lock_;
  std::optional<delivery::Dispatcher> dispatcher_;
  std::jthread watcher_;
  std::mutex mutex_;
  RunReport report_;
};

Result<RunReport> Runner::run() {
  return Work(*this).run();
}

}  // namespace sm::queue
