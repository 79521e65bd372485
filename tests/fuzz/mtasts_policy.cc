// links: mtasts
// A policy keeps the standard's bounds, and each of its patterns reads back as itself.
#include <cstdlib>

#include "base/secret.h"
#include "mtasts/policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm::mtasts;
  const auto policy = parse_policy(sm::as_text({bytes, size}));
  if (!policy) return 0;
  if (policy->max_age.count() < 0 || policy->max_age.count() > 31'557'600) std::abort();
  if (policy->mx.empty() && policy->mode != Mode::none) std::abort();
  for (const auto& mx : policy->mx) {
    const auto again = MxPattern::parse(mx.text());
    if (!again || again->text() != mx.text()) std::abort();
  }
  return 0;
}
