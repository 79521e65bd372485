// links: audit
// Disclosures, the lines of their files, and the plan of an erasure: both ways of reading a line
// agree, and what a plan lists is sorted digests.
#include "audit/disclosure.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "audit/scan.h"
#include "base/secret.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm::audit;
  const std::string text(sm::as_text({bytes, size}));
  if (const auto one = Disclosure::parse(text); one && one->json.empty()) std::abort();
  if (const auto plan = ErasurePlan::parse(text)) {
    if (!std::is_sorted(plan->digests.begin(), plan->digests.end())) std::abort();
  }
  const auto line = DisclosureLine::parse(text);
  const std::string padded = text + std::string(kPadding, '"');
  DisclosureScanner scanner;
  const auto* const view = scanner.scan(std::string_view(padded).substr(0, size));
  if ((view == nullptr) != !line) std::abort();
  if (view == nullptr) return 0;
  if (view->seq != line->seq || view->disclosures.size() != line->disclosures.size()) std::abort();
  const auto again = DisclosureLine::parse(line->text());
  if (!again || again->seq != line->seq || again->disclosures != line->disclosures) std::abort();
  return 0;
}
