#pragma once
// Erasing a person's data from the log: disclosures are destroyed, the records that commit to them
// stay, and `erased` records list the digests whose values are gone. Chain, tree, checkpoints and
// earlier receipts stay valid.
//
// It survives a crash at any point: first a plan is put down (disclosures/.erasing), then the
// records are appended, then the files are replaced, then the plan is removed. Whoever takes the
// log's lock next carries out a plan that it finds. Log::erase() does all of it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/layout.h"
#include "audit/record.h"
#include "base/result.h"

namespace sm::audit {

struct EraseRequest {
  /// All disclosures of this message's records; or else
  std::optional<MessageId> message;
  /// all disclosures of the records about this recipient, and every disclosure anywhere that holds
  /// this mail address (ASCII case ignored).
  std::string address;
  std::string authorised_by;  ///< required; disclosed in the `erased` records
  std::string ground;         ///< required; the same
};

struct Erased {
  std::uint64_t disclosures = 0;  ///< how many were destroyed
  std::uint64_t records = 0;      ///< of how many records
};

/// Under the lock: finds what the request means and puts the plan down, when it means anything.
Result<Erased> plan_erasure(const Layout& layout, const EraseRequest& request, std::uint64_t next);

struct PendingErasure {
  std::vector<std::string> digests;  ///< sorted
  std::vector<Record> records;       ///< those that must be appended still
};
/// Under the lock: the plan that is there.
Result<std::optional<PendingErasure>> pending_erasure(const Layout& layout, std::uint64_t next);
/// Under the lock, when the records are appended: replaces the files and removes the plan.
Result<void> finish_erasure(const Layout& layout, const PendingErasure& pending);

/// Whether `text` holds the mail address as a whole: not as the end of a longer local part, nor as
/// the beginning of a longer domain. ASCII case is ignored.
bool holds_address(std::string_view text, std::string_view address);

}  // namespace sm::audit
