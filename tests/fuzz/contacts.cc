// links: sealing
// Contacts as CSV: any text is read or refused, and what was read is the same after it was written.

#include "sealing/contacts.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm;
  const auto contacts =
      sealing::parse_contacts("org", {reinterpret_cast<const char*>(bytes), size});
  if (!contacts) return 0;
  const auto again = sealing::parse_contacts("org", sealing::contacts_csv(*contacts));
  if (!again || *again != *contacts) std::abort();
  return 0;
}
