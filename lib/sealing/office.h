#pragma once
// What everything in the sealed channel works with: books, keys, logs, clock. An Office belongs to
// one thread (its Index does); the keys, the logs and the clock are shared.

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "audit/log.h"
#include "base/clock.h"
#include "base/result.h"
#include "config/config.h"
#include "envelope/keyring.h"
#include "envelope/store.h"
#include "store/index.h"

namespace sm::sealing {

/// The audit logs of all organisations, opened when first needed. Safe for many threads.
class Logs {
 public:
  /// `config`, `clock` and `signed_state` (may be null) must outlive it. `tool`: "smportal/0.1.0".
  Logs(const config::Config& config, const Clock& clock, std::string tool,
       audit::SignedState* signed_state = nullptr);
  Result<audit::Log*> of(const std::string& org);
  /// Appends to the organisation's log: durable on return. Fails closed: no record, no act.
  Result<void> append(const std::string& org, std::span<const audit::Record> records);
  Result<void> append(const std::string& org, const audit::Record& record) {
    return append(org, std::span(&record, 1));
  }

 private:
  const config::Config* config_;
  const Clock* clock_;
  std::string tool_;
  audit::SignedState* signed_state_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<audit::Log>> logs_;
};

/// None is owned; all outlive the Office.
struct Office {
  const config::Config* config;
  store::Index* index;
  const envelope::Keyring* keys;
  Logs* logs;
  const Clock* clock;

  [[nodiscard]] envelope::Store envelopes() const {
    return envelope::Store(config->state + "/sealed");
  }
  /// The organisation of this id, or the one that stands in where none is configured.
  [[nodiscard]] config::Organisation organisation(const std::string& id) const;
};

}  // namespace sm::sealing
