// links: audit
// A tar file is refused, or its files, none of which can lie outside a folder, go into one and come
// out again.
#include "audit/tar.h"

#include <cstdlib>

#include "base/secret.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm::audit;
  const auto files = read_tar(sm::as_text({bytes, size}));
  if (!files) return 0;
  for (const auto& [name, content] : *files) {
    if (name.empty() || name.find('/') != name.npos) std::abort();
  }
  const auto again = read_tar(write_tar(*files));
  if (!again || *again != *files) std::abort();
  return 0;
}
