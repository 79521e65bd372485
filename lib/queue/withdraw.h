#pragma once
// Taking back what waits: a message that has not left is taken out of the queue, and destroyed.

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sealing/office.h"

namespace sm::queue {

struct WithdrawQuery {
  std::optional<std::string> message{};     ///< audit id
  std::optional<std::string> message_id{};  ///< the header's, with its angle brackets
  std::optional<std::string> recipient{};   ///< address
  std::optional<WallTime> since{};
};

struct Withdrawn {
  std::string message;  ///< audit id
  std::string recipient;
};

/// Recipients for whom nothing will be sent any more, each with a record `revoked`.
/// Errc::temporary: a runner has one of them in hand at this moment; nothing was taken back.
Result<std::vector<Withdrawn>> withdraw(sealing::Office& office, const WithdrawQuery& query);

}  // namespace sm::queue
