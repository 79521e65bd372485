#pragma once
// The queue's books: one row for each message and destination that wait, with its recipients; the
// messages themselves lie sealed in the spool. A row is leased to one runner at a time, and a
// destination whose servers are away is held as a whole, so that nobody asks them in vain.
//
// When something is due is counted in the machine's uptime (Mark, sealing/mark.h, says why);
// rebase() carries the counts over into the machine's next life.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/index.h"

namespace sm::store {

enum class QueuedKind {
  mail,
  report,  ///< our own word to a sender: never answered by another
};

struct QueuedRecipient {
  std::string id;  ///< audit id
  std::string address;
};

struct Queued {
  std::int64_t number = 0;  ///< in order of arrival
  std::string id;           ///< audit id
  std::string file;         ///< in the spool; other destinations of the same submission share it
  QueuedKind kind = QueuedKind::mail;
  std::string org;
  std::string domain;
  std::string sender;      ///< envelope sender; empty: the null path
  std::string message_id;  ///< the header's
  std::string account;
  std::int64_t uid = -1;  ///< of who submitted; -1: not known
  std::uint64_t size = 0;
  std::uint64_t log_seq = 0;  ///< the log has nothing of it before this record
  WallTime created{};
  std::string made;  ///< mark of the same moment
  std::int64_t attempts = 0;
  std::string reason;  ///< why it waits, as a stable code; empty: not tried yet
  std::string detail;
  bool is_warned = false;  ///< the sender was told that it waits
  std::string lease;       ///< the runner that has it; empty: nobody
  std::string leased;      ///< mark
  std::int64_t due = 0;    ///< uptime in microseconds
  std::vector<QueuedRecipient> recipients{};
};

/// When something is due: the same moment on both clocks.
struct Due {
  std::int64_t uptime = 0;  ///< microseconds since this boot
  std::int64_t wall = 0;    ///< microseconds since 1970
  std::int64_t pause = 0;   ///< the whole pause, microseconds
};

struct Hold {
  Due due{};
  std::int64_t failures = 0;  ///< in a row
  std::string reason;
};

class QueueTable {
 public:
  explicit QueueTable(Index& index) : index_(&index) {}

  /// Counts anew where the machine has begun another life since: what is left of each pause, at
  /// most the pause, by the wall clock where it is to be believed, else all of it.
  Result<void> rebase(const Clock& clock);

  // Rows. Several calls belong together in the caller's transaction.

  Result<void> add(const Queued& row, const Due& due);
  /// Destinations of rows that are due at `uptime` and that nobody has; those that are held left
  /// out. The longest waiting first.
  Result<std::vector<std::string>> due_domains(std::int64_t uptime);
  /// Leases up to `most` rows of a destination that are due, the oldest first.
  Result<std::vector<Queued>> take(const std::string& domain, std::int64_t uptime,
                                   const std::string& lease, const std::string& mark,
                                   std::size_t most);
  /// Gives a row back: due again later. Nothing where the lease is not (any more) `row.lease`.
  Result<void> postpone(const Queued& row, const Due& due, std::string_view reason,
                        std::string_view detail);
  /// Gives a row back untouched, due as before.
  Result<void> give_back(const Queued& row);
  /// Recipients that reached an end leave; the row does with the last of them. True then: and
  /// `file` belongs to nobody any more where no other row has it (see uses_of).
  Result<bool> remove(const std::string& id, const std::vector<std::string>& recipients);
  Result<std::int64_t> uses_of(const std::string& file);
  Result<void> set_warned(const std::string& id);

  /// Rows with this header and recipient: the same message again is what is pending. `uid`: of this
  /// user's only, since a Message-ID is whatever somebody writes.
  Result<std::optional<Queued>> find(const std::string& message_id, const std::string& sender,
                                     const std::string& address,
                                     const std::optional<std::int64_t>& uid = std::nullopt);
  Result<std::optional<Queued>> find(const std::string& id);
  /// Due now, its destination no longer held.
  Result<void> hurry(const std::string& id);
  /// All of them, and all destinations.
  Result<void> hurry_all();
  /// Runners that have rows.
  Result<std::vector<std::string>> lease_holders();
  Result<std::vector<Queued>> leased_to(const std::string& lease);

  struct Usage {
    std::int64_t messages = 0;
    std::int64_t bytes = 0;
  };
  Result<Usage> usage_of(std::int64_t uid);
  Result<std::int64_t> count();
  /// All of them in order of arrival, one at a time: memory does not grow with the queue.
  Result<void> each(const std::function<Result<void>(const Queued&)>& visit);

  // Destinations.

  Result<std::optional<Hold>> find_hold(const std::string& domain);
  Result<void> hold(const std::string& domain, const Hold& hold);
  Result<void> free(const std::string& domain);

  /// A word of the queue's own; empty where there is none.
  Result<std::string> note(std::string_view name);
  Result<void> set_note(std::string_view name, std::string_view value);
  Result<void> drop_note(std::string_view name);

 private:
  Result<void> add_recipients(Queued& row);
  Index* index_;
};

}  // namespace sm::store
