#pragma once
// Signing checkpoints, for whoever holds the log's lock.
//
// A checkpoint is never inconsistent with one that was signed before: the signer's tree grows from
// the newest checkpoint's, line by line, through the chain, and must give the very roots that the
// newest checkpoint and the state database remember. Where an `epoch_ended` stands on the way, the
// old key signs exactly up to it, the key list grows, the old key is destroyed, and the new key
// goes on; each step is finished by the next signer where a crash interrupted it.

#include <cstdint>
#include <optional>
#include <string>

#include "audit/layout.h"
#include "audit/log_files.h"
#include "audit/log_key.h"
#include "audit/note.h"
#include "audit/signed_state.h"
#include "base/clock.h"
#include "base/result.h"

namespace sm::audit {

/// What a signer needs to know.
struct SignerSetting {
  std::string state;
  std::string org;
  std::string origin;                   ///< of the first key
  SignedState* signed_state = nullptr;  ///< may be null
  const Clock* clock = nullptr;
};

class Signer {
 public:
  Signer(SignerSetting setting, Layout layout)
      : setting_(std::move(setting)), layout_(std::move(layout)) {}

  /// Makes the first key and log.vkey where there is no log.vkey. Where this process may not make
  /// them, nothing happens: the log is unsigned until one comes that may.
  Result<void> make_first_key();
  /// Signs the log as it stands. Errc::denied: the key may not be read.
  Result<Checkpoint> sign(const Tail& tail);
  /// Makes the next epoch's key; its verifier key.
  Result<VerifierKey> make_next_key();

  /// Size of the newest checkpoint, or of what the state database remembers, if that is more.
  Result<std::uint64_t> signed_size();
  /// The newest is 10 s old or 1,000 records behind, and the key may be read.
  Result<bool> is_due(std::uint64_t size);

 private:
  /// How far the tree was built.
  struct Position {
    Frontier frontier;
    std::uint64_t offset = 0;  ///< in the segment of frontier.size()
    Hash last{};
  };
  struct Known {
    std::optional<Checkpoint> newest;
    std::optional<SignedTree> remembered;
  };
  Result<std::vector<VerifierKey>> keys() const;
  [[nodiscard]] std::string key_file(std::uint64_t epoch) const;
  Result<std::optional<Checkpoint>> newest();
  Result<Known> known(const std::vector<VerifierKey>& keys, const Tail& tail);
  void choose_start(const Known& known);
  Result<std::optional<VerifierKey>> advance(std::uint64_t to, const Known& known);
  Result<Checkpoint> publish(const SignerKey& key);
  Result<Checkpoint> still_newest(const Known& known);
  Result<void> finish_epoch(std::vector<VerifierKey>& keys, const VerifierKey& next);
  Result<void> resume_epoch(std::vector<VerifierKey>& keys, const Known& known);
  [[nodiscard]] bool is_our_next(const std::vector<VerifierKey>& keys,
                                 const VerifierKey& next) const;
  Result<SignerKey> signing_key(const std::vector<VerifierKey>& keys) const;
  void save_position() const;
  [[nodiscard]] std::optional<Position> saved_position() const;
  [[nodiscard]] bool stands_there(const Position& position) const;

  SignerSetting setting_;
  Layout layout_;
  Position position_;
};

/// The line with that seq, read from its segment. Errc::malformed where it is not there.
Result<std::string> line_at(const Layout& layout, std::uint64_t seq);

}  // namespace sm::audit
