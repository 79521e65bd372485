#pragma once
// Renewing envelopes after an organisation's keys changed: every stanza of the organisation in the
// store is hung on the active keys, without touching bodies. It can be stopped at any moment and
// begun again; until an envelope's turn comes it opens by the retired key.

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "envelope/keyring.h"
#include "envelope/store.h"

namespace sm::keys {

struct RotationReport {
  std::size_t renewed = 0;
  std::size_t unchanged = 0;  ///< on the active keys already, or of other organisations
  /// Envelopes of which a stanza could not be renewed, and why; the others were.
  std::vector<std::pair<envelope::EnvelopeId, Error>> failed;
};

using Progress = std::function<void(std::size_t done, std::size_t all)>;

/// Renews all envelopes of the store, several at a time. `progress` is told how
/// many are done, from the calling thread.
Result<RotationReport> renew_envelopes(envelope::Store& store, const envelope::Keyring& keyring,
                                       const std::string& org, const Progress& progress = {});

/// How many envelopes of the store have a stanza on this key; an Error where a head cannot be read.
Result<std::size_t> count_uses(const envelope::Store& store, const std::string& org,
                               const std::string& kid);

/// The same of messages that wait: the parcels in `<state>/spool` and `<state>/drop`. What is no
/// envelope there does not count.
Result<std::size_t> count_waiting(const std::string& state, const std::string& org,
                                  const std::string& kid);

/// Says that a rotation was begun, and from which key, until it is finished: whoever comes after a
/// crash goes on with it and makes no further key.
class RotationMarker {
 public:
  RotationMarker(const std::string& state, const std::string& org)
      : path_(state + "/keys/rotating-" + org) {}
  /// The kid of the key that was to be replaced; nothing where no rotation is under way.
  [[nodiscard]] Result<std::optional<std::string>> begun_from() const;
  Result<void> begin(const std::string& old_kid);
  Result<void> finish();

 private:
  std::string path_;
};

}  // namespace sm::keys
