#pragma once
// The ten-minute job. In this order, each step of which can be interrupted and repeated: what the
// log says was destroyed is destroyed again where a restored backup brought it back; what has
// expired ends; ends that were interrupted are finished; content that nobody can find is removed;
// senders are told of what stays unread; errands that are due are run; lifecycles that nobody will
// end are closed; keys of batches that are long done are forgotten; checkpoints are signed.

#include <cstddef>
#include <string>
#include <vector>

#include "delivery/equipment.h"
#include "sealing/outbox.h"

namespace sm::retention {

struct SweepReport {
  std::size_t repeated = 0;   ///< ends that the log knew and the store did not
  std::size_t expired = 0;    ///< messages
  std::size_t retrieved = 0;  ///< messages that ended with their first reading
  std::size_t finished = 0;   ///< ends that had been interrupted
  std::size_t orphans = 0;    ///< envelopes without a message
  std::size_t closed = 0;     ///< recipients whose submission was interrupted
  std::size_t keys = 0;       ///< of batches, forgotten
  std::vector<sealing::ErrandEnd> errands{};
  std::vector<Error> failures{};  ///< what could not be done now; all else was
};

struct SweepOptions {
  std::chrono::seconds deadline{300};
  /// The time of day jumped so far ahead that everything would expire: believe it.
  bool believes_clock = false;
};

/// One at a time (flock on `<state>/sweep.lock`): Errc::temporary while another runs. When the
/// clock is more than half a year ahead of what was seen last, nothing is destroyed on its word
/// alone: only what the log says has ended, and the report has a failure, Errc::temporary.
/// `equipment` null: errands are left for later.
Result<SweepReport> sweep(sealing::Office& office, const delivery::Equipment* equipment,
                          const SweepOptions& options);

}  // namespace sm::retention
