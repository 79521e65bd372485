#pragma once
// A carrier brings messages of the queue to one destination: one thread, one connection that stays
// open from message to message, and for each message the same steps in the same order.
//
//   open the parcel · prepare and sign · keep space in the log · deliver (or seal)
//   → the ends are durable in the log → then the index changes, in one transaction with the report
//   to the sender where there is one
//
// So a crash at any moment leaves either nothing done, or an end in the log that the next runner
// finds (queue/history.h), or, between the last dot and the server's reply, a mark that makes it
// `uncertain`.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "delivery/courier.h"
#include "delivery/equipment.h"
#include "delivery/result.h"
#include "queue/layout.h"
#include "queue/spool.h"
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

class Carrier {
 public:
  /// All must outlive it.
  Carrier(sealing::Office& office, const delivery::Equipment& equipment);
  ~Carrier();

  /// What carrying one message says of its destination.
  enum class Next {
    go_on,
    stop,  ///< its servers are away: it is held, and nothing more is tried there now
  };
  /// A row that is leased. An Error means that our own side failed (log, index, disk): the row
  /// stays leased, and whoever takes over from this runner finds out what was done.
  Result<Next> carry(const store::Queued& row);

  /// For a row of a runner that died: settles what the log has of it, and makes uncertain what may
  /// have been sent.
  Result<void> recover(const store::Queued& row);

  [[nodiscard]] const Tally& tally() const { return tally_; }
  /// What is worth a warning although all was done, since the last call.
  std::vector<Error> take_warnings() { return std::exchange(warnings_, {}); }
  /// Ends that could not be recorded: what was done is true, the evidence lacks it.
  std::vector<Error> take_gaps() { return std::exchange(gaps_, {}); }

 private:
  class Errand;
  delivery::Courier& courier(config::Minimum minimum);

  sealing::Office& office_;
  const delivery::Equipment& equipment_;
  Layout layout_;
  std::map<config::Minimum, std::unique_ptr<delivery::Courier>> couriers_;
  Tally tally_;
  std::vector<Error> warnings_;
  std::vector<Error> gaps_;
};

}  // namespace sm::queue
