#pragma once
// Taking a message into the queue.
//
// The order is fixed: the parcel is durable under its name first; then, in one transaction, the
// index gets its rows and the log `submitted` and `queued`. A crash leaves a parcel that nobody
// knows of, which was never acknowledged and is swept away a day later, or all of it. From the
// moment accept() returns, the message is ours: it ends delivered, sealed, or returned.

#include <string>
#include <vector>

#include "audit/record.h"
#include "base/result.h"
#include "config/config.h"
#include "delivery/result.h"
#include "message/prepare.h"
#include "queue/layout.h"
#include "queue/ticket.h"
#include "sealing/office.h"
#include "store/queue_table.h"

namespace sm::queue {

struct Submission {
  const message::PreparedMessage* message;
  const Ticket* ticket;
  const config::Organisation* organisation;
  std::string account{};         ///< login name of who submits
  std::int64_t uid = -1;         ///< -1: not known
  std::string source = "queue";  ///< how it came, for the log: "queue", "drop", "smtp"
  /// Set in the index together with the rows: where this stands, the message was taken.
  std::string note{};
};

/// One result a recipient, `queued`, in the envelope's order. Recipients of other domains belong to
/// messages of their own in the log: each domain is served for itself. Who has the same Message-ID
/// waiting from the same sender and user already is not queued twice. An Error means that nothing
/// was taken.
Result<std::vector<delivery::RecipientResult>> accept(sealing::Office& office,
                                                      const Submission& submission);

/// A word of our own, about `about`, as a parcel and a row to be added: the caller adds the row in
/// the transaction that ends what the word is about, and forgets the file where that fails.
struct NewReport {
  const message::PreparedMessage* message;
  const config::Organisation* organisation;
  name::Mailbox to;
};
struct WaitingReport {
  store::Queued row;
  store::Due due;
  std::vector<audit::Record> records;  ///< `submitted` and `queued`, to be appended with the others
};
Result<WaitingReport> write_report(sealing::Office& office, const NewReport& report);

/// Removes a parcel that no row uses any more.
Result<void> forget_unused(sealing::Office& office, const std::string& file);

/// Parcels that no row knows of, older than an hour: what a crash left behind. Returns how many.
Result<std::size_t> sweep_orphans(sealing::Office& office);

}  // namespace sm::queue
