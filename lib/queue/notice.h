#pragma once
// Who is told what of a message that waits or has ended badly: which ends are final, whether its
// sender gets a report (queue/report.h), and the log's word that they were told, or why not.

#include <optional>
#include <string>
#include <vector>

#include "audit/record.h"
#include "base/result.h"
#include "delivery/result.h"
#include "queue/outgoing.h"
#include "queue/spool.h"
#include "sealing/office.h"
#include "store/queue_table.h"

namespace sm::queue {

/// How a row stands after an attempt, or after its runner died.
struct Standing {
  const store::Queued& row;
  const config::Organisation& organisation;
  const std::vector<delivery::RecipientResult>& results;
  const Outgoing* message = nullptr;  ///< null where it could not be opened
  bool is_over = false;               ///< its lifetime
  bool is_recovery = false;           ///< nothing was tried now: no time runs out
  bool is_told = false;               ///< `returned` is in the log already

  /// Nothing more is tried for this recipient.
  [[nodiscard]] bool is_final(const delivery::RecipientResult& result) const;
  /// Final, and the recipient does not have it.
  [[nodiscard]] bool is_bad(const delivery::RecipientResult& result) const;
};

/// The report of all bad ends; nothing where there are none, or nobody wants to know. `host` is our
/// name in mail. An Error means that nobody could be told now.
Result<std::optional<WaitingReport>> failure_notice(sealing::Office& office,
                                                    const std::string& host,
                                                    const Standing& standing);
/// That it waits still, once, where that is wanted.
Result<std::optional<WaitingReport>> delay_notice(sealing::Office& office, const std::string& host,
                                                  const Standing& standing);
struct Returned {
  std::vector<audit::Record> records{};
  std::uint64_t told = 0;  ///< recipients about whom the sender is told
};
/// A `returned` for each bad end: told by this report, or why nobody is.
Returned returned(const Standing& standing, const std::optional<WaitingReport>& report);

}  // namespace sm::queue
