#pragma once
// One message of the queue for one destination, in a runner's hands: from its row to its row's end.
//
//   set_out()   opened, signed, space kept in the log; what is to be delivered comes out of it
//   ended()     the dispatcher's results, which are in the log: what has no safe way is sealed
//   settle()    instead of both, where the runner died: what the log has, and what the mark says
//
// Both ends come to the same finish: what is not yet recorded is, the sender is told where it ended
// badly, and then the index changes, in one transaction with that word.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/event.h"
#include "audit/log.h"
#include "base/result.h"
#include "delivery/dispatch.h"
#include "delivery/equipment.h"
#include "delivery/result.h"
#include "queue/layout.h"
#include "queue/notice.h"
#include "queue/outgoing.h"
#include "sealing/office.h"
#include "store/queue_table.h"

namespace sm::queue {

/// What became of recipients, counted.
struct Tally {
  std::uint64_t delivered = 0;
  std::uint64_t sealed = 0;
  std::uint64_t deferred = 0;
  std::uint64_t uncertain = 0;
  std::uint64_t failed = 0;    ///< by the destination, refused by policy, or out of time
  std::uint64_t returned = 0;  ///< senders were told
  Tally& operator+=(const Tally& other);
};

class Errand {
 public:
  /// `office` and `equipment` must outlive it.
  Errand(sealing::Office& office, const delivery::Equipment& equipment, store::Queued row);

  /// What the dispatcher is to carry; `settled` is the caller's to fill in, and the errand must
  /// outlive it. Null: there is nothing to deliver, and ended({}, {}) is next. An Error: our own
  /// side failed, nothing was sent.
  Result<std::shared_ptr<delivery::Parcel>> set_out();
  /// What an errand comes to.
  struct End {
    Tally tally{};
    bool is_away = false;           ///< the destination is held: nothing more is tried there now
    std::vector<Error> gaps{};      ///< ends that the log does not have
    std::vector<Error> warnings{};  ///< all was done all the same
  };
  /// An Error: log, index or disk. The row stays leased, and whoever takes over finds what was
  /// done.
  Result<End> ended(std::vector<delivery::RecipientResult> results, std::vector<Error> gaps);
  /// `ends`: what the log has.
  Result<End> settle(const std::map<std::string, audit::Event>& ends, bool may_have_been_sent);

  [[nodiscard]] const store::Queued& row() const { return row_; }

 private:
  [[nodiscard]] Standing standing() const;
  void give_all(delivery::Status status, delivery::Reason reason, const std::string& detail,
                const std::string& enhanced);
  void unopened(const Error& error);
  Result<std::shared_ptr<delivery::Parcel>> pack();
  void seal();
  Result<bool> was_sealed(const delivery::RecipientResult& result);
  Result<End> finish();
  void put_off(Error error);
  [[nodiscard]] std::vector<audit::Record> missing_endings() const;
  Result<std::uint64_t> append(const std::vector<audit::Record>& records);
  Result<void> change_index(std::optional<WaitingReport>& failure,
                            std::optional<WaitingReport>& delay, std::uint64_t seq);
  Result<void> postpone();
  Result<void> hold_or_free();
  void count();

  sealing::Office& office_;
  const delivery::Equipment& equipment_;
  const Clock& clock_;
  Layout layout_;
  store::QueueTable table_;
  store::Queued row_;
  config::Organisation organisation_;
  audit::MessageId id_;
  std::optional<Outgoing> message_;
  std::vector<delivery::RecipientResult> results_;
  std::vector<bool> is_recorded_;  ///< the end of each stands in the log, or is none
  audit::Reservation reservation_;
  bool is_over_ = false;      ///< its lifetime, judged once: all that follows must agree on it
  bool has_asked_ = false;    ///< the destination's servers
  bool is_told_ = false;      ///< `returned` is in the log already
  bool is_recovery_ = false;  ///< nothing was tried now
  bool is_put_off_ = false;   ///< its sender could not be told: the end waits
  End end_;
};

}  // namespace sm::queue
