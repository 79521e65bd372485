// links: audit
// A signed note and the checkpoint in it: what is read is exactly what stands there, and without a
// key nothing is good.
#include <cstdlib>

#include "audit/note.h"
#include "base/encoding.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm::audit;
  const std::string_view text = sm::as_text({bytes, size});
  const auto note = Note::parse(text);
  const auto checkpoint = Checkpoint::parse(text);
  if (note && (note->signatures.empty() || !text.starts_with(note->text + "\n"))) std::abort();
  if (note && note->verify({}) != NoteVerdict::unknown_key) std::abort();
  if (!checkpoint) return 0;
  if (!note || checkpoint->note != text || !is_key_name(checkpoint->origin)) std::abort();
  const std::string again = checkpoint->origin + '\n' + std::to_string(checkpoint->size) + '\n' +
                            sm::to_base64(checkpoint->root) + '\n';
  if (note->text != again) std::abort();
  const VerifierKey stranger{checkpoint->origin, {}};
  if (checkpoint->verify(std::span(&stranger, 1)) == NoteVerdict::good) std::abort();
  return 0;
}
