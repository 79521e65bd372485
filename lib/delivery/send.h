#pragma once
// Sending one message to all its recipients, with evidence.
//
// The order is fixed: `submitted` is durable in the audit log, and space for every ending record is
// reserved, before a byte leaves; each recipient's end is durable before it is reported. Recipients
// of one domain share a transaction; domains are served side by side. Where the log cannot be
// written nothing is sent.

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "audit/evidence.h"
#include "audit/log.h"
#include "base/clock.h"
#include "base/result.h"
#include "delivery/courier.h"
#include "delivery/result.h"
#include "message/prepare.h"
#include "smtp/content.h"
#include "smtp/envelope.h"

namespace sm::delivery {

/// What becomes of a message whose destination definitely stays below the minimum.
enum class OnInsecure {
  refuse,
  defer,
  seal,  ///< the result is `pending`, nothing is recorded yet: the caller seals, and records
  /// As seal; and so is what would be deferred, where the destination promises nothing: the
  /// message's time is over. What may have arrived is not.
  seal_late,
};

/// One message and where it goes.
struct Mailing {
  const message::PreparedMessage* message;  ///< signed already; must outlive the call
  smtp::Envelope envelope;                  ///< all recipients, each address once
  std::vector<audit::DkimEvidence> dkim{};  ///< of our own signatures
  std::string account{};                    ///< login name of who submits
  std::optional<std::uint32_t> uid{};
  std::string key{};  ///< a batch row's
};

/// What `submitted` says of it. `is_direct`: it goes to its destinations' servers.
audit::Submission submission_of(const Mailing& mailing, const audit::MessageId& id,
                                std::vector<audit::Recipient> recipients, bool is_direct = true);

class Sender {
 public:
  struct Options {
    Minimum minimum = Minimum::trusted;
    OnInsecure on_insecure = OnInsecure::refuse;
    std::chrono::seconds deadline{300};  ///< for the whole message
    unsigned parallel = 8;               ///< destinations at a time
    /// Nobody is connected to: every recipient is `pending`, to be sealed by the caller.
    bool seals_all = false;
  };
  /// All must outlive the Sender.
  Sender(const FactFinder& finder, const smtp::Client& client, audit::Log& log, Options options)
      : finder_(&finder), client_(&client), log_(&log), options_(options) {}

  /// One result a recipient, in the envelope's order. An Error means that nothing was sent: the log
  /// could not be written.
  Result<std::vector<RecipientResult>> send(const Mailing& mailing);
  /// What is worth a warning although all was done: a checkpoint that could not be signed.
  [[nodiscard]] const std::vector<Error>& warnings() const { return warnings_; }
  /// Ends that could not be recorded: the results are true, the evidence lacks them.
  [[nodiscard]] const std::vector<Error>& gaps() const { return gaps_; }

 private:
  class Work;
  const FactFinder* finder_;
  const smtp::Client* client_;
  audit::Log* log_;
  Options options_;
  std::vector<Error> warnings_;
  std::vector<Error> gaps_;
};

/// The record that says so; of `pending`, and of what only waits, `queued`.
audit::Event event_of(Status status);

/// What a recipient's report means for scripts; `fall_back` ends as `on_insecure` says.
RecipientResult result_of(const smtp::Recipient& recipient, const DeliveryReport& delivery,
                          const RecipientReport& report, OnInsecure on_insecure);

/// What a delivery would end as, from a look at the destination: `delivered` where a host reaches
/// the minimum (its server may still refuse the mailbox).
RecipientResult foresee(const smtp::Recipient& recipient, const DestinationReport& destination,
                        Minimum minimum, OnInsecure on_insecure);

/// The ends of recipients who travelled together.
struct PartEnd {
  std::vector<RecipientResult> results;  ///< in the order of `recipients`
  std::vector<audit::Record> records;    ///< of all that are not `pending`
};
/// `envelope` is what travelled: these recipients of the mailing, in this order.
PartEnd end_part(const Mailing& mailing, const smtp::Envelope& envelope, const audit::MessageId& id,
                 const std::vector<audit::Recipient>& recipients, const DeliveryReport& delivery,
                 OnInsecure on_insecure, const Clock& clock);

/// A prepared message as the SMTP client wants it.
class MessageContent : public smtp::Content {
 public:
  /// The message must outlive it.
  explicit MessageContent(const message::PreparedMessage& message) : message_(&message) {}
  [[nodiscard]] std::uint64_t size() const override { return message_->size(); }
  Result<void> rewind() override;
  Result<std::string_view> next() override;

 private:
  const message::PreparedMessage* message_;
  std::unique_ptr<message::Source> source_;
};

/// What the audit log keeps of it (FORMATS: what `delivered` must carry).
audit::Attempt evidence_of(const DeliveryReport& delivery, const RecipientReport& report,
                           const audit::MessageId& message, const audit::Recipient& recipient,
                           const Mailing& mailing);

}  // namespace sm::delivery
