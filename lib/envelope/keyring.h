#pragma once
// The keyring: every organisation's key-encryption keys (KEKs) and X25519 pairs, in one text file,
// each private key wrapped under the installation's master key, the whole under an HMAC of the
// master key's. Exactly one KEK of an organisation is active; retired ones open what was sealed
// before; of a destroyed one only the line remains. Every change raises the counter, by which an
// older copy of the file is known.
//
// This is the document alone: where it lies and how it changes safely is lib/keys.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "envelope/wrap.h"

namespace sm::envelope {

/// The installation's master key, as the two keys that come of it.
class MasterKey {
 public:
  /// Canonical base64 of at least 32 bytes, with or without an LF at the end. Errc::configuration:
  /// something else; `name` is where it came from.
  static Result<MasterKey> parse(Bytes text, const std::string& name);
  /// A fresh one: the line of a master key file, with its LF.
  static Secret fresh_line();
  [[nodiscard]] const crypto::AeadKey& wrap_key() const { return wrap_; }
  [[nodiscard]] Bytes mac_key() const { return mac_.reveal(); }

 private:
  crypto::AeadKey wrap_;
  SecretKey<64> mac_;
};

enum class KekState { active, retired, destroyed };
enum class PairState { current, retired };

struct KekEntry {
  std::string org;
  std::string kid;
  std::chrono::sys_seconds created{};
  KekState state = KekState::active;
  std::optional<crypto::AeadKey> key;  ///< nothing once destroyed
};

struct PairEntry {
  std::string org;
  std::string kid;
  std::chrono::sys_seconds created{};
  PairState state = PairState::current;
  crypto::X25519Public public_key{};
  crypto::X25519Private private_key;
};

class Keyring final : public KeySource {
 public:
  Keyring() = default;
  /// Errc::denied: its HMAC is not this master key's (another key, or the file was altered).
  /// Errc::configuration: its syntax.
  static Result<Keyring> parse(std::string_view text, const MasterKey& master);
  /// The file. All private keys are wrapped anew.
  [[nodiscard]] std::string text(const MasterKey& master) const;

  [[nodiscard]] std::uint64_t counter() const { return counter_; }
  [[nodiscard]] const std::vector<KekEntry>& keks() const { return keks_; }
  [[nodiscard]] const std::vector<PairEntry>& pairs() const { return pairs_; }
  [[nodiscard]] std::vector<std::string> orgs() const;  ///< in order of creation, each once

  // KeySource: active and retired ones.
  [[nodiscard]] const crypto::AeadKey* find_kek(std::string_view org,
                                                std::string_view kid) const override;
  [[nodiscard]] const crypto::X25519Private* find_private_key(std::string_view org,
                                                              std::string_view kid) const override;

  /// What new stanzas hang on. Errc::configuration where the organisation has no keys.
  [[nodiscard]] Result<Kek> active_kek(std::string_view org) const;
  [[nodiscard]] Result<PublicKey> current_public_key(std::string_view org) const;

  // Changes; each raises the counter.

  /// The first keys of an organisation, or, where it has some, new ones in their place, the old
  /// ones retired. Returns the new KEK's kid.
  std::string renew(const std::string& org, std::chrono::sys_seconds now);
  /// Destroys a retired KEK, or removes a retired pair. Errc::no_input: there is no such key;
  /// Errc::denied: it is in use for sealing. False: it is destroyed already, and nothing changed.
  Result<bool> destroy(const std::string& org, const std::string& kid);
  /// Nothing but the counter: the master key changes.
  void raise_counter() { ++counter_; }

 private:
  std::uint64_t counter_ = 0;
  std::vector<KekEntry> keks_;
  std::vector<PairEntry> pairs_;
};

/// "active", "retired", "destroyed"; "public", "retired-public".
std::string_view text(KekState state);
std::string_view text(PairState state);

}  // namespace sm::envelope
