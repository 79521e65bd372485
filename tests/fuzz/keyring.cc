// links: envelope
// What stands before a keyring's last line is anything; the last line, which nobody makes without
// the master key, is added here. It is refused, or it is a keyring that goes to text and back.
#include "envelope/keyring.h"

#include <cstdlib>

#include "base/encoding.h"
#include "crypto/digest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm::envelope;
  const std::string key = sm::to_base64(std::vector<std::uint8_t>(32, 1));
  static const MasterKey master = MasterKey::parse(sm::as_bytes(key), "fuzz").value();
  std::string text(sm::as_text({bytes, size}));
  if (const auto raw = Keyring::parse(text, master)) std::abort();
  text += "--- " + sm::to_base64(sm::crypto::hmac_sha512(master.mac_key(), {bytes, size})) + "\n";
  const auto keyring = Keyring::parse(text, master);
  if (!keyring) {
    const auto code = keyring.error().code;
    if (code != sm::Errc::configuration && code != sm::Errc::denied) std::abort();
    return 0;
  }
  const auto again = Keyring::parse(keyring->text(master), master);
  if (!again || again->counter() != keyring->counter()) std::abort();
  if (again->keks().size() != keyring->keks().size()) std::abort();
  for (const auto& org : keyring->orgs()) {
    if (!keyring->active_kek(org)) std::abort();
  }
  return 0;
}
