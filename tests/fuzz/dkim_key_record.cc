// links: dkim
// Key records: what is usable is within bounds, and is the same key when it is published again.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "dkim/key_record.h"
#include "dkim/publish.h"

namespace {

void must(bool is_so) {
  if (!is_so) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm::dkim;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const KeyReading reading = parse_key_record(text);
  must((reading.state == KeyState::usable) == reading.record.has_value());
  must((status_of(reading.state) == Status::pass) == reading.record.has_value());
  if (reading.record) {
    const auto& key = reading.record->key;
    must(key.type() == reading.record->type);
    if (key.type() == sm::crypto::KeyType::rsa) {
      must(key.bits() >= kMinVerifyBits && key.bits() <= kMaxVerifyBits);
    }
    const KeyReading again = parse_key_record(record_text(key));
    must(again.record && again.record->key == key);
    must(!key.verify({}, {}));
  }
  for (const auto& key : keys_in(text))
    must(key.bits() > 0);
  return 0;
}
