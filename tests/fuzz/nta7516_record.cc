// links: dns nta7516
// NTA 7516 records: one that is accepted has real months in order.

#include <cstdint>
#include <cstdlib>

#include "nta7516/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm;
  const auto record = nta7516::parse_record({reinterpret_cast<const char*>(bytes), size});
  if (!record) return 0;
  if (!record->start.ok() ||
      (record->end && (!record->end->ok() || *record->end < record->start))) {
    std::abort();
  }
  const auto first_day = std::chrono::sys_days(record->start / std::chrono::day(1));
  if (!record->is_valid_at(WallTime(first_day))) std::abort();
  return 0;
}
