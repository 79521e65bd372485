#pragma once
// A ticket: what goes along with a message that waits, and is not in it. The envelope, and what its
// sender wished for. It is JSON, sealed together with the message (queue/parcel.h), and read as
// strictly as anything that comes from outside: a ticket out of the drop was written by a stranger.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"
#include "envelope/password.h"
#include "smtp/envelope.h"

namespace sm::queue {

/// What becomes of it where the destination stays below the minimum; unset: as configured.
enum class OnInsecure { seal, refuse, defer };

struct Ticket {
  static constexpr std::size_t kMostRecipients = 10'000;
  static constexpr std::size_t kMostText = std::size_t{4} << 20;

  smtp::Envelope envelope;
  std::optional<config::Minimum> minimum{};
  std::optional<OnInsecure> on_insecure{};
  // Of the sealed channel, in the words of the flags (smsend(1)).
  bool seals_all = false;
  std::optional<std::string> method{};
  std::optional<std::string> phone{};
  std::optional<std::string> expires{};
  bool is_once = false;
  /// Not in the text: a part of the parcel of its own.
  std::optional<envelope::Password> password{};

  [[nodiscard]] std::string text() const;
  /// Errc::malformed: not what text() writes. The password is left out.
  static Result<Ticket> parse(std::string_view text);
};

}  // namespace sm::queue
