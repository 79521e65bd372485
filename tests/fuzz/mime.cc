// links: message
// The MIME scanner and the preparation: places lie inside the body, cuts change nothing, and what
// is prepared has no 8-bit octet unless it says so, and is prepared again as the same octets.
#include "message/mime.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "message/octets.h"
#include "message/prepare.h"

using namespace sm;
using namespace sm::message;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

void check(const std::vector<Part>& parts, std::uint64_t size) {
  must(!parts.empty() && parts.size() <= MimeLimits().parts);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    must(part.header.begin <= part.header.end && part.header.end <= part.body.begin);
    must(part.body.begin <= part.body.end && part.body.end <= size);
    must((i == 0) == (part.parent == Part::kNoParent));
    if (i == 0) continue;
    must(part.parent < i && !parts[part.parent].is_leaf());
    must(part.header.begin >= parts[part.parent].body.begin);
    must(part.body.end <= parts[part.parent].body.end || part.body.empty());
  }
}

Result<std::string> prepared(std::string_view text) {
  auto message = read_message(*read_memory(text), Purpose::submission);
  if (!message) return fail(message.error());
  PrepareOptions options;
  options.author = Address{"", *name::Mailbox::parse("a@b.c")};
  auto done = prepare(*std::move(message), options);
  if (!done) return fail(done.error());
  auto bytes = read_all(*done->open(), SIZE_MAX);
  must(bytes && bytes->size() == done->size());
  must(done->is_8bit() == has_8bit(*bytes));
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const auto text = as_text({bytes, size}).substr(1);
  const auto message = read_message(*read_memory(text), Purpose::inspection);
  if (message) {
    const auto parts = scan_mime(message->header(), *message->body().open());
    const auto body = *read_all(*message->body().open(), SIZE_MAX);
    const auto again = scan_mime(message->header(), *read_memory(body, bytes[0] % 16 + 1));
    must(parts.has_value() == again.has_value());
    if (parts) {
      check(*parts, message->body().size());
      must(parts->size() == again->size());
      must(parts->back().body.end == again->back().body.end);
    }
  }
  if (const auto once = prepared(text)) {
    const auto twice = prepared(*once);
    must(twice && *twice == *once);
  }
  return 0;
}
