#pragma once
// Receipts: the proof of one event, for somebody who shall see no other. A folder or a tar file of
//
//   record             the raw line, without LF
//   disclosures        those that were chosen, one a line
//   proof.tlog-proof   c2sp.org/tlog-proof: index, inclusion proof, signed checkpoint
//   timestamp.tsr      an RFC 3161 timestamp over that checkpoint, where there is one
//
// It proves that the organisation's log held this record when that checkpoint was signed, and the
// disclosed values. A receipt of a notification says that the notification, not the content, was
// delivered.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/anchor.h"
#include "audit/disclosure.h"
#include "audit/event.h"
#include "audit/layout.h"
#include "audit/note.h"
#include "audit/record.h"
#include "audit/scan.h"
#include "base/result.h"

namespace sm::audit {

struct Receipt {
  std::string record;
  std::vector<std::string> disclosures;
  std::string proof;
  std::optional<std::string> timestamp;

  /// A new folder, or a new tar file where the name ends in ".tar"; it appears whole or not at all.
  [[nodiscard]] Result<void> write(const std::string& path) const;
  /// Errc::malformed where it is not made of those files.
  static Result<Receipt> read(const std::string& path);
};

/// Which record a receipt is wanted for.
struct ReceiptRequest {
  MessageId message;
  std::optional<RecipientId> recipient;
  std::string recipient_address;  ///< instead of the id; ASCII case ignored
  /// Unset: `delivered`, or else the only record that there is.
  std::optional<Event> event;
  std::vector<std::string> disclose;  ///< names
  bool takes_last = false;            ///< of several that match, instead of Errc::usage
};

/// Makes a receipt under the newest checkpoint, or the newest one with a timestamp, that covers the
/// record. Errc::usage: several records match, or a named disclosure is not there (any more);
/// Errc::malformed: no record matches; Errc::temporary: no checkpoint covers it yet.
Result<Receipt> make_receipt(const Layout& layout, const ReceiptRequest& request);

/// What a receipt says when it is looked at.
struct ReceiptReport {
  bool is_valid = false;
  std::string problem;  ///< what is wrong, when it is not
  std::optional<ParsedRecord> record;
  std::vector<Disclosure> disclosures;
  std::string origin;
  std::uint64_t index = 0;
  std::uint64_t size = 0;
  std::optional<Timestamp> timestamp;
};
/// `ca_file`: roots for the timestamp; empty: its signature alone is looked at.
ReceiptReport verify_receipt(const Receipt& receipt, std::span<const VerifierKey> keys,
                             const std::string& ca_file = {});

}  // namespace sm::audit
