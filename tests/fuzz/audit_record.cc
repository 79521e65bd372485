// links: audit
// A line of the log: the short way of reading it and the long one, through a JSON parser, agree on
// whether it is a record and on every field; what the padding behind it holds changes nothing.
#include <cstdlib>
#include <string>

#include "audit/scan.h"
#include "base/secret.h"

namespace {

using namespace sm::audit;

bool are_equal(const RecordView& a, const RecordView& b) {
  return a.seq == b.seq && a.prev == b.prev && a.ts == b.ts && a.event == b.event &&
         a.message == b.message && a.recipient == b.recipient && a.tool == b.tool &&
         a.host == b.host && a.boot == b.boot && a.mono == b.mono && a.sd == b.sd &&
         a.digests == b.digests && a.recipients == b.recipients && a.next == b.next &&
         a.outcome == b.outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string line(sm::as_text({bytes, size}));
  if (line.find('\n') != line.npos) return 0;
  const std::string one = line + std::string(kPadding, '\0');
  const std::string other = line + std::string(kPadding, '"');
  LineScanner first, second;
  const RecordView* const a = first.scan(std::string_view(one).substr(0, size));
  const RecordView* const b = second.scan_slowly(std::string_view(other).substr(0, size));
  if (size <= 65'535 && (a == nullptr) != (b == nullptr)) std::abort();
  if (a == nullptr) return 0;
  if (!are_equal(*a, *b)) std::abort();
  const auto parsed = parse_record(line);
  if (!parsed || parsed->seq != a->seq || parsed->sd.size() != a->sd.size()) std::abort();
  return 0;
}
