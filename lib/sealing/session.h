#pragma once
// The secret in a browser's cookie, and what is made of it. The store keeps its digest, by which a
// session is found, and whatever belongs to the session wrapped or hashed under keys that only the
// cookie gives: a stolen database opens no message and tells no code.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "crypto/digest.h"
#include "envelope/wrap.h"

namespace sm::sealing {

class CookieSecret {
 public:
  static CookieSecret fresh();
  /// 43 characters of canonical base64url, or nothing.
  static std::optional<CookieSecret> parse(std::string_view text);
  [[nodiscard]] Secret text() const;
  [[nodiscard]] CookieSecret clone() const { return CookieSecret(secret_.clone()); }

  /// How the store finds the session.
  [[nodiscard]] crypto::Sha256 id() const;
  /// HMAC-SHA-256 under a key for this purpose alone: of codes, of form nonces.
  [[nodiscard]] crypto::Sha256 mac(std::string_view purpose, Bytes bytes) const;
  /// The message key wrapped: nonce ‖ XAES-256-GCM, 72 bytes. `context` (the recipient) must be the
  /// same to unwrap.
  [[nodiscard]] std::vector<std::uint8_t> wrap(const envelope::MessageKey& mk,
                                               std::string_view context) const;
  [[nodiscard]] std::optional<envelope::MessageKey> unwrap(Bytes wrapped,
                                                           std::string_view context) const;

  /// A nonce for one rendering of one form: random, bound to the cookie, the link and `purpose`,
  /// good for a day; nothing of it is stored, so that GET changes nothing.
  [[nodiscard]] std::string form_nonce(std::string_view purpose, const Clock& clock) const;
  [[nodiscard]] bool is_form_nonce(std::string_view nonce, std::string_view purpose,
                                   const Clock& clock) const;

 private:
  explicit CookieSecret(SecretKey<32> secret) : secret_(std::move(secret)) {}
  SecretKey<32> secret_;
};

}  // namespace sm::sealing
