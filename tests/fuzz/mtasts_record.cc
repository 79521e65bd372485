// links: mtasts
// Input lines are TXT records. A record has an id of the standard's form, or there is none.
#include <cstdlib>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/text.h"
#include "mtasts/policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::vector<std::string> texts;
  for (const auto line : sm::split(sm::as_text({bytes, size}), '\n'))
    texts.emplace_back(line);
  const auto answer = sm::mtasts::parse_records(texts);
  if (const auto* record = std::get_if<sm::mtasts::Record>(&answer)) {
    if (record->id.empty() || record->id.size() > 32) std::abort();
    for (const char c : record->id) {
      if (!sm::is_alnum(c)) std::abort();
    }
  }
  return 0;
}
