#pragma once
// Sealed messages and their recipients: what is known of each, how far it got, how it ended. The
// content is elsewhere (lib/envelope); here is nothing that opens it.
//
// A message ends in phases, so that an end that was interrupted is finished: marked (nobody is let
// in any more), told (the audit log has it), done (keys and content are gone, and so is every link,
// number, code and session).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/index.h"

namespace sm::store {

enum class SealedKind { message, reply, files };
/// How far a recipient got. Only ever goes forward.
enum class Progress { pending, sent, delivered, opened, replied };
/// How a message or a recipient's link ended.
enum class Ending { none, expired, revoked, deleted, retrieved };
enum class Phase { live, marked, told, done };

struct SealedMessage {
  std::string id;        ///< audit id
  std::string envelope;  ///< envelope id
  std::string org;
  SealedKind kind = SealedKind::message;
  std::string reply_to;    ///< of a reply: the message that it answers
  std::string reference;   ///< the sender's own name for it
  std::string message_id;  ///< the header field's
  std::string sender;      ///< address; of a reply: the recipient who wrote it
  std::string sender_name;
  WallTime created{};
  WallTime expires{};
  bool is_once = false;
  bool has_escrow = false;
  std::int64_t parts = 0;
  Ending ending = Ending::none;
  Phase phase = Phase::live;
  std::string reason;
  std::optional<WallTime> ended{};
};

struct SealedRecipient {
  std::string message;
  std::string id;  ///< audit id
  std::string address;
  std::string language;                 ///< "en", "nl" or empty
  std::string method;                   ///< "sms", "email", "password"; "none" for large files
  std::string phone;                    ///< E.164; empty: unknown, or no longer kept
  std::vector<std::uint8_t> link_hash;  ///< SHA-256 of the token; empty once ended
  std::string label;                    ///< of its stanza
  Progress progress = Progress::sent;
  Ending ending = Ending::none;
  std::string reason;
  int failures = 0;       ///< since the last success or lock
  int failures_life = 0;  ///< in the link's life
  std::string lock;       ///< mark of the newest lock; empty: none
  std::string retrieved;  ///< mark of the first complete reading
  std::int64_t reply_octets = 0;
};

/// A recipient with its message.
struct SealedLink {
  SealedMessage message;
  SealedRecipient recipient;
  /// Not ended, neither it nor its message. Expiry is the caller's to see.
  [[nodiscard]] bool is_live() const {
    return message.phase == Phase::live && recipient.ending == Ending::none;
  }
};

/// What `smretain list` asks for. Unset: any.
struct SealedFilter {
  std::optional<std::string> id{}, org{}, sender{}, reference{}, message_id{}, recipient{};
  std::optional<WallTime> since{};
};

struct SealedCounts {
  int recipients = 0;
  int opened = 0;
};

class SealedTable {
 public:
  explicit SealedTable(Index& index) : index_(&index) {}

  /// In the caller's transaction.
  Result<void> add(const SealedMessage& message, const std::vector<SealedRecipient>& recipients);

  Result<std::optional<SealedMessage>> find(const std::string& id);
  Result<std::vector<SealedRecipient>> recipients_of(const std::string& id);
  Result<std::optional<SealedLink>> find_link(Bytes link_hash);
  Result<std::optional<SealedLink>> find_recipient(const std::string& message,
                                                   const std::string& recipient);
  /// Newest first.
  Result<std::vector<SealedLink>> list(const SealedFilter& filter);
  Result<SealedCounts> counts(const std::string& id);
  Result<std::vector<std::string>> replies_to(const std::string& id);
  /// How many replies this address has written to a message since then.
  Result<std::int64_t> count_replies(const std::string& id, const std::string& sender,
                                     WallTime since);
  /// When the newest message was made; nothing where there is none.
  Result<std::optional<WallTime>> newest();
  /// Envelopes that belong to a message whose content is still to be had.
  Result<std::vector<std::string>> known_envelopes();

  /// Forward only; what is further already stays.
  Result<void> advance(const std::string& message, const std::string& recipient, Progress to);
  /// False where the recipient has ended, or has a number already.
  Result<bool> set_phone(const std::string& message, const std::string& recipient,
                         const std::string& phone);
  Result<void> set_link(const std::string& message, const std::string& recipient, Bytes link_hash,
                        const std::string& label);

  // Attempts.
  /// One more; when it is the `to_lock`th, the lock begins at `mark`. In the caller's transaction,
  /// before anything is compared.
  Result<void> count_failure(const std::string& message, const std::string& recipient, int to_lock,
                             const std::string& mark);
  /// A lock's time is over: the next failures count from none.
  Result<void> clear_lock(const std::string& message, const std::string& recipient);
  /// The attempt that was counted was right: neither it nor those before count.
  Result<void> forgive(const std::string& message, const std::string& recipient);

  /// The first complete reading; what was noted before stays.
  Result<void> set_retrieved(const std::string& message, const std::string& recipient,
                             const std::string& mark);
  /// True where it went up and stayed within `most`.
  Result<bool> add_reply_octets(const std::string& message, const std::string& recipient,
                                std::int64_t octets, std::int64_t most);

  // Ends.
  /// Marks a live message: false where it is not live.
  Result<bool> mark(const std::string& id, Ending ending, const std::string& reason);
  Result<void> set_phase(const std::string& id, Phase phase);
  /// Ends one recipient: its link and number go; the label stays until its stanza is removed
  /// (clear_label). False where it had ended.
  Result<bool> end_recipient(const std::string& message, const std::string& recipient,
                             Ending ending, const std::string& reason, WallTime at);
  /// A message that had ended otherwise was deleted afterwards.
  Result<void> set_deleted(const std::string& id);
  Result<void> clear_label(const std::string& message, const std::string& recipient);
  /// Ended, their stanzas not known to be removed, of messages that are live.
  Result<std::vector<SealedLink>> unfinished_recipients();
  /// The last phase: every recipient that has not ended ends like the message; links, numbers and
  /// labels go.
  Result<void> finish(const std::string& id, WallTime at);

  /// Marks all of these as expired.
  Result<void> mark_expired(const std::vector<std::string>& ids);
  /// Live messages that expired by then, at most `most`.
  Result<std::vector<SealedMessage>> expired_by(WallTime now, std::size_t most);
  /// Marked or told, not done.
  Result<std::vector<SealedMessage>> unfinished();
  /// Live messages with an unread recipient, not told of yet, that expire between the two.
  Result<std::vector<SealedLink>> unread_between(WallTime from, WallTime to);
  Result<void> set_unread_told(const std::string& message, const std::string& recipient);
  /// Live recipients whose first complete reading was noted.
  Result<std::vector<SealedLink>> retrieved();
  /// Live recipients whose phone number is asked for.
  Result<std::vector<SealedLink>> waiting_for_number();
  /// How many recipients of a message have not ended.
  Result<std::int64_t> live_recipients(const std::string& id);

 private:
  Index* index_;
};

}  // namespace sm::store
