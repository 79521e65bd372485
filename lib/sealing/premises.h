#pragma once
// An Office with everything in it, opened from a configuration: what each tool of the sealed
// channel begins with. Threads that need an Office of their own get one by another_office().

#include <memory>
#include <string>

#include "base/result.h"
#include "keys/key_store.h"
#include "sealing/office.h"

namespace sm::sealing {

class Premises {
 public:
  struct Options {
    std::string tool;  ///< "smretain/0.1.0"
    /// SECURE_MAIL_MASTER_KEY; null where unset. Not owned, outlives the Premises.
    const Secret* environment_key = nullptr;
    std::optional<std::string> credentials_directory{};
    /// false: a keyring that cannot be opened is an empty one (smcontact, smretain list).
    bool needs_keys = true;
    const Clock* clock = &system_clock();
  };
  static Result<std::unique_ptr<Premises>> open(config::Config config, const Options& options);
  Premises(const Premises&) = delete;
  Premises& operator=(const Premises&) = delete;
  ~Premises();

  /// For the thread that opened it.
  [[nodiscard]] Office& office();
  [[nodiscard]] const config::Config& config() const;

  /// For another thread: its own connection to the database, everything else shared.
  struct Desk {
    store::Index index;
    Office office;
  };
  [[nodiscard]] Result<std::unique_ptr<Desk>> another_office();

 private:
  struct Parts;
  explicit Premises(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace sm::sealing
