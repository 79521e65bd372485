// links: dns tlsrpt
// TLSRPT records: one that is accepted has an address, and only printable ones.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "tlsrpt/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm;
  const std::string text(bytes, bytes + size);
  const auto record = tlsrpt::parse_record(text);
  if (record) {
    if (record->rua.empty() || !text.starts_with("v=TLSRPTv1")) std::abort();
    for (const auto& uri : record->rua) {
      const bool is_plain =
          std::all_of(uri.begin(), uri.end(), [](char c) { return c > 0x20 && c < 0x7f; });
      if (!is_plain) std::abort();
    }
  }
  return 0;
}
