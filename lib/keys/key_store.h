#pragma once
// Where the installation's keys lie, and how they change safely: `<state>/keys/master.key`,
// `<state>/keys/keyring`, and the audit log that witnesses each change.
//
// A change is written beside the keyring (`keyring.next`), then told to the log, then given the
// keyring's name; a crash between any two of these is finished by whoever comes next, so that at
// every moment exactly one keyring is the recorded one. A keyring that is older than the log's
// newest record is refused: a destroyed key stays destroyed when yesterday's copy is put back.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "audit/signed_state.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "envelope/keyring.h"
#include "keys/witness.h"

namespace sm::keys {

/// Where the master key comes from, in the order in which they are tried.
enum class MasterSource {
  environment,  ///< SECURE_MAIL_MASTER_KEY
  credential,   ///< $CREDENTIALS_DIRECTORY/master.key
  file,         ///< <state>/keys/master.key
};

struct KeyPlaces {
  std::string state;
  /// SECURE_MAIL_MASTER_KEY, as main_for took it out of the environment; null where unset. Not
  /// owned.
  const Secret* environment_key = nullptr;
  std::optional<std::string> credentials_directory;
};

/// What a tool says that uses the master key from the environment.
inline constexpr char kEnvironmentWarning[] =
    "the master key comes from SECURE_MAIL_MASTER_KEY; a credential file is safer";

/// Who changes keys, for the record.
struct Recorder {
  std::string tool;  ///< "smkey/0.1.0"
  const Clock* clock = nullptr;
  audit::SignedState* signed_state = nullptr;  ///< what was signed last; may be null. Not owned
  /// An organisation's log origin; empty: the log's default.
  std::function<std::string(const std::string& org)> origin;
};

/// Where the master key comes from here.
MasterSource master_source(const KeyPlaces& places);

/// The keyring as the log has it. Errc::configuration: there is none (the hint says how to make
/// one), it is older than the log's newest record, or it is not the recorded one; Errc::denied:
/// wrong master key.
Result<envelope::Keyring> load_keyring(const KeyPlaces& places);

/// What smkey does. One at a time: the object holds the lock of `<state>/keys`.
class KeyStore {
 public:
  /// Locks, and finishes or takes back what a crash left half done.
  static Result<KeyStore> open(KeyPlaces places, Recorder recorder);

  [[nodiscard]] const envelope::Keyring& keyring() const { return keyring_; }

  /// The first keys of an organisation; makes the master key where there is none at all. False:
  /// it has keys already, and nothing changed.
  Result<bool> init(const std::string& org);
  /// New keys for an organisation in place of the active ones, which retire. The caller then renews
  /// the envelopes (keys/rotation.h).
  Result<void> rotate(const std::string& org);
  /// Destroys a retired key. False: it was destroyed before.
  Result<bool> destroy(const std::string& org, const std::string& kid);
  /// A new master key. `replacement` is the text of the new one where it is not ours to make (it
  /// comes from a credential or the environment): then the caller's operator puts it in place.
  Result<void> rotate_master(const Secret* replacement = nullptr);

 private:
  KeyStore(KeyPlaces places, Recorder recorder, FileLock lock)
      : places_(std::move(places)), recorder_(std::move(recorder)), lock_(std::move(lock)) {}
  struct Change;
  Result<void> recover();
  Result<void> commit(const Change& change);
  Result<void> record(const Change& change, const std::string& org, const std::string& sha256);
  Result<void> make_master();

  KeyPlaces places_;
  Recorder recorder_;
  FileLock lock_;
  std::optional<envelope::MasterKey> master_;
  envelope::Keyring keyring_;
  bool is_new_ = false;  ///< there is no keyring yet
};

}  // namespace sm::keys
