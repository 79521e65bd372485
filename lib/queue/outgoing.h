#pragma once
// A message of the spool, in the hands of the runner: opened with the organisation's key, read and
// prepared anew by the rules of every message, signed, and with the envelope of those whom it is
// still for.

#include <vector>

#include "audit/evidence.h"
#include "base/result.h"
#include "config/config.h"
#include "delivery/send.h"
#include "message/prepare.h"
#include "queue/parcel.h"
#include "sealing/office.h"
#include "smtp/envelope.h"
#include "store/queue_table.h"

namespace sm::queue {

class Outgoing {
 public:
  /// Errc::malformed and no_input: it will never be opened; denied: no key does, now.
  static Result<Outgoing> open(sealing::Office& office, const store::Queued& row);

  [[nodiscard]] const Ticket& ticket() const { return parcel_.ticket(); }
  [[nodiscard]] const message::PreparedMessage& message() const { return message_; }

  /// Signs it, once, by the organisation's keys. Errors as delivery::sign.
  Result<void> sign(const config::Organisation& organisation, const Clock& clock);
  /// With the recipients of the row, each address once. Where the row has others than the message,
  /// they are missing.
  [[nodiscard]] delivery::Mailing mailing(const store::Queued& row,
                                          const config::Organisation& organisation) const;
  /// The stricter of the organisation's and the sender's.
  [[nodiscard]] delivery::Minimum minimum(const config::Organisation& organisation) const;
  [[nodiscard]] delivery::OnInsecure on_insecure(const config::Organisation& organisation) const;

 private:
  Outgoing(Parcel parcel, message::PreparedMessage message)
      : parcel_(std::move(parcel)), message_(std::move(message)) {}
  Parcel parcel_;
  message::PreparedMessage message_;
  std::vector<audit::DkimEvidence> dkim_{};
};

}  // namespace sm::queue
