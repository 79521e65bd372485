#pragma once
// What became of one recipient: one of eight ends, and nothing else.
//
// The statuses are those that scripts read from `--json` and `--results`; every caller must treat
// each, so that no end can be taken for another. `sealed` and `pending` come from the sealed
// channel, `queued` from the spool; all others from an SMTP dialogue or its refusal.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "delivery/verdict.h"

namespace sm::delivery {

enum class Status {
  delivered,  ///< the destination's server took responsibility (2xx to end-of-data)
  sealed,     ///< stored sealed, and the notification was accepted by the destination
  pending,    ///< stored sealed, notification or phone number outstanding
  queued,     ///< in the spool
  deferred,   ///< not accepted by us: the caller tries again
  refused,    ///< by policy, or for the message itself
  failed,     ///< permanently, by the destination
  uncertain,  ///< connection lost between the final dot and the reply
};

std::string_view text(Status status);

/// An end for one recipient.
struct RecipientResult {
  std::string recipient;       ///< the address as given
  std::string message;         ///< audit id; empty where nothing was recorded
  std::string recipient_id{};  ///< audit id of this recipient of it
  Status status = Status::deferred;
  Verdict level = Verdict::undetermined;
  Mechanism mechanism = Mechanism::none;
  std::string mx;     ///< the host that answered; empty where none did
  std::string tls;    ///< "TLSv1.3"; empty where none was
  std::string reply;  ///< the server's last reply, printable; empty where none was
  Reason reason = Reason::none;
  std::string detail;       ///< a sentence for people; empty where the status says it all
  std::string enhanced;     ///< RFC 3463 code, "5.1.1"; always set for refused, failed and deferred
  int exit_if_failed = 69;  ///< 65, 67, 69 or 77: the exit status of a refused or failed recipient
  /// Of a deferred one: the destination as a whole is away, not this message unwelcome there.
  bool is_away = false;
  std::chrono::milliseconds took{};

  // Only in batches:
  std::optional<std::uint64_t> row;
  std::optional<std::string> key;
};

/// One NDJSON line without its LF, in the contract's field order.
std::string json_line(const RecipientResult& result);
/// For people: "anna@dane.example: delivered (verified, dane, mx1.dane.example, TLSv1.3)".
std::string plain_line(const RecipientResult& result);

/// The exit status of a whole call: 0 when every recipient is delivered, sealed, pending or queued;
/// else 75 when something can be retried; else the first of 67, 69, 77, 65 that occurs.
int exit_status(std::span<const RecipientResult> results);

}  // namespace sm::delivery
