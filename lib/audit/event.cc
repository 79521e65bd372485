#include "audit/event.h"

#include <algorithm>

namespace sm::audit {

static_assert(kEventNames.size() == static_cast<std::size_t>(Event::exported) + 1);

std::string_view text(Event event) {
  return kEventNames[static_cast<std::size_t>(event)];
}

std::optional<Event> parse_event(std::string_view text) {
  const auto found = std::find(kEventNames.begin(), kEventNames.end(), text);
  if (found == kEventNames.end()) return std::nullopt;
  return static_cast<Event>(found - kEventNames.begin());
}

std::string_view text(Outcome outcome) {
  switch (outcome) {
    case Outcome::success:
      return "success";
    case Outcome::failure:
      return "failure";
    case Outcome::denied:
      return "denied";
  }
  return "failure";
}

}  // namespace sm::audit
