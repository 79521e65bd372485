// links: base
// What is taken can be written and read again as the same value; what is refused says so.
#include "base/json.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/secret.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto value = sm::parse_json(sm::as_text({bytes, size}), "f");
  if (!value) {
    if (value.error().code != sm::Errc::malformed) std::abort();
    return 0;
  }
  const auto again = sm::parse_json(value->dump(), "f");
  if (!again || *again != *value) std::abort();
  return 0;
}
