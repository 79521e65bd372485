// links: audit
// A tlog-proof is refused, or goes to text and back unchanged (but for its extra line, which is not
// kept), and proves nothing of a leaf that nobody put in.
#include <cstdlib>

#include "audit/proof.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm::audit;
  const std::string_view text = sm::as_text({bytes, size});
  const auto proof = TlogProof::parse(text);
  if (!proof) return 0;
  const std::string again = proof->text();
  if (again != text && text.find("\nextra ") == text.npos) std::abort();
  const auto parsed = TlogProof::parse(again);
  if (!parsed || parsed->text() != again || parsed->path != proof->path) std::abort();
  const Hash stranger = leaf_hash(sm::as_bytes(again + "!"));
  if (proof->includes(stranger)) std::abort();
  return 0;
}
