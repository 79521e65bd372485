#include "queue/runner.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "audit/note.h"
#include "base/encoding.h"
#include "base/file.h"
#include "crypto/random.h"
#include "queue/drop.h"
#include "queue/schedule.h"
#include "sealing/mark.h"

namespace sm::queue {
namespace {

constexpr std::size_t kAtATime = 10;  // rows that a carrier leases for one destination
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
    for (std::size_t round = 0; round < kMostRounds && report_.failures.empty(); ++round) {
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
      Carrier carrier(office_, runner_.equipment_);
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

  void carry_all(const std::vector<std::string>& domains) {
    std::atomic<std::size_t> next{0};
    const auto serve = [&] {
      auto desk = runner_.premises_.another_office();
      if (!desk) return keep(fail(std::move(desk).error()));
      for (auto i = next++; i < domains.size() && !has_failed(); i = next++)
        serve_domain((*desk)->office, domains[i]);
    };
    std::vector<std::jthread> threads;
    const auto count = std::min<std::size_t>(runner_.options_.parallel, domains.size());
    for (std::size_t i = 0; i < count; ++i)
      threads.emplace_back(serve);
  }

  bool has_failed() {
    const std::lock_guard guard(mutex_);
    return !report_.failures.empty();
  }

  void serve_domain(sealing::Office& office, const std::string& domain) {
    Carrier carrier(office, runner_.equipment_);
    keep(serve_domain(office, carrier, domain));
    keep(carrier);
  }

  Result<void> serve_domain(sealing::Office& office, Carrier& carrier, const std::string& domain) {
    store::QueueTable table(*office.index);
    for (;;) {
      const auto mark = sealing::Mark::now(*office.clock).text();
      auto rows = table.take(domain, uptime_of(*office.clock), name_, mark, kAtATime);
      if (!rows) return fail(std::move(rows).error());
      if (rows->empty()) return {};
      for (std::size_t i = 0; i < rows->size(); ++i) {
        auto next = carrier.carry((*rows)[i]);
        if (!next) return give_back(table, *rows, i + 1, std::move(next).error());
        if (*next == Carrier::Next::stop) {
          return give_back(table, *rows, i + 1, std::nullopt);
        }
      }
    }
  }

  /// Rows that were not touched. Those that were stay with us until somebody takes over.
  static Result<void> give_back(store::QueueTable& table, const std::vector<store::Queued>& rows,
                                std::size_t from, std::optional<Error> error) {
    for (std::size_t i = from; i < rows.size(); ++i) {
      auto back = table.give_back(rows[i]);
      if (!back && !error) error = std::move(back).error();
    }
    if (error) return fail(std::move(*error));
    return {};
  }

  /// Once a day: parcels that a crash left without a row.
  Result<void> sweep() {
    auto note = table_.note(kSweptNote);
    if (!note) return fail(std::move(note).error());
    const auto last = sealing::Mark::parse(*note);
    if (last && sealing::elapsed_since(*last, *office_.clock) < std::chrono::days(1)) return {};
    auto swept = sweep_orphans(office_);
    if (!swept) return fail(std::move(swept).error());
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
  std::mutex mutex_;
  RunReport report_;
};

Result<RunReport> Runner::run() {
  return Work(*this).run();
}

}  // namespace sm::queue
