#pragma once
// Files that are too large for a mail, beside one that is delivered: sealed for its recipients, and
// each recipient's own link put below the text of their copy. The link travels only where the mail
// itself may, over a route that is proven; whoever does not get the mail has a link that has ended.
//
// A mail that is sealed itself has its large files in the same envelope, and needs none of this.

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "delivery/result.h"
#include "message/prepare.h"
#include "name/mailbox.h"
#include "sealing/fallback.h"
#include "sealing/mailroom.h"
#include "sealing/office.h"
#include "sealing/split.h"

namespace sm::submission {

/// One recipient's copy.
struct LinkedCopy {
  message::PreparedMessage message;
  std::string files;      ///< audit id of the files
  std::string recipient;  ///< audit id of this recipient of them
};

class LinkedFiles {
 public:
  struct Order {
    const config::Organisation* organisation;
    const sealing::SealingTerms* terms;
    const message::PreparedMessage* message;
    std::vector<sealing::LargeFile> files{};
    /// The message's own attachments leave it, too: it was too large.
    bool takes_attachments = false;
    std::string reference{};
  };
  explicit LinkedFiles(sealing::Office& office) : office_(office) {}

  /// Seals, and makes a copy for each recipient, in order. Errc::malformed: the message is signed
  /// or encrypted and cannot take a link, or there is nothing to take out of it; Errc::denied: the
  /// policy.
  Result<std::vector<LinkedCopy>> prepare(const Order& order,
                                          const std::vector<name::Mailbox>& recipients);
  /// What became of a copy: a link that was not delivered ends.
  Result<void> settle(const LinkedCopy& copy, const delivery::RecipientResult& result);

 private:
  sealing::Office& office_;
};

}  // namespace sm::submission
