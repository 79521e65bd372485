#pragma once
// Sends one-time codes: by SMS through the organisation's gateway, or by mail, which goes only over
// a route that is at least `trusted` (link and code in the same clear mail protect nothing).

#include "delivery/equipment.h"
#include "sealing/code.h"
#include "sealing/sms.h"

namespace sm::sealing {

/// Safe for many threads.
class CodeSender final : public CodeChannel {
 public:
  CodeSender(const config::Config& config, const delivery::Equipment& equipment, const Clock& clock)
      : config_(config), equipment_(equipment), clock_(clock) {}
  CodeSent send(const CodeMessage& message) override;

 private:
  const config::Config& config_;
  const delivery::Equipment& equipment_;
  const Clock& clock_;
};

}  // namespace sm::sealing
