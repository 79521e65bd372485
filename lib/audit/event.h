#pragma once
// The closed list of events of the audit log. A record says that one of these happened; success
// and failure of the same act are one event with an outcome, and a reason where it did not succeed.

#include <array>
#include <optional>
#include <string_view>

namespace sm::audit {

enum class Event {
  submitted,  ///< a message was handed to us, before any byte of it leaves
  refused,    ///< not accepted, by policy or for what the message is
  queued,     ///< in the spool; we deliver later
  delivered,  ///< the destination's server said 250
  deferred,   ///< not now
  failed,     ///< for good, by the destination
  uncertain,  ///< connection lost between the final dot and the reply
  returned,   ///< the sender was told that it did not arrive
  sealed,     ///< stored for the portal
  notified,   ///< the notification of a sealed message (its outcome)
  number_requested,
  link_issued,
  code_sent,
  verified,
  locked,
  opened,
  downloaded,
  replied,
  revoked,
  deleted,
  expired,
  erased,
  escrow_opened,
  contact_added,
  contact_changed,
  contact_removed,
  policy_changed,
  kek_created,
  kek_rotated,
  kek_destroyed,
  epoch_ended,
  recovered,
  exported,
};

inline constexpr std::array kEventNames = {
    std::string_view("submitted"),        std::string_view("refused"),
    std::string_view("queued"),           std::string_view("delivered"),
    std::string_view("deferred"),         std::string_view("failed"),
    std::string_view("uncertain"),        std::string_view("returned"),
    std::string_view("sealed"),           std::string_view("notified"),
    std::string_view("number_requested"), std::string_view("link_issued"),
    std::string_view("code_sent"),        std::string_view("verified"),
    std::string_view("locked"),           std::string_view("opened"),
    std::string_view("downloaded"),       std::string_view("replied"),
    std::string_view("revoked"),          std::string_view("deleted"),
    std::string_view("expired"),          std::string_view("erased"),
    std::string_view("escrow_opened"),    std::string_view("contact_added"),
    std::string_view("contact_changed"),  std::string_view("contact_removed"),
    std::string_view("policy_changed"),   std::string_view("kek_created"),
    std::string_view("kek_rotated"),      std::string_view("kek_destroyed"),
    std::string_view("epoch_ended"),      std::string_view("recovered"),
    std::string_view("exported"),
};

/// "delivered".
std::string_view text(Event event);
std::optional<Event> parse_event(std::string_view text);

/// Of an act that can go three ways.
enum class Outcome { success, failure, denied };
std::string_view text(Outcome outcome);

}  // namespace sm::audit
