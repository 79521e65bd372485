// links: audit
// A verifier key is refused, or goes to text and back unchanged; a signer key likewise.
#include <cstdlib>

#include "audit/note.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm::audit;
  const std::string_view text = sm::as_text({bytes, size});
  if (const auto key = VerifierKey::parse(text); key && key->text() != text) std::abort();
  const sm::Secret secret({bytes, size});
  if (const auto key = SignerKey::parse(secret)) {
    if (sm::as_text(key->text().reveal()) != text) std::abort();
    if (!VerifierKey::parse(key->verifier().text())) std::abort();
  }
  return 0;
}
