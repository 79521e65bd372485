#include "audit/event.h"

#include <array>
#include <cstdint>

namespace sm::audit {

static_assert(kEventNames.size() == static_cast<std::size_t>(Event::exported) + 1);

std::string_view text(Event event) {
  return kEventNames[static_cast<std::size_t>(event)];
}

namespace {

// Names are found by a table: verifying looks one up for every record.
constexpr std::size_t kPlaces = 128;
constexpr std::uint8_t kNobody = 0xff;

constexpr std::size_t place_of(std::string_view name) {
  const auto c = [&](std::size_t i) { return static_cast<unsigned char>(name[i]); };
  return (name.size() + 3u * c(0) + 5u * c(2) + 7u * c(name.size() - 1)) % kPlaces;
}

constexpr std::array<std::uint8_t, kPlaces> kTable = [] {
  std::array<std::uint8_t, kPlaces> table{};
  table.fill(kNobody);
  for (std::size_t event = 0; event < kEventNames.size(); ++event) {
    std::size_t place = place_of(kEventNames[event]);
    while (table[place] != kNobody)
      place = (place + 1) % kPlaces;
    table[place] = static_cast<std::uint8_t>(event);
  }
  return table;
}();

}  // namespace

std::optional<Event> parse_event(std::string_view text) {
  if (text.size() < 3) return std::nullopt;
  for (std::size_t place = place_of(text); kTable[place] != kNobody;
       place = (place + 1) % kPlaces) {
    if (kEventNames[kTable[place]] == text) return static_cast<Event>(kTable[place]);
  }
  return std::nullopt;
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
