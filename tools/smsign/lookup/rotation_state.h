#pragma once
// Where rotations are kept: `<state>/dkim/<domain>.<rsa|ed25519>`, one line of JSON each, and the
// audit log that tells of every step.

#include <optional>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "config/config.h"
#include "dkim/rotation.h"

namespace sm::smsign {

class RotationState {
 public:
  /// Takes the rotation's lock; Errc::temporary where another process has it.
  static Result<RotationState> open(const config::Config& config, const name::Domain& domain,
                                    crypto::KeyType type, std::string organisation);

  /// Nothing where there has been none.
  [[nodiscard]] Result<std::optional<dkim::Rotation>> load() const;
  /// The step first into the log, then the state: a step that is not in the log was not taken.
  Result<void> record(const dkim::Rotation& rotation, const std::string& step);
  /// The same for a rotation that is given up.
  Result<void> forget(const dkim::Rotation& rotation);
  /// Where the private key of a selector is put: in the state's `keys`.
  [[nodiscard]] std::string key_path(const std::string& selector) const;

 private:
  RotationState(const config::Config& config, std::string organisation, std::string name,
                std::string folder, FileLock lock)
      : config_(&config),
        organisation_(std::move(organisation)),
        name_(std::move(name)),
        folder_(std::move(folder)),
        lock_(std::move(lock)) {}
  [[nodiscard]] std::string path() const { return folder_ + "/" + name_; }
  Result<void> append(const dkim::Rotation& rotation, const std::string& step);

  const config::Config* config_;
  std::string organisation_;
  std::string name_;
  std::string folder_;
  FileLock lock_;
};

}  // namespace sm::smsign
