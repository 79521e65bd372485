#pragma once
// Replacing a signing key without a message that fails: the record of the new key is published and
// seen everywhere before anything is signed with it, and the old key stays valid until the last
// message that it signed has been read by the slowest receiver.
//
//   publish → (seen by resolver and name servers) → overlap → (time) → revoke → (seen) → done
//
// Decisions only; who keeps the state, asks the DNS and writes the log is tools/smsign. Signers ask
// active_key() for the key that is in force: the configuration may go on naming the first one.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/signing_key.h"
#include "dkim/key_record.h"
#include "name/domain.h"

namespace sm::dkim {

enum class RotationPhase {
  publish,  ///< the new key's record has to appear; the old key signs
  overlap,  ///< the new key signs; the old one's record stays
  revoke,   ///< the old key's record has to become empty, or to go
  done,
};
std::string_view text(RotationPhase phase);

/// A key and where its private part is.
struct RotationKey {
  std::string selector;
  std::string key;     ///< file or pkcs11: URI
  std::string record;  ///< its TXT record's text
  friend bool operator==(const RotationKey&, const RotationKey&) = default;
};

struct Rotation {
  name::Domain domain;
  crypto::KeyType type;
  RotationPhase phase = RotationPhase::publish;
  RotationKey old_key;
  RotationKey new_key;
  /// Selectors before the old one: a configuration that names one of them means the key in force.
  std::vector<std::string> earlier{};
  std::chrono::sys_seconds started;
  std::optional<std::chrono::sys_seconds> switched{};
  std::chrono::seconds overlap{std::chrono::days(7)};

  /// The key that signs now.
  [[nodiscard]] const RotationKey& active() const {
    return phase == RotationPhase::publish ? old_key : new_key;
  }
  /// When the old key may be revoked; nothing before the switch.
  [[nodiscard]] std::optional<std::chrono::sys_seconds> overlap_ends() const;
  friend bool operator==(const Rotation&, const Rotation&) = default;
};

/// "example.com.rsa": the name of a rotation's state; one for each domain and kind of key.
std::string rotation_name(const name::Domain& domain, crypto::KeyType type);

/// JSON, one line, and back. Errc::configuration where it is not one.
std::string to_json(const Rotation& rotation);
Result<Rotation> parse_rotation(std::string_view json, const std::string& name);

/// The key in force for a selector that the configuration names; nothing where the rotation does
/// not concern it.
std::optional<RotationKey> active_key(const Rotation& rotation, std::string_view selector);

/// The key in force for a configured selector of the domain, from the rotations kept in `folder`
/// ("<state>/dkim"); nothing where no rotation concerns it. It stands here, not with the state,
/// since every signer must ask. Errc::configuration or io where what is kept cannot be read: then
/// nobody knows which key may sign.
Result<std::optional<RotationKey>> find_active_key(const std::string& folder,
                                                   const name::Domain& domain,
                                                   std::string_view selector);

/// "s20261121", or with a letter after it where that is taken.
std::string fresh_selector(std::chrono::sys_seconds now, const std::vector<std::string>& taken);

/// What one source (the resolver, a name server) has.
struct Sighting {
  std::string source;  ///< "the resolver", "ns1.example.com"
  KeyAnswer answer;
};

/// Whether it shows the key.
bool shows_key(const KeyAnswer& answer, const crypto::PublicKey& key);
/// Whether it shows that no signature with the key verifies any more: revoked, or no record.
bool shows_revocation(const KeyAnswer& answer);

}  // namespace sm::dkim
