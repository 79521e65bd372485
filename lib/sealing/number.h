#pragma once
// A recipient's phone number, asked for by a form whose one-time link the sender was mailed (at
// their own, verified domain). A mail reply sets nothing. Until then the message waits, sealed,
// `pending`; the number sets the notification on its way, and is kept as a contact where the
// organisation keeps contacts.

#include <optional>
#include <string>
#include <string_view>

#include "envelope/wrap.h"
#include "sealing/office.h"

namespace sm::sealing {

/// "+31612345678": 8 to 15 digits after the plus, no zero first (E.164). Blanks, hyphens, dots and
/// parentheses are passed over; "00" becomes "+". Nothing for all else: no country is guessed.
std::optional<std::string> parse_phone(std::string_view typed);
/// "+31 ••••••78".
std::string masked_phone(std::string_view phone);
/// "a•••@b.example".
std::string masked_address(std::string_view address);

/// What the form shows.
struct NumberRequest {
  std::string message;
  std::string org;
  std::string recipient_address;
  std::string language;
  WallTime expires{};
};

/// Messages that wait for a number which is known by now (smcontact, or the form of another
/// message) go on. How many recipients that were.
Result<std::size_t> use_known_numbers(Office& office);

class NumberDesk {
 public:
  explicit NumberDesk(Office& office) : office_(office) {}
  /// For GET: reads only. Nothing: unknown, used, expired.
  Result<std::optional<NumberRequest>> find(const envelope::LinkToken& token);
  /// For POST: sets the number, once. False: the link is of no use (any more).
  Result<bool> set(const envelope::LinkToken& token, const std::string& phone);

 private:
  Office& office_;
};

}  // namespace sm::sealing
