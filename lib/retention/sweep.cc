#include "retention/sweep.h"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_set>

#include <sys/stat.h>

#include "audit/note.h"
#include "base/file.h"
#include "retention/closing.h"
#include "retention/replay.h"
#include "sealing/access.h"
#include "sealing/ending.h"
#include "sealing/errand.h"
#include "sealing/mark.h"
#include "sealing/number.h"
#include "store/batch_table.h"
#include "store/contact_table.h"
#include "store/sealed_table.h"
#include "store/session_table.h"

namespace sm::retention {
namespace {

using namespace std::chrono_literals;
using sealing::Ending;
using sealing::Mark;

constexpr std::size_t kBatch = 500;  // messages told to the log by one append
constexpr std::size_t kMostErrands = 1000;
constexpr std::chrono::days kImplausible{180};
constexpr std::chrono::hours kOrphanAge{1};
constexpr std::chrono::hours kDraftAge{24};
constexpr std::string_view kLastNote = "sweep/last";
constexpr std::string_view kForgottenNote = "sweep/batch-keys";

class Sweep {
 public:
  Sweep(sealing::Office& office, const delivery::Equipment* equipment, const SweepOptions& options)
      : office_(office), equipment_(equipment), options_(options) {}

  Result<SweepReport> run() {
    for (const auto& org : organisations())
      note(repeat(org));
    note(finish());
    if (auto checked = check_clock(); !checked) {
      note(std::move(checked));
    } else {
      note(work_by_the_clock());
    }
    for (const auto& org : organisations())
      note(sign(org));
    note(sealing::forget_journal(office_));
    return std::move(report_);
  }

 private:
  void note(Result<void> step) {
    if (!step) report_.failures.push_back(std::move(step).error());
  }

  [[nodiscard]] std::set<std::string> organisations() const {
    std::set<std::string> ids;
    for (const auto& organisation : office_.config->organisations)
      ids.insert(organisation.id);
    if (ids.empty()) ids.insert(std::string(config::kDefaultOrganisation));
    return ids;
  }

  /// What the time of day has a say in: expiry, the age of what nobody names, and of errands, which
  /// are given up when they are old.
  Result<void> work_by_the_clock() {
    note(end_retrieved());
    note(expire());
    note(remove_orphans());
    note(drop_old_sessions());
    note(tell_of_unread());
    note(use_numbers());
    note(run_errands());
    note(forget_batch_keys());
    for (const auto& org : organisations())
      note(close(org));
    return remember();
  }

  /// A clock that went back leaves the mark as it is: when it is set right again, that is no jump.
  Result<void> remember() {
    store::NoteTable notes(*office_.index);
    auto last = notes.find(std::string(kLastNote));
    if (!last) return fail(std::move(last).error());
    const auto mark = Mark::parse(*last);
    if (mark && mark->wall > office_.clock->now()) return {};
    return notes.put(std::string(kLastNote), Mark::now(*office_.clock).text());
  }

  /// Nothing is destroyed because a clock was set wrong by years. Neither the kernel's word that
  /// the clock is kept in step counts (time servers lie, too) nor its count of seconds (a machine
  /// may have been off): what was seen last, by a sweep or by whoever sealed, was less than half a
  /// year ago, or somebody says so.
  Result<void> check_clock() {
    if (options_.believes_clock) return {};
    auto last = store::NoteTable(*office_.index).find(std::string(kLastNote));
    if (!last) return fail(std::move(last).error());
    auto newest = store::SealedTable(*office_.index).newest();
    if (!newest) return fail(std::move(newest).error());
    const auto mark = Mark::parse(*last);
    auto seen = *newest;
    if (mark && (!seen || mark->wall > *seen)) seen = mark->wall;
    if (!seen || office_.clock->now() - *seen < kImplausible) return {};
    return fail(Errc::temporary,
                "the clock is more than half a year ahead of the last sweep and of the newest "
                "message: nothing was destroyed",
                "set the clock, or say --accept-clock where it is right");
  }

  Result<void> repeat(const std::string& org) {
    auto repeated = replay(office_, org);
    if (!repeated) return fail(std::move(repeated).error(), "reading the log of " + org);
    report_.repeated += *repeated;
    return {};
  }

  /// Ends that were interrupted between their steps.
  Result<void> finish() {
    store::SealedTable table(*office_.index);
    auto messages = table.unfinished();
    if (!messages) return fail(std::move(messages).error());
    if (auto done = sealing::finish_messages(office_, *messages); !done) return done;
    report_.finished += messages->size();
    auto recipients = table.unfinished_recipients();
    if (!recipients) return fail(std::move(recipients).error());
    for (const auto& link : *recipients) {
      if (auto done = sealing::finish_recipient(office_, link); !done) return done;
      ++report_.finished;
    }
    return {};
  }

  Result<void> end_retrieved() {
    auto links = store::SealedTable(*office_.index).retrieved();
    if (!links) return fail(std::move(links).error());
    for (const auto& link : *links) {
      const auto mark = Mark::parse(link.recipient.retrieved);
      const bool is_over =
          !mark || sealing::elapsed_since(*mark, *office_.clock) >= sealing::kRetrievalGrace;
      if (!is_over) continue;
      auto ended = sealing::end_recipient(office_, link, Ending::retrieved, "retrieved");
      if (!ended) return ended;
      ++report_.retrieved;
    }
    return {};
  }

  /// By the hundred: told, marked, destroyed, forgotten.
  Result<void> expire() {
    store::SealedTable table(*office_.index);
    for (;;) {
      auto expired = table.expired_by(office_.clock->now(), kBatch);
      if (!expired) return fail(std::move(expired).error());
      if (expired->empty()) return {};
      if (auto told = tell(*expired); !told) return told;
      auto marked = office_.index->transaction([&] {
        std::vector<std::string> ids;
        for (const auto& message : *expired)
          ids.push_back(message.id);
        return table.mark_expired(ids);
      });
      if (!marked) return marked;
      if (auto done = sealing::finish_messages(office_, *expired); !done) return done;
      report_.expired += expired->size();
    }
  }

  Result<void> tell(const std::vector<store::SealedMessage>& expired) {
    std::map<std::string, std::vector<audit::Record>> records;
    for (const auto& message : expired) {
      const auto id = audit::MessageId::parse(message.id);
      if (!id) return fail(Errc::bug, "a sealed message has no audit id");
      auto& record = records[message.org].emplace_back(audit::Event::expired, *id);
      record.outcome(audit::Outcome::success).disclose("envelope", message.envelope);
    }
    for (const auto& [org, of_org] : records) {
      if (auto told = office_.logs->append(org, of_org); !told) return told;
    }
    return {};
  }

  /// Envelopes that no message names: a seal or an end that was interrupted, or a folder that came
  /// back from a backup. Young ones may be about to be named.
  Result<void> remove_orphans() {
    auto known = store::SealedTable(*office_.index).known_envelopes();
    if (!known) return fail(std::move(known).error());
    auto envelopes = office_.envelopes();
    auto all = envelopes.list();
    if (!all) return fail(std::move(all).error());
    const std::unordered_set<std::string> named(known->begin(), known->end());
    for (const auto& id : *all) {
      if (named.contains(id.text())) continue;
      struct stat status {};
      if (::stat(envelopes.folder(id).c_str(), &status) != 0) continue;
      const auto age = office_.clock->now() - WallTime(std::chrono::seconds(status.st_mtime));
      if (age < (envelopes.is_published(id) ? kOrphanAge : kDraftAge)) continue;
      if (auto gone = envelopes.destroy(id); !gone) return fail(std::move(gone).error());
      ++report_.orphans;
    }
    return {};
  }

  Result<void> drop_old_sessions() {
    store::SessionTable sessions(*office_.index);
    auto ids = sessions.session_ids();
    if (!ids) return fail(std::move(ids).error());
    for (const auto& id : *ids) {
      auto session = sessions.find_session(id);
      if (!session) return fail(std::move(session).error());
      if (!*session) continue;
      const auto made = Mark::parse((*session)->made);
      const auto used = Mark::parse((*session)->used);
      const bool is_alive = made && used &&
                            sealing::elapsed_since(*made, *office_.clock) < sealing::kSessionLife &&
                            sealing::elapsed_since(*used, *office_.clock) < sealing::kSessionIdle;
      if (is_alive) continue;
      if (auto dropped = sessions.drop_session(id); !dropped) return dropped;
    }
    return {};
  }

  /// Near its expiry and not opened: the sender hears of it, once, where senders see `opened`.
  Result<void> tell_of_unread() {
    std::chrono::days longest{0};
    for (const auto& org : organisations())
      longest = std::max(longest, office_.organisation(org).sealing.unread_notice);
    const auto now = office_.clock->now();
    store::SealedTable table(*office_.index);
    auto links = table.unread_between(now, now + longest);
    if (!links) return fail(std::move(links).error());
    for (const auto& link : *links) {
      const auto organisation = office_.organisation(link.message.org);
      // A message for a day is not told of two days before its end.
      const auto notice = std::min<std::chrono::microseconds>(
          organisation.sealing.unread_notice, (link.message.expires - link.message.created) / 4);
      if (!organisation.sealing.shows_opened || link.message.expires - now > notice ||
          link.recipient.progress == store::Progress::sent) {
        continue;  // sent: the notification is still on its way, and has an end of its own
      }
      auto done = office_.index->transaction([&]() -> Result<void> {
        auto added = sealing::add_errand(office_, {.kind = sealing::Errand::unread_notice,
                                                   .organisation = &organisation,
                                                   .message = link.message.id,
                                                   .recipient = link.recipient.id});
        if (!added) return added;
        return table.set_unread_told(link.message.id, link.recipient.id);
      });
      if (!done) return done;
    }
    return {};
  }

  Result<void> use_numbers() {
    auto used = sealing::use_known_numbers(office_);
    if (!used) return fail(std::move(used).error());
    return {};
  }

  Result<void> run_errands() {
    if (equipment_ == nullptr) return {};
    auto ends = sealing::Postman(office_, *equipment_).run(kMostErrands, options_.deadline);
    if (!ends) return fail(std::move(ends).error());
    report_.errands = std::move(*ends);
    return {};
  }

  /// Once a day is often enough: what is looked through may be long.
  Result<void> forget_batch_keys() {
    constexpr std::chrono::hours kOften{24};
    constexpr std::size_t kTogether = 5000;
    store::NoteTable notes(*office_.index);
    auto last = notes.find(std::string(kForgottenNote));
    if (!last) return fail(std::move(last).error());
    const auto mark = Mark::parse(*last);
    if (mark && sealing::elapsed_since(*mark, *office_.clock) < kOften) return {};
    const auto before = office_.clock->now() - office_.config->batch.keep_keys;
    for (auto gone = kTogether; gone == kTogether; report_.keys += gone) {
      auto forgotten = store::BatchTable(*office_.index).forget(before, kTogether);
      if (!forgotten) return fail(std::move(forgotten).error());
      gone = *forgotten;
    }
    return notes.put(std::string(kForgottenNote), Mark::now(*office_.clock).text());
  }

  Result<void> close(const std::string& org) {
    auto closed = close_lifecycles(office_, org);
    if (!closed) return fail(std::move(closed).error(), "reading the log of " + org);
    report_.closed += *closed;
    return {};
  }

  Result<void> sign(const std::string& org) {
    struct stat status {};
    const auto folder = audit::log_folder(office_.config->state, org);
    if (::stat(folder.c_str(), &status) != 0) return {};
    auto log = office_.logs->of(org);
    if (!log) return fail(std::move(log).error());
    auto checkpoint = (*log)->sign_checkpoint();
    if (!checkpoint) return fail(std::move(checkpoint).error());
    return {};
  }

  sealing::Office& office_;
  const delivery::Equipment* equipment_;
  const SweepOptions& options_;
  SweepReport report_;
};

}  // namespace

Result<SweepReport> sweep(sealing::Office& office, const delivery::Equipment* equipment,
                          const SweepOptions& options) {
  auto lock = FileLock::try_acquire(office.config->state + "/sweep.lock");
  if (!lock) return fail(std::move(lock).error());
  if (!*lock) {
    return fail(Errc::temporary, "another sweep is running");
  }
  return Sweep(office, equipment, options).run();
}

}  // namespace sm::retention
