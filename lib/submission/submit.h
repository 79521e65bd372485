#pragma once
// From a prepared message and its envelope to an end for every recipient: the rules that hold for
// every mail of ours, however it came in (a message on stdin, a row of a batch, the queue).
//
//   organisation_of   whose mail it is, and whether its author may send
//   rehearse          what would happen, from a look at each destination
//   LinkedFiles       (linked.h) large files beside a mail that is delivered
//   Submitter         recipients who have it sealed already are continued; the others: sign,
//                     `submitted`, deliver, and what has no safe way is sealed and notified
//
// A Submitter sends one message at a time and waits for its end; many messages go through a
// delivery::Dispatcher.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/log.h"
#include "base/result.h"
#include "config/config.h"
#include "delivery/equipment.h"
#include "delivery/result.h"
#include "delivery/send.h"
#include "message/prepare.h"
#include "sealing/fallback.h"
#include "sealing/premises.h"
#include "smtp/envelope.h"
#include "store/index.h"

namespace sm::submission {

/// A message that is ready to be signed, its envelope, and who hands it in.
struct Mail {
  message::PreparedMessage message;
  smtp::Envelope envelope;
  std::string account{};               ///< login name of who submits
  std::optional<std::uint32_t> uid{};  ///< where it came locally
  std::vector<sealing::LargeFile> files{};
};

/// Whose mail this is: the envelope sender's domain chooses, or the author's where that is null.
/// Where only one organisation is configured it is that one; where several are, a domain of none of
/// them may not send: Errc::denied. So is a mail whose author (the address of From, which is what a
/// recipient sees) is not registered, where the policy wants that.
Result<config::Organisation> organisation_of(const config::Config& config,
                                             const smtp::Envelope& envelope,
                                             const message::PreparedMessage& message);
Result<config::Organisation> organisation_of(const config::Config& config,
                                             const smtp::Envelope& envelope,
                                             const name::Mailbox& author);

/// What the log is told of a mail that organisation_of() denied, and whose log that is.
struct TurnedAway {
  std::string org;
  audit::Record record;
};
/// Nothing where it is nobody's mail: that is in nobody's log.
std::optional<TurnedAway> turned_away(const config::Config& config, const smtp::Envelope& envelope,
                                      const name::Mailbox& author, const std::string& account);

/// The same as organisation_of, at the door: who is not registered is turned away, and the
/// organisation's log says so.
Result<config::Organisation> admit(const config::Config& config, const Mail& mail,
                                   const sealing::Premises::Options& how);

/// What becomes of a message whose destination stays below the minimum: "seal", "refuse", "defer",
/// or unset. Sealing only where the organisation has the sealed channel.
delivery::OnInsecure on_insecure_of(const std::optional<std::string>& wish,
                                    const config::Organisation& organisation);

/// How a mail is to be sent.
struct Order {
  const config::Organisation* organisation;
  const sealing::SealingTerms* terms;
  delivery::OnInsecure on_insecure = delivery::OnInsecure::refuse;
};

struct Outcome {
  std::vector<delivery::RecipientResult> results;  ///< in the envelope's order
  std::vector<Error> gaps{};                       ///< ends that the log does not have
  std::vector<Error> warnings{};
};

/// One result a recipient; nothing is sent and nothing recorded.
std::vector<delivery::RecipientResult> rehearse(const config::Config& config,
                                                const delivery::Equipment& equipment,
                                                const smtp::Envelope& envelope, const Order& order);

/// Serves one thread.
class Submitter {
 public:
  /// `config` and `equipment` must outlive it. `premises`: how keys are found, once something is
  /// sealed. `index` is the state's; null: it is opened with the first message.
  Submitter(const config::Config& config, const delivery::Equipment& equipment,
            sealing::Premises::Options premises, std::shared_ptr<store::Index> index = nullptr);
  ~Submitter();

  /// Signs the message and brings it to an end for everybody. An Error means that nothing was sent.
  Result<Outcome> submit(Mail& mail, const Order& order);

 private:
  using Results = std::vector<delivery::RecipientResult>;
  Result<Results> send(Mail& mail, const Order& order, Outcome& outcome);
  Result<Results> send_signed(message::PreparedMessage& message, const Mail& mail,
                              smtp::Envelope envelope, const Order& order, bool seals_all,
                              Outcome& outcome);
  /// Where large files go along: sealed with the message, or linked in each delivered copy.
  Result<Results> send_linked(Mail& mail, const Order& order, Outcome& outcome);
  /// Copies with a link, for these places of the results; what cannot be sent stays as it is.
  Result<void> send_copies(const Mail& mail, const Order& order, bool takes_attachments,
                           const std::vector<std::size_t>& places, Results& results,
                           Outcome& outcome);
  void link_oversize(const Mail& mail, const Order& order, Outcome& outcome);
  Result<sealing::Office*> office(Outcome& outcome);
  void seal(const Mail& mail, const Order& order, const std::vector<sealing::Continued>& continued,
            Outcome& outcome);

  const config::Config& config_;
  const delivery::Equipment& equipment_;
  sealing::Premises::Options how_;
  std::shared_ptr<store::Index> index_;
  std::unique_ptr<sealing::Premises> premises_;  ///< once something was sealed
};

}  // namespace sm::submission
