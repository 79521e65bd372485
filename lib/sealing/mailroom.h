#pragma once
// The mailroom: seals a message for its recipients into the store.
//
// One envelope a message; one link stanza a recipient, each with a token of its own. The message is
// split: part 1 is the message without its attachments (role message), each attachment, decoded, is
// a part of its own (role file), so that it can be fetched in ranges; large files (--link) follow
// as further parts. What is signed or encrypted as it is stays whole.
//
// The order is fixed, so that a crash leaves either nothing that anybody could find, or all of it:
// bodies, then the head, then the `sealed` record, then one transaction in which message,
// recipients and waiting notifications appear together.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "audit/record.h"
#include "base/result.h"
#include "config/config.h"
#include "envelope/password.h"
#include "message/prepare.h"
#include "name/mailbox.h"
#include "sealing/link.h"
#include "sealing/office.h"
#include "sealing/split.h"

namespace sm::sealing {

using config::Method;

/// One recipient of a sealed message.
struct Addressee {
  audit::RecipientId id;
  name::Mailbox mailbox;
  Method method = Method::sms;
  std::string phone{};  ///< E.164; empty: not known. With Method::sms the sender is asked for it
  const envelope::Password* password = nullptr;  ///< with Method::password, never null
  /// Of files whose link goes inside a mail over a proven route: the link is enough. Only where the
  /// policy has the method email, which would prove as little.
  bool asks_nothing = false;
  std::string language{};  ///< "nl", "en"; empty: the organisation's
  std::string level{};     ///< of the route that was not good enough; empty: sealed on demand
  std::string reason{};    ///< why it was not, as a stable code
};

/// A large file beside the message.
struct LargeFile {
  std::string path;
  std::string name{};  ///< by default the path's last component
  std::string type{};
};

/// What is to be sealed.
struct SealOrder {
  audit::MessageId id;
  const config::Organisation* organisation;
  const message::PreparedMessage* message;
  std::vector<Addressee> addressees;
  std::vector<LargeFile> files{};
  std::chrono::seconds lifetime{std::chrono::days(7)};
  bool is_once = false;     ///< ends after the first complete reading
  std::string reference{};  ///< the sender's own name for it: a batch row's key, an ENVID
  /// Attachments above the limit go along as large files do.
  bool links_oversize = false;
  /// The message itself goes another way: `files` alone, and `attached`, are sealed, and the caller
  /// puts each recipient's link into it. Nobody is notified.
  bool is_files_only = false;
  /// Attachments that leave the message for its link.
  std::vector<Attached> attached{};
};

/// What became of one addressee.
struct SealedFor {
  audit::RecipientId id;
  bool waits_for_number = false;  ///< the sender was asked for a phone number; status pending
  // Of files only:
  std::optional<Secret> link{};      ///< the URL
  std::string language{};            ///< "en", "nl"
  std::vector<std::string> names{};  ///< of the files
  WallTime expires{};
};

class Mailroom {
 public:
  explicit Mailroom(Office& office) : office_(office) {}

  /// Everything is durable on return: the notifications wait in the outbox (sealing/outbox.h).
  /// Errc::denied: the policy forbids the method or the lifetime, or sealing is off
  /// ("policy-forbids"); Errc::configuration: no portal, no keys; Errc::malformed: an attachment
  /// above the limit, a part that cannot be decoded.
  Result<std::vector<SealedFor>> seal(const SealOrder& order);

  /// Many messages together: one sync of the store for all, one append to the log, one transaction.
  /// An end for each order, in order. Whoever names a `lease` (unguessable) has their errands from
  /// the beginning, to send at once (sealing/notifier.h); where it dies, they are anybody's as
  /// with every lease.
  std::vector<Result<std::vector<SealedFor>>> seal_all(std::span<const SealOrder> orders,
                                                       const std::string& lease);

 private:
  struct Group;
  Result<void> seal_group(Group& group, envelope::DraftGroup& drafts);
  Office& office_;
};

}  // namespace sm::sealing
