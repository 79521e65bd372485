#include "sealing/pause.h"

#include <algorithm>
#include <array>

namespace sm::sealing {

std::chrono::seconds pause_after(std::int64_t attempts) {
  using std::chrono::seconds;
  constexpr std::array<seconds, 7> kPauses = {seconds(60),  seconds(300),  seconds(600),
                                              seconds(900), seconds(1800), seconds(2700),
                                              seconds(3600)};
  const auto index = std::clamp<std::int64_t>(attempts - 1, 0, kPauses.size() - 1);
  return kPauses.at(static_cast<std::size_t>(index));
}

}  // namespace sm::sealing
