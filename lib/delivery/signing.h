#pragma once
// Signing what goes out: the keys that an organisation has configured for the author's domain.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "audit/evidence.h"
#include "base/clock.h"
#include "base/result.h"
#include "config/config.h"
#include "dkim/signer.h"
#include "message/prepare.h"

namespace sm::delivery {

/// Puts the key in force in the place of each that a rotation (smsign rotate) has replaced since
/// the configuration was written. To be called once, before anything is signed. An Error where what
/// is kept of a rotation cannot be read.
Result<void> apply_rotations(config::Config& config);

/// Puts DKIM-Signature fields before the header where a key is configured for the domain of From,
/// and tells what was put there; no evidence where no key is. A key that is configured and cannot
/// be used is an Error: the message is not sent unsigned.
Result<std::vector<audit::DkimEvidence>> sign(message::PreparedMessage& message,
                                              const config::Organisation& organisation,
                                              const Clock& clock);

/// The same for many messages: keys are opened once. For all threads.
class SigningDesk {
 public:
  Result<std::vector<audit::DkimEvidence>> sign(message::PreparedMessage& message,
                                                const config::Organisation& organisation,
                                                const Clock& clock);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const dkim::Signer>>
      signers_;  ///< by organisation and domain
};

}  // namespace sm::delivery
