#pragma once
// Signing (RFC 6376 §5, RFC 8463): one or more DKIM-Signature fields over one body hash.
//
//   auto signer = Signer::create(domain, keys);
//   auto hasher = signer->body_hasher();      // fed with the body in the pass that reads it
//   auto made = signer->sign(header, hasher.finish(), now);
//   // made->fields goes before the first field of the header
//
// What is signed does not depend on the caller: the fields that a reader sees are signed once more
// than they are there, so that none can be added (oversigning). No l=, t= always.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "crypto/signing_key.h"
#include "dkim/canonical.h"
#include "dkim/signature.h"
#include "message/header.h"
#include "name/domain.h"

namespace sm::dkim {

struct SelectedKey {
  std::string selector;
  std::shared_ptr<const crypto::SigningKey> key;
};

struct SignOptions {
  Canons canons{};                                 ///< relaxed/relaxed
  std::optional<std::chrono::seconds> lifetime{};  ///< x= is so much after t=; without: no x=
  std::string identity{};                          ///< i=, at or under the domain; empty: none
};

struct Signed {
  std::string fields;              ///< whole fields with CRLF, one a key, the first key's on top
  std::vector<Evidence> evidence;  ///< in the order of the keys
};

/// Usable by several threads at once.
class Signer {
 public:
  /// Errc::configuration: no key, a selector that is no name, an RSA key below 2048 bits, Ed25519
  /// keys without an RSA key beside them, an identity outside of the domain, a lifetime that is
  /// not positive.
  static Result<Signer> create(name::Domain domain, std::vector<SelectedKey> keys,
                               SignOptions options = {});

  [[nodiscard]] const name::Domain& domain() const { return domain_; }
  /// For the body of one message.
  [[nodiscard]] BodyHasher body_hasher() const { return BodyHasher(options_.canons.body); }

  /// `body_hash` is what body_hasher() found. Errc::malformed for a header that is not signed
  /// (dkim/author.h) or has more than 1,000 fields to sign; Errc::unavailable when a token fails.
  [[nodiscard]] Result<Signed> sign(const message::HeaderIndex& header,
                                    const crypto::Sha256& body_hash,
                                    std::chrono::sys_seconds now) const;

 private:
  Signer(name::Domain domain, std::vector<SelectedKey> keys, SignOptions options)
      : domain_(std::move(domain)), keys_(std::move(keys)), options_(std::move(options)) {}
  name::Domain domain_;
  std::vector<SelectedKey> keys_;
  SignOptions options_;
};

/// h= for a message: lower-case names, in the order in which they are hashed.
std::vector<std::string> names_to_sign(const message::HeaderIndex& header);

}  // namespace sm::dkim
