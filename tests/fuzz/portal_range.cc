// links: portal
// A range that is granted lies inside, whatever was asked.
#include <cstdlib>

#include "base/secret.h"
#include "portal/fields.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm::portal;
  const auto text = sm::as_text({bytes, size});
  for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000},
                                     std::uint64_t{1} << 62, UINT64_MAX}) {
    const auto answer = parse_range(text, length);
    if (answer.kind != RangeKind::part) continue;
    if (answer.range.first > answer.range.last || answer.range.last >= length) std::abort();
  }
  return 0;
}
