#pragma once
// What was delivered, from the audit log: a mail that a destination's server took cannot be taken
// back, and whoever revokes is told so.

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sealing/office.h"

namespace sm::retention {

struct DeliveredQuery {
  std::optional<std::string> message{};     ///< audit id
  std::optional<std::string> message_id{};  ///< the header field's, with or without angle brackets
  std::optional<std::string> recipient{};   ///< address
  std::optional<WallTime> since{};
};

struct Delivered {
  std::string org;
  std::string message;       ///< audit id
  std::string recipient_id;  ///< audit id
  std::string recipient;     ///< address; empty where it was erased
  WallTime at{};
};

/// That somebody wanted it back and could not have it.
Result<void> tell_not_revoked(sealing::Office& office, const Delivered& delivered);

/// In the order of the logs. Nothing where no log is there.
Result<std::vector<Delivered>> find_delivered(sealing::Office& office, const DeliveredQuery& query);

}  // namespace sm::retention
