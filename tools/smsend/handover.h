#pragma once
// Handing a message over without rights: sealed to the organisation's public key, it goes through
// smsend-drop into the drop, and the next run of the queue takes it up.

#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "delivery/result.h"
#include "queue/ticket.h"
#include "submission/submit.h"

namespace sm::smsend {

/// A result for each recipient, `queued` and without audit id: the runner gives that. Errc::
/// configuration: no public key of the organisation; Errc::unavailable: no smsend-drop, no drop;
/// Errc::temporary: no room.
Result<std::vector<delivery::RecipientResult>> hand_over(const config::Config& config,
                                                         const std::string& org,
                                                         const submission::Mail& mail,
                                                         const queue::Ticket& ticket);

}  // namespace sm::smsend
