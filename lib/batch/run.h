#pragma once
// A batch from its first row to its last.
//
//   read a few dozen rows → compose them → claim their keys in one transaction → sign → record
//   `submitted` in one append → dispatch, or seal → end their keys together → tell
//
// Memory is bounded by counts and octets, whatever the file's length. What a row's end is told by
// is durable before it is told. A batch that dies anywhere is repeated with the same command: rows
// that are done are not sent again (journal.h), those in doubt are recorded `uncertain` and go out
// once more with the same Message-ID (recovery.h).

#include <functional>
#include <map>
#include <string>

#include "base/result.h"
#include "batch/item.h"
#include "batch/rows.h"
#include "delivery/dispatch.h"
#include "delivery/equipment.h"
#include "sealing/premises.h"

namespace sm::batch {

/// What hears of each row, from one thread at a time.
class Listener {
 public:
  virtual ~Listener() = default;
  /// An Error ends the batch: nothing new is begun.
  virtual Result<void> ended(const Row& row, const delivery::RecipientResult& result) = 0;
  virtual void warn(const Error& warning) = 0;
};

struct Means {
  const delivery::Equipment* equipment = nullptr;
  sealing::Premises::Options premises{};
  delivery::Dispatcher::Options dispatching{};
  std::string account{};  ///< login name of who submits
  std::uint32_t uid = 0;
  std::uint64_t limit = UINT64_MAX;    ///< rows that are begun; those done before do not count
  std::function<bool()> is_stopped{};  ///< asked often, from any thread
};

struct Summary {
  std::map<delivery::Status, std::uint64_t> ends{};
  std::uint64_t rows = 0;      ///< with an end
  std::uint64_t repeated = 0;  ///< of these, done before and not sent again
  bool was_stopped = false;    ///< before the end of the file
  std::vector<Error> gaps{};   ///< ends that the log or the journal does not have; at most a few
};

/// Sends every row. An Error where nothing (more) could be sent: what was begun is ended.
Result<Summary> send(RowReader& rows, const Setting& setting, const Means& means,
                     Listener& listener);

/// Says what would happen to every row, by a look at each destination. Sends and records nothing.
Result<Summary> rehearse(RowReader& rows, const Setting& setting, const Means& means,
                         Listener& listener);

}  // namespace sm::batch
