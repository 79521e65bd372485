#pragma once
// From a row to a message that can be claimed and sent: everything that can be wrong with one row
// is found here, before anything of it is recorded or leaves.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "audit/evidence.h"
#include "batch/row.h"
#include "batch/template.h"
#include "config/config.h"
#include "crypto/digest.h"
#include "delivery/result.h"
#include "delivery/send.h"
#include "message/prepare.h"
#include "message/reader.h"
#include "sealing/fallback.h"
#include "smtp/envelope.h"

namespace sm::batch {

/// What holds for all rows, where a row says nothing else.
struct Setting {
  const config::Config* config = nullptr;
  std::optional<name::ReversePath> sender{};  ///< -f; unset: the author
  std::optional<std::string> on_insecure{};
  sealing::SealingRequest sealing{};
  std::vector<message::Attachment> attachments{};  ///< to every message, before the row's own
  std::string template_text{};
  message::ScratchSpace space{};
  bool needs_key = true;  ///< to send; a rehearsal looks at rows without one
};

/// One row on its way. Made by a Composer; the rest is filled in as it goes.
struct Item {
  Row row;
  std::string key{};
  smtp::Envelope envelope{};              ///< one recipient
  std::optional<name::Mailbox> author{};  ///< of From
  const config::Organisation* organisation = nullptr;
  sealing::SealingTerms terms{};
  delivery::OnInsecure on_insecure = delivery::OnInsecure::refuse;
  std::vector<message::Attachment> attachments{};
  std::vector<sealing::LargeFile> files{};
  std::optional<message::Message> read{};
  std::uint64_t octets = 0;  ///< of the message and what is attached, about
  /// SHA-256 over envelope, rendered message and attachments (FORMATS §5).
  crypto::Sha256 content{};

  // Once claimed:
  std::optional<audit::MessageId> id{};
  std::optional<audit::RecipientId> recipient{};
  std::string message_id{};
  WallTime first{};
  std::uint32_t slot = 0;
  bool is_repeated = false;  ///< an earlier attempt may have reached the recipient
  // Once prepared:
  std::optional<message::PreparedMessage> message{};
  std::vector<audit::DkimEvidence> dkim{};

  delivery::RecipientResult result{};
};

/// The row is not sent: its result says so.
void refuse(Item& item, delivery::Reason reason, std::string detail);

/// Whose mail a row is, remembered: the same few senders write all rows. For all threads.
class Senders {
 public:
  explicit Senders(const config::Config& config) : config_(&config) {}
  Result<const config::Organisation*> find(const smtp::Envelope& envelope,
                                           const name::Mailbox& author);

 private:
  const config::Config* config_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<config::Organisation>> organisations_;
  std::map<std::string, Result<const config::Organisation*>> known_;
};

/// Serves one thread.
class Composer {
 public:
  /// Errc::malformed for the template.
  static Result<Composer> create(const Setting& setting, Senders& senders);
  [[nodiscard]] const std::set<std::string>& variables() const { return template_.variables(); }

  /// An item ready to be claimed, or one with a result that is `refused`.
  void compose(Item& item);

 private:
  Composer(const Setting& setting, Senders& senders, Template with)
      : setting_(&setting), senders_(&senders), template_(std::move(with)) {}
  bool check_address(Item& item) const;
  bool check_files(Item& item) const;
  bool check_sender(Item& item);
  bool check_terms(Item& item) const;
  Result<void> hash_content(Item& item, std::string_view rendered) const;

  const Setting* setting_;
  Senders* senders_;
  Template template_;
};

}  // namespace sm::batch
