// links: sender
// SPF and DMARC records, the same text as either: what is accepted keeps its promises.

#include <cstdint>
#include <cstdlib>

#include "sender/dmarc.h"
#include "sender/spf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (const auto spf = sender::parse_spf(text)) {
    for (const auto& term : spf->terms) {
      if (term.name.empty()) std::abort();
    }
  }
  const auto dmarc = sender::parse_dmarc(text);
  if (dmarc && dmarc->percent > 100) std::abort();
  return 0;
}
