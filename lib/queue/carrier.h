#pragma once
// A carrier takes the messages of one destination to the dispatcher (delivery/dispatch.h), which
// brings them there over a few connections, each used for message after message, and settles each
// (queue/errand.h) when its end is known. It serves one thread; several carriers share a
// dispatcher.
//
// A crash at any moment leaves either nothing done, or an end in the log that the next runner finds
// (queue/history.h), or, between the end mark and the server's reply, a file that makes it
// `uncertain`.

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "delivery/dispatch.h"
#include "delivery/equipment.h"
#include "queue/errand.h"
#include "sealing/office.h"
#include "store/queue_table.h"

namespace sm::queue {

class Carrier {
 public:
  /// All must outlive it.
  Carrier(sealing::Office& office, const delivery::Equipment& equipment,
          delivery::Dispatcher& dispatcher)
      : office_(office), equipment_(equipment), dispatcher_(dispatcher) {}
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;
  /// Waits for what is under way; what ended unseen stays leased, its end is in the log.
  ~Carrier();

  /// What the end of one message says of its destination.
  enum class Next {
    go_on,
    stop,  ///< its servers are away: it is held, and nothing more is tried there now
  };
  /// Sets out with a row that is leased. An Error means that our own side failed (log, index,
  /// disk): the row stays leased, and whoever takes over from this runner finds out what was done.
  Result<void> begin(store::Queued row);
  [[nodiscard]] std::size_t under_way() const { return errands_.size(); }
  [[nodiscard]] std::uint64_t octets_under_way() const { return octets_; }
  /// Waits until one of them has ended, and settles it. Errors as begin().
  Result<Next> settle_one();

  /// For a row of a runner that died: settles what the log has of it, and makes uncertain what may
  /// have been sent.
  Result<void> recover(const store::Queued& row);

  [[nodiscard]] const Tally& tally() const { return tally_; }
  /// What is worth a warning although all was done, since the last call.
  std::vector<Error> take_warnings() { return std::exchange(warnings_, {}); }
  /// Ends that could not be recorded: what was done is true, the evidence lacks it.
  std::vector<Error> take_gaps() { return std::exchange(gaps_, {}); }

 private:
  struct Ended {
    Errand* errand;
    std::vector<delivery::RecipientResult> results{};
    std::vector<Error> gaps{};
  };
  void push(Ended ended);
  Ended pop();
  Next take(Errand::End end);

  sealing::Office& office_;
  const delivery::Equipment& equipment_;
  delivery::Dispatcher& dispatcher_;
  std::map<Errand*, std::unique_ptr<Errand>> errands_;  ///< under way
  std::uint64_t octets_ = 0;
  Tally tally_;
  std::vector<Error> warnings_;
  std::vector<Error> gaps_;

  std::mutex mutex_;
  std::condition_variable has_ended_;
  std::deque<Ended> ended_;
};

}  // namespace sm::queue
