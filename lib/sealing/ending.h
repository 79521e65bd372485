#pragma once
// The end of a message, or of one recipient's link. Each end goes the same way and can be taken up
// from wherever it was interrupted: the log is told; the store is marked, and from here on nobody
// is let in; keys are destroyed, then content; then links, numbers, codes and sessions go. What was
// told and not marked is marked by the next sweep, which reads the log; what was marked and not
// finished is finished by it.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sealing/office.h"
#include "sealing/outbox.h"
#include "store/sealed_table.h"

namespace sm::sealing {

using store::Ending;

/// "expired", "revoked", "deleted", "retrieved".
std::string_view text(Ending ending);

enum class Told { no, yes };  ///< yes: the log has it already

/// For all recipients.
Result<void> end_message(Office& office, const store::SealedMessage& message, Ending ending,
                         const std::string& reason, Told told = Told::no);
/// Keys, content, links: of a message that is marked, or of many.
Result<void> finish_message(Office& office, const store::SealedMessage& message);
Result<void> finish_messages(Office& office, std::span<const store::SealedMessage> messages);

/// For one recipient; when it was the last, and the organisation itself holds no key, the content
/// goes too. `word`: what the sender is told of it; it waits from the moment on in which the link
/// has ended, so that no interruption comes between the two.
Result<void> end_recipient(Office& office, const store::SealedLink& link, Ending ending,
                           const std::string& reason, Told told = Told::no,
                           std::optional<Errand> word = std::nullopt);
/// The stanza of a recipient who has ended.
Result<void> finish_recipient(Office& office, const store::SealedLink& link);

/// Overwrites what the database's journal still has of deleted rows.
Result<void> forget_journal(Office& office);

}  // namespace sm::sealing
