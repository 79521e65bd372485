#pragma once
// Putting errands into the outbox. Part of lib/sealing and lib/retention; whoever sends them uses
// outbox.h.

#include <chrono>
#include <string>

#include "base/result.h"
#include "name/mailbox.h"
#include "sealing/office.h"
#include "sealing/outbox.h"

namespace sm::sealing {

/// The address that our own mail comes from: configured, or noreply@ the organisation's first
/// domain, or noreply@ the portal's host. Errc::configuration where there is none of these.
Result<name::Mailbox> notice_address(const config::Organisation& organisation);

struct NewErrand {
  Errand kind = Errand::notification;
  const config::Organisation* organisation = nullptr;
  std::string message;
  std::string recipient{};         ///< may be empty
  const Secret* secret = nullptr;  ///< a token, kept sealed to the organisation's key
  bool is_held = false;            ///< until somebody frees it
  std::string lease{};             ///< who has it from the beginning; empty: nobody
};

/// In the caller's transaction.
Result<void> add_errand(Office& office, const NewErrand& errand);

}  // namespace sm::sealing
