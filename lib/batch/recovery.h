#pragma once
// What a run that died left behind, brought to an end: each key that it had claimed.
//
// In this order, for each: the audit log has its end: that counts. It lies sealed in the store: it
// is `pending` or `sealed`. The run knew its end (flight.h): it is recorded now. Its end mark may
// have left: it is `uncertain`, recorded so now. Nothing of it can have been accepted: it is
// `deferred`, recorded so where the log has its `submitted`. After that every key can be claimed
// again; who claims an uncertain one sends it once more, with the same Message-ID.

#include <cstddef>

#include "base/clock.h"
#include "base/result.h"
#include "batch/journal.h"
#include "sealing/office.h"

namespace sm::batch {

struct Salvaged {
  bool is_alive = false;  ///< the run lives: nothing was done
  std::size_t delivered = 0;
  std::size_t uncertain = 0;
  std::size_t untouched = 0;
};

/// Everything is durable on return.
Result<Salvaged> salvage(const std::string& run, const std::string& state, Journal& journal,
                         sealing::Logs& logs, const Clock& clock);

}  // namespace sm::batch
