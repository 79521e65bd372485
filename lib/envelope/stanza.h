#pragma once
// Stanzas: the ways into an envelope. Each is two lines of the header: a first line that says which
// key opens it, ending in a random nonce, and a second with the wrapped message key, in base64.
//
//   -> org default 0123456789abcdef <nonce>
//   <base64 of the wrapped key>
//
// A stanza is parsed strictly into one of five types; an unknown type is refused. The first line up
// to the nonce is associated data of its own wrap, so no field can be exchanged. What a stanza
// wraps, and how, is envelope/wrap.h's.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "crypto/aead.h"
#include "crypto/argon2.h"
#include "crypto/x25519.h"

namespace sm::envelope {

/// Whether a text names an organisation: [a-z0-9][a-z0-9.-]{0,62}.
bool is_org(std::string_view text);
/// Whether a text is the id of a key: 16 lower-case hex digits.
bool is_kid(std::string_view text);
/// A fresh random id of a key.
std::string fresh_kid();

/// The name of an envelope: 32 random bytes, in text 43 characters of base64url.
class EnvelopeId {
 public:
  static EnvelopeId fresh();
  static std::optional<EnvelopeId> parse(std::string_view text);
  explicit EnvelopeId(const std::array<std::uint8_t, 32>& bytes) : bytes_(bytes) {}
  [[nodiscard]] const std::array<std::uint8_t, 32>& bytes() const { return bytes_; }
  [[nodiscard]] std::string text() const;
  auto operator<=>(const EnvelopeId&) const = default;

 private:
  std::array<std::uint8_t, 32> bytes_;
};

/// Tells which link a stanza belongs to without telling the link: 8 bytes, in text 11 characters.
using LinkLabel = std::array<std::uint8_t, 8>;

/// Salt and cost with which a password is made a key.
struct PasswordCost {
  std::array<std::uint8_t, crypto::kArgon2SaltSize> salt{};
  crypto::Argon2Params params{};
  bool operator==(const PasswordCost&) const = default;
};

/// Opens with a password.
struct PasswordStanza {
  PasswordCost cost;
  bool operator==(const PasswordStanza&) const = default;
};
/// Opens with the organisation's key-encryption key.
struct OrgStanza {
  std::string org;
  std::string kid;
  bool operator==(const OrgStanza&) const = default;
};
/// Opens with the organisation's private key; made by whoever knows only the public one.
struct X25519Stanza {
  std::string org;
  std::string kid;
  crypto::X25519Public ephemeral{};
  bool operator==(const X25519Stanza&) const = default;
};
/// Opens with the organisation's key and the link that the recipient was mailed, and with a
/// password as well where `password` is there.
struct LinkStanza {
  std::string org;
  std::string kid;
  LinkLabel label{};
  std::optional<PasswordCost> password;
  bool operator==(const LinkStanza&) const = default;
};

using StanzaKind = std::variant<PasswordStanza, OrgStanza, X25519Stanza, LinkStanza>;

struct Stanza {
  StanzaKind kind;
  std::array<std::uint8_t, crypto::kXaesNonceSize> nonce{};
  std::vector<std::uint8_t> wrapped;  ///< 48 bytes; 88 in a LinkStanza

  /// The first line up to, not including, the space before its nonce.
  [[nodiscard]] std::string line_without_nonce() const;
  /// Both lines, each with its LF.
  [[nodiscard]] std::string text() const;
  bool operator==(const Stanza&) const = default;
};

/// Bytes that a stanza of this kind wraps into.
std::size_t wrapped_size(const StanzaKind& kind);

/// The stanza of these two lines (without LF). Errc::malformed: an unknown type, a field that is
/// not canonical, Argon2 parameters beyond the caps.
Result<Stanza> parse_stanza(std::string_view first, std::string_view second);

}  // namespace sm::envelope
