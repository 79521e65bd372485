#pragma once
// What both halves of Access work by: the door (access.cc: from a link to a verified session) and
// the reading room (reading.cc: what a session may do). Part of lib/sealing.

#include <chrono>
#include <string>
#include <string_view>

#include "audit/record.h"
#include "base/clock.h"
#include "config/config.h"
#include "store/sealed_table.h"

namespace sm::sealing {

/// A mark that cannot be read is over.
bool is_over(std::string_view mark, std::chrono::microseconds period, const Clock& clock);

/// Who sent it, as the organisation's policy shows it.
std::string sender_shown(const config::Organisation& organisation,
                         const store::SealedMessage& message);

/// What a session's message key is bound to.
std::string wrap_context(const std::string& message, const std::string& recipient);

audit::Record record_for(audit::Event event, const std::string& message,
                         const std::string& recipient);

}  // namespace sm::sealing
