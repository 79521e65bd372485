// links: audit
// A timestamp reply from a file or an authority: over these bytes it is never good.
#include <cstdlib>

#include "audit/anchor.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm::audit;
  const sm::Bytes reply(bytes, size);
  const std::string_view message = "a message that nobody witnessed";
  const auto answer = verify_timestamp(reply, sm::as_bytes(message), "", reply);
  if (answer && answer->verdict == TimestampVerdict::good) std::abort();
  if (!answer && answer.error().code != sm::Errc::malformed) std::abort();
  return 0;
}
