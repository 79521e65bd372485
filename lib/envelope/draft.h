#pragma once
// A draft: an envelope in the making. It has its id, its message key, the stanzas of those who will
// open it, and for each part a salt of its own. Where the bodies go is the caller's: one after the
// other into one file (`.sme`, a pipe), or each into its own (envelope/store.h); the same code
// seals both.
//
//   Draft draft = Draft::begin();
//   draft.add_password(password);
//   const std::size_t n = draft.add_part({.name = "scan.pdf", .size = 4711});
//   draft.front(now) → header and part 0        (first in one file, last in the store)
//   draft.seal_part(n, source, sink)

#include <chrono>
#include <optional>
#include <vector>

#include "base/result.h"
#include "envelope/body.h"
#include "envelope/header.h"
#include "envelope/manifest.h"
#include "envelope/wrap.h"

namespace sm::envelope {

// Keys of parts (FORMATS §1: key and context of part n, part 0 being the manifest).

/// With a fresh salt, to seal part n anew.
crypto::ChunkedKeys fresh_part_keys(const MessageKey& mk, const EnvelopeId& id, std::uint64_t n);
/// To open part n, whose body begins with `prefix`; nothing where that is no body of this part
/// under this message key.
std::optional<crypto::ChunkedKeys> part_keys(const MessageKey& mk, const EnvelopeId& id,
                                             std::uint64_t n, const crypto::ChunkedPrefix& prefix);

class Draft {
 public:
  /// A new envelope: fresh id, fresh message key.
  static Draft begin();
  /// The envelope of a draft that was kept, with the message key that one of its stanzas gave.
  static Draft resume(Header header, MessageKey mk);

  [[nodiscard]] const EnvelopeId& id() const { return header_.id; }
  [[nodiscard]] const MessageKey& message_key() const { return mk_; }
  [[nodiscard]] Header& header() { return header_; }

  // Who can open it. Errc::malformed where the header would be beyond its caps.
  Result<void> add_password(const Password& password);
  Result<void> add_org(const Kek& kek);
  Result<void> add_public_key(const PublicKey& recipient);
  Result<void> add_link(const Kek& kek, const LinkToken& token, const Password* password = nullptr);

  /// The number of a new part, from 1 on, whose salt is drawn now.
  std::size_t add_part(PartInfo info);
  /// A part that was sealed already, by other means than seal_part.
  std::size_t add_sealed_part(PartInfo info, const crypto::ChunkedPrefix& sealed);

  /// Seals part n, once. A size that was not given becomes known. Errc::temporary: the source has
  /// another size than was given.
  Result<void> seal_part(std::size_t n, Source& in, Sink& out);

  struct Front {
    std::string header;
    Secret manifest;  ///< part 0, sealed
  };
  /// Header and part 0, sealed under a fresh salt each time. Errc::malformed: the manifest would be
  /// beyond its caps, or a part that is not the last has no size.
  Result<Front> front(std::chrono::sys_seconds created);

 private:
  Draft(Header header, MessageKey mk) : header_(std::move(header)), mk_(std::move(mk)) {}
  struct DraftPart {
    Part part;
    std::optional<crypto::ChunkedKeys> keys;  ///< gone once the part is sealed
  };
  Result<void> add(Result<Stanza> stanza);
  Header header_;
  MessageKey mk_;
  std::vector<DraftPart> parts_;
};

}  // namespace sm::envelope
