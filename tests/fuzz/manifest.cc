// links: envelope
// A manifest is refused as malformed, or what it says goes to text and back unchanged, and each of
// its parts gets a file name that is safe and its own.
#include "envelope/manifest.h"

#include <cstdlib>
#include <set>

#include "envelope/output.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm::envelope;
  // Padded as it must be, so that the padding is not all that is tried.
  std::string text(sm::as_text({bytes, size}));
  text.resize((text.size() + kManifestUnit - 1) / kManifestUnit * kManifestUnit, ' ');
  const auto manifest = parse_manifest(text);
  if (!manifest) {
    if (manifest.error().code != sm::Errc::malformed) std::abort();
    return 0;
  }
  const auto again_text = manifest->text();
  if (!again_text) return 0;  // its names take more room in our spelling
  const auto again = parse_manifest(*again_text);
  if (!again || again->parts.size() != manifest->parts.size()) std::abort();
  for (std::size_t i = 0; i < again->parts.size(); ++i) {
    const auto& a = again->parts[i];
    const auto& b = manifest->parts[i];
    if (a.info.name != b.info.name || a.info.type != b.info.type || a.info.size != b.info.size ||
        a.info.role != b.info.role || a.sealed != b.sealed) {
      std::abort();
    }
  }
  std::set<std::string> names;
  for (const auto& name : file_names(*manifest)) {
    if (name.empty() || name[0] == '.' || name.find('/') != name.npos) std::abort();
    if (!names.insert(name).second) std::abort();
  }
  return 0;
}
