// links: dns dane
// TLSA RDATA, several records in one input (each behind its length): whatever comes, a usable
// record has a known usage, selector and matching type and a digest of the right length, and none
// is lost.

#include "dane/tlsa.h"

#include <cstdint>
#include <cstdlib>

#include "dns/records.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm;
  std::vector<dns::Record> rrset;
  for (Bytes rest(bytes, size); !rest.empty();) {
    const std::size_t length = std::min<std::size_t>(rest[0], rest.size() - 1);
    rrset.push_back(dns::read_rdata(dns::Type::tlsa, rest.subspan(1, length)));
    rest = rest.subspan(1 + length);
  }
  const auto selected = dane::select_usable(rrset);
  if (selected.records.size() + selected.unusable.size() != rrset.size()) std::abort();
  for (const auto& tlsa : selected.records) {
    const bool is_known = (tlsa.usage == 2 || tlsa.usage == 3) && tlsa.selector <= 1;
    const bool is_whole = (tlsa.matching_type == 0 && !tlsa.data.empty()) ||
                          (tlsa.matching_type == 1 && tlsa.data.size() == 32) ||
                          (tlsa.matching_type == 2 && tlsa.data.size() == 64);
    if (!is_known || !is_whole) std::abort();
  }
  return 0;
}
