#include "sealing/mark.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace sm::sealing {
namespace {

using std::chrono::microseconds;

microseconds uptime_of(const Clock& clock) {
  return std::chrono::floor<microseconds>(clock.monotonic().time_since_epoch());
}

std::optional<std::int64_t> parse_signed(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Mark Mark::now(const Clock& clock) {
  return {clock.now(), uptime_of(clock), clock.boot_id()};
}

std::string Mark::text() const {
  return std::to_string(wall.time_since_epoch().count()) + ' ' + std::to_string(uptime.count()) +
         ' ' + boot;
}

std::optional<Mark> Mark::parse(std::string_view text) {
  const auto pieces = split(text, ' ');
  if (pieces.size() != 3 || pieces[2].empty()) return std::nullopt;
  const auto wall = parse_signed(pieces[0]);
  const auto uptime = parse_signed(pieces[1]);
  if (!wall || !uptime) return std::nullopt;
  return Mark{WallTime(microseconds(*wall)), microseconds(*uptime), std::string(pieces[2])};
}

microseconds elapsed_since(const Mark& mark, const Clock& clock) {
  const auto uptime = uptime_of(clock);
  if (mark.boot == clock.boot_id()) return std::max(uptime - mark.uptime, microseconds(0));
  // Another life of the machine: all of this one lies after the mark, whatever the clock says.
  const auto at_least = std::max(uptime, microseconds(0));
  if (!clock.is_synchronised()) return at_least;
  return std::max(std::chrono::duration_cast<microseconds>(clock.now() - mark.wall), at_least);
}

microseconds left_of(microseconds period, const Mark& mark, const Clock& clock) {
  return std::max(period - elapsed_since(mark, clock), microseconds(0));
}

}  // namespace sm::sealing
