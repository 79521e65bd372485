#pragma once
// The end of sealed messages, and what is known of them until then: list, show, get, unlock, renew
// a link, revoke, delete. An end goes the same way each time, and converges from wherever it was
// interrupted: the message is marked as ending (from here on nobody is let in), the log is told,
// the keys are destroyed, then the content, then the links, codes, numbers and sessions.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sealing/ending.h"
#include "sealing/office.h"

namespace sm::retention {

using sealing::Office;

/// One recipient of one message, as `smretain list` shows it. Never the subject.
struct Row {
  std::string id;         ///< the message's audit id
  std::string reply_to;   ///< of a reply: the message that it answers
  std::string reference;  ///< the sender's own
  std::string message_id;
  std::string org;
  std::string sender;
  std::string recipient;
  std::string recipient_id;
  std::string status;  ///< pending sent delivered opened replied expired revoked deleted
  std::string reason;  ///< why it ended, where more is to be said
  std::string method;
  int opened = 0;      ///< of the message's recipients
  int recipients = 0;  ///< of the message
  WallTime created{};
  WallTime expires{};
};

struct Filter {
  std::optional<std::string> status{};
  std::optional<std::string> sender{};
  std::optional<std::string> reference{};
  std::optional<std::string> id{};
  std::optional<std::string> message_id{};
  std::optional<std::string> recipient{};
  std::optional<WallTime> since{};
  std::optional<std::string> org{};
};

/// Newest first; replies below the message that they answer.
Result<std::vector<Row>> list(Office& office, const Filter& filter);

using sealing::Ending;

/// Ends a message for all (or, revoked, for one recipient id). Nothing where there is no such
/// message; false where it had ended before.
Result<std::optional<bool>> end(Office& office, const std::string& id, Ending ending,
                                std::string_view reason = {},
                                const std::optional<std::string>& recipient = std::nullopt);

/// Lifts a lock. Nothing: no such message; false: nobody was locked.
Result<std::optional<bool>> unlock(Office& office, const std::string& id);

/// A new link and notification for the recipients that have not ended; needs escrow (Errc::denied
/// otherwise), or a notification that still waits.
Result<std::size_t> renotify(Office& office, const std::string& id);

}  // namespace sm::retention
