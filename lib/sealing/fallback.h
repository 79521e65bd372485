#pragma once
// What becomes of a message that has no safe way: sealed for those recipients, notified at once,
// each end recorded, and continued by its Message-ID when the same is submitted again.
//
//   agree_terms     a sender's wishes, checked against the organisation's policy, before anything
//                   is sent
//   take_continued  recipients who have it sealed already under this Message-ID
//   Fallback        seals for every result that is `pending`, and gives each result its end
//
// Single sends, rows of a batch and the queue all come here; nothing of it knows a command line.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "delivery/equipment.h"
#include "delivery/result.h"
#include "envelope/password.h"
#include "message/prepare.h"
#include "sealing/mailroom.h"
#include "sealing/office.h"
#include "sealing/outbox.h"
#include "smtp/envelope.h"

namespace sm::sealing {

/// What a sender asks for, in the words of a flag, a column or a spooled message.
struct SealingRequest {
  bool seals_all = false;               ///< whatever the destination
  bool insists = false;                 ///< where nothing can be sealed, nothing is sent at all
  std::optional<std::string> method{};  ///< "sms", "email", "password"
  std::optional<std::string> password_file{};  ///< implies the method password
  std::optional<std::string> phone{};          ///< with its country; for one recipient
  std::optional<std::string> expires{};        ///< "1d" to "90d"
  bool is_once = false;                        ///< ends after the first complete reading
  std::optional<std::string> oversize{};       ///< "link", "refuse" (default)
};

/// The same, understood and allowed.
struct SealingTerms {
  bool seals_all = false;
  std::optional<config::Method> method{};  ///< unset: the organisation's, or what the route allows
  std::optional<envelope::Password> password{};
  std::string phone{};  ///< E.164; may be empty
  std::chrono::seconds lifetime{};
  bool is_once = false;
  bool links_oversize = false;  ///< what is too large to go along goes by a link
};

/// Errc::usage for wishes that contradict each other or cannot be read, Errc::denied for what the
/// policy forbids, Errc::configuration where the sender insists and there is no sealed channel.
Result<SealingTerms> agree_terms(const SealingRequest& request,
                                 const config::Organisation& organisation);

/// A recipient for whom the message was sealed before under the same Message-ID, and waits still.
struct Continued {
  std::size_t place;  ///< in the envelope as it came
  std::string address;
  std::string message;    ///< the audit id that it was sealed under
  std::string recipient;  ///< audit id
};

/// Takes those recipients out of the envelope, since they are continued instead of being started
/// anew. In order.
Result<std::vector<Continued>> take_continued(store::Index& index, const Clock& clock,
                                              const message::PreparedMessage& message,
                                              smtp::Envelope& envelope);
/// Puts them into the results at their places, `pending`.
void put_back(const std::vector<Continued>& continued,
              std::vector<delivery::RecipientResult>& results);

/// Serves one thread (its Office does), and any number of messages of one organisation.
class Fallback {
 public:
  /// All must outlive it.
  Fallback(Office& office, const delivery::Equipment& equipment,
           const config::Organisation& organisation)
      : office_(&office),
        equipment_(&equipment),
        organisation_(&organisation),
        postman_(office, equipment) {}

  /// One message of which some results are `pending`.
  struct Order {
    const message::PreparedMessage* message;
    const SealingTerms* terms;
    std::string reference{};  ///< the sender's own name for it: a row's key, an ENVID
    std::vector<LargeFile> files{};
  };
  /// Seals for them. Those that cannot be sealed end refused or deferred, in the log too. Errors
  /// are told as results: what was delivered stays delivered.
  void seal(const Order& order, std::vector<delivery::RecipientResult>& results);

  /// Many messages together (Mailroom::seal_all), each with its results.
  struct Piece {
    Order order;
    std::vector<delivery::RecipientResult>* results;
  };
  void seal_all(std::span<const Piece> pieces, const std::string& lease);
  /// How an errand of theirs ended, that another than notify() sent.
  void apply(const ErrandEnd& end, std::vector<delivery::RecipientResult>& results) const;
  /// What is still `pending` when its errands have been tried: as the store has it.
  void settle(delivery::RecipientResult& result);

  /// Sends the notifications of all that is `pending`, and says how each stands: `sealed` where the
  /// destination accepted it.
  void notify(std::vector<delivery::RecipientResult>& results, std::chrono::seconds deadline);

  /// What is worth a warning although all was done, since the last call.
  std::vector<Error> take_warnings() { return std::exchange(warnings_, {}); }

 private:
  class Choice;
  /// An order for the mailroom, and whose results it is for.
  struct Chosen {
    SealOrder order;
    std::vector<delivery::RecipientResult*> results{};
  };
  /// Nothing where none of them can be sealed: their results say why.
  std::optional<Chosen> choose(const Order& order,
                               const std::vector<delivery::RecipientResult*>& pending);
  static void take(const Result<std::vector<SealedFor>>& sealed, const Chosen& chosen);
  void record(const std::vector<delivery::RecipientResult*>& pending);

  /// What a look at a destination showed.
  struct Level {
    delivery::Verdict verdict = delivery::Verdict::undetermined;
    delivery::Reason reason = delivery::Reason::none;
    Monotonic seen{};
  };
  std::map<std::string, Level> levels_;  ///< by domain; good for a minute
  Office* office_;
  const delivery::Equipment* equipment_;
  const config::Organisation* organisation_;
  Postman postman_;
  std::vector<Error> warnings_;
};

/// What a failure to seal means for those who were to be sealed, where it is not even known to the
/// Fallback: its Office could not be opened.
void fail_to_seal(std::vector<delivery::RecipientResult>& results, const Error& error);

}  // namespace sm::sealing
