// links: message
// Messages as they are read: normalised once, the same however the input is cut, read again as the
// same; header fields cover every octet of the header; structured values and encoded words.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "message/encoded_word.h"
#include "message/parameters.h"
#include "message/reader.h"

using namespace sm;
using namespace sm::message;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

struct Text {
  std::string header;
  std::string body;
};

Result<Text> read(std::string_view text, Purpose purpose, std::size_t block) {
  auto message = read_message(*read_memory(text, block), purpose);
  if (!message) return fail(message.error());
  auto body = read_all(*message->body().open(), SIZE_MAX);
  must(body.has_value());
  std::string covered;
  for (const auto& field : message->header()) {
    must(field.raw.starts_with(field.name) && field.raw.ends_with("\r\n"));
    covered += field.raw;
    (void)parse_structured(field.value);
    must(is_utf8(decode_words(unfolded(field.value))));
  }
  must(covered == message->header().bytes());
  return Text{covered, *std::move(body)};
}

/// RFC 5321 §2.3.8: every CR is followed by an LF, every LF follows a CR.
bool has_only_crlf(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') return false;
    if (text[i] == '\r' && (++i == text.size() || text[i] != '\n')) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const auto text = as_text({bytes, size}).substr(1);
  const std::size_t cut = bytes[0] % 16 + 1;
  (void)read(text, Purpose::inspection, cut);
  const auto whole = read(text, Purpose::submission, 65536);
  const auto pieces = read(text, Purpose::submission, cut);
  must(whole.has_value() == pieces.has_value());
  if (!whole) return 0;
  must(whole->header == pieces->header && whole->body == pieces->body);
  must(has_only_crlf(whole->header) && has_only_crlf(whole->body));
  const auto again = read(whole->header + "\r\n" + whole->body, Purpose::submission, 65536);
  must(again && again->header == whole->header && again->body == whole->body);
  return 0;
}
