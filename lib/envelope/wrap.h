#pragma once
// Wrapping: how a stanza carries the message key (MK), 32 random bytes that open everything in an
// envelope, so that whoever has the right key, and nobody else, gets it out.
//
// Every wrap is XAES-256-GCM under a random nonce, bound to the envelope's id and the stanza's own
// line. A password becomes a key by Argon2id; an organisation has a key-encryption key (KEK), or an
// X25519 pair whose public half seals and cannot open. A link stanza is wrapped twice: inside by
// the token in the recipient's link (and a password), outside by the KEK, so that neither a stolen
// store nor a stolen key opens it alone. KEKs change by renewing the outside only.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/x25519.h"
#include "envelope/header.h"
#include "envelope/password.h"
#include "envelope/stanza.h"

namespace sm::envelope {

using MessageKey = SecretKey<32>;

/// An organisation's key-encryption key.
struct Kek {
  std::string org;
  std::string kid;
  crypto::AeadKey key;
};

/// An organisation's public key, as `smkey export-public` prints it: `<org> <kid> <base64>`.
struct PublicKey {
  std::string org;
  std::string kid;
  crypto::X25519Public key{};
  [[nodiscard]] std::string text() const;
};
/// One line, with or without its LF. Errc::malformed.
Result<PublicKey> parse_public_key(std::string_view text);

/// The secret in a recipient's link: 32 bytes, in text 43 characters of base64url.
class LinkToken {
 public:
  static LinkToken fresh();
  /// The token itself, or a link that ends in it ("https://portal.example/m/<token>"); one line end
  /// after it is ignored. Nothing where there is none.
  static std::optional<LinkToken> parse(Bytes text);
  [[nodiscard]] LinkLabel label() const;
  [[nodiscard]] Secret text() const;
  [[nodiscard]] const SecretKey<32>& key() const { return token_; }
  [[nodiscard]] LinkToken clone() const { return LinkToken(token_.clone()); }

 private:
  explicit LinkToken(SecretKey<32> token) : token_(std::move(token)) {}
  SecretKey<32> token_;
};

// Sealing the message key: each gives a stanza for this envelope.

Result<Stanza> wrap_for_password(const EnvelopeId& id, const MessageKey& mk,
                                 const Password& password);
Stanza wrap_for_org(const EnvelopeId& id, const MessageKey& mk, const Kek& kek);
/// Errc::malformed where the public key is one that makes no secret.
Result<Stanza> wrap_for_public_key(const EnvelopeId& id, const MessageKey& mk,
                                   const PublicKey& recipient);
/// With a password as well where `password` is not null.
Result<Stanza> wrap_for_link(const EnvelopeId& id, const MessageKey& mk, const Kek& kek,
                             const LinkToken& token, const Password* password = nullptr);

/// Where an organisation's keys are found (envelope/keyring.h).
class KeySource {
 public:
  virtual ~KeySource() = default;
  /// Null where there is no such key (any more).
  [[nodiscard]] virtual const crypto::AeadKey* find_kek(std::string_view org,
                                                        std::string_view kid) const = 0;
  [[nodiscard]] virtual const crypto::X25519Private* find_private_key(
      std::string_view org, std::string_view kid) const = 0;
};

/// What somebody has who wants to open an envelope; any part may be absent.
struct OpeningKeys {
  std::vector<Password> passwords;     ///< for password stanzas, and with `token`
  const KeySource* keyring = nullptr;  ///< not owned
  std::optional<std::string> org;      ///< only this organisation's stanzas; unset: any
  bool opens_org_stanzas = true;       ///< false: the keyring serves links only
  std::optional<LinkToken> token;
};

/// The message key, by the first stanza that opens. Errc::denied where none does ("no key given
/// opens this: wrong key, or its stanza is damaged"). What it gives is proven only by part 0's
/// commitment.
Result<MessageKey> find_message_key(const Header& header, const OpeningKeys& keys);

/// Whether a stanza hangs on an organisation's key, and on which: its kid, or nothing.
std::optional<std::string_view> kid_of(const Stanza& stanza, std::string_view org);

/// The same stanza, its outside renewed: under `kek` in place of the key that it hangs on now, or,
/// for an X25519 stanza, for `recipient`. Errc::denied where it does not open.
Result<Stanza> rewrap(const EnvelopeId& id, const Stanza& stanza, const KeySource& keys,
                      const Kek& kek, const PublicKey& recipient);

}  // namespace sm::envelope
