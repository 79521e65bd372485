#pragma once
// A parcel: a message that waits, and its ticket, as one envelope file (FORMATS: `.sme`) that only
// the organisation's private key opens. Whoever submits needs the public key alone, and can open
// nothing. Its parts: the message as it was prepared, the ticket, and the password of a sealed
// message where there is one.

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "envelope/envelope.h"
#include "envelope/stream.h"
#include "envelope/wrap.h"
#include "message/prepare.h"
#include "message/source.h"
#include "queue/ticket.h"

namespace sm::queue {

/// Writes one, front to back. The message must be complete but need not be signed.
Result<void> write_parcel(const envelope::PublicKey& recipient,
                          const message::PreparedMessage& message, const Ticket& ticket,
                          const Clock& clock, envelope::Sink& out);

class Parcel {
 public:
  struct Limits {
    std::uint64_t message = UINT64_MAX;  ///< octets
  };
  /// Opens it and reads the ticket. Errc::no_input: there is no such file; Errc::denied: no key
  /// opens it; Errc::malformed: it is damaged, or no parcel, or beyond the limits.
  static Result<Parcel> open(const std::string& path, const envelope::KeySource& keys,
                             const std::string& org, Limits limits);
  static Result<Parcel> open(const std::string& path, const envelope::KeySource& keys,
                             const std::string& org) {
    return open(path, keys, org, Limits{});
  }

  [[nodiscard]] const Ticket& ticket() const { return ticket_; }
  [[nodiscard]] Ticket& ticket() { return ticket_; }
  /// The message; the Parcel outlives it, and has one at a time.
  [[nodiscard]] Result<std::unique_ptr<message::Source>> message();

 private:
  explicit Parcel(envelope::Envelope envelope) : envelope_(std::move(envelope)) {}
  envelope::Envelope envelope_;
  Ticket ticket_;
};

/// Organisations that the stanzas of an envelope file name: whose it could be, before it is opened.
Result<std::string> organisation_of_parcel(const std::string& path);

}  // namespace sm::queue
