#pragma once
// Verifying (RFC 6376 §6): every signature of a message, over one pass of its body.
//
//   Verifier verifier(header);
//   verifier.update(block); …            // the body, lines ending in CRLF
//   auto verification = verifier.finish(resolver, now);
//
// A result is an answer; only a signature of the author's own domain says anything about who wrote
// the message (Verification::author_passes). A domain above it counts as well: whoever holds the
// zone above speaks for the names in it.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "dkim/canonical.h"
#include "dkim/header_hash.h"
#include "dkim/key_record.h"
#include "dkim/signature.h"
#include "dns/resolver.h"
#include "message/header.h"

namespace sm::dkim {

struct SignatureResult {
  Status status = Status::permerror;
  std::string reason;       ///< a phrase: "body hash mismatch"
  ParsedSignature parsed;   ///< d, s, a as written; the signature where it could be read
  message::Field field;     ///< the DKIM-Signature field itself
  bool is_authors = false;  ///< d= is the domain in From, or above it
  // What was found on the way, as far as it came.
  std::optional<KeyAnswer> key{};
  std::optional<crypto::Sha256> body_hash{};    ///< of the body as it is
  std::optional<crypto::Sha256> header_hash{};  ///< of the header as it is
  std::uint64_t body_size = 0;                  ///< canonical octets
  bool is_body_good = false;
  bool is_header_good = false;  ///< the key verifies b= over header_hash

  /// What kept the signature from being judged by its hashes, if anything did.
  [[nodiscard]] bool has_usable_key() const { return key && key->record; }
};

struct Verification {
  std::optional<name::Domain> author{};     ///< the domain in From
  std::string author_defect{};              ///< why there is none to rely on
  std::vector<SignatureResult> signatures;  ///< from the top

  /// At least one signature of the author's domain passes.
  [[nodiscard]] bool author_passes() const;
  /// None does, but one might: its key could not be looked up now.
  [[nodiscard]] bool is_undetermined() const;
};

class Verifier {
 public:
  /// The header must stay in place until finish().
  explicit Verifier(const message::HeaderIndex& header);
  ~Verifier();
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;
  void update(Bytes body);
  /// Looks the keys up, side by side, and judges. `now` is when the message was received: x= counts
  /// against it.
  Verification finish(dns::Resolver& resolver, std::chrono::sys_seconds now);

 private:
  struct Hasher;
  struct Pending;
  void look_up_keys(dns::Resolver& resolver);
  void judge(Pending& pending, std::chrono::sys_seconds now);

  FieldsByName fields_;
  Verification verification_;
  std::vector<Hasher> hashers_;   ///< one for each c= and l= that occurs
  std::vector<Pending> pending_;  ///< signatures that wait for the body and their key
};

}  // namespace sm::dkim
