// links: config
// A configuration file is read whole or refused with a place in it; nothing else happens.
#include <cstdlib>

#include "base/secret.h"
#include "config/schema.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto file = sm::config::parse_file(sm::as_text({bytes, size}), "f");
  if (!file) {
    const auto& error = file.error();
    if (error.code != sm::Errc::configuration || !error.what.starts_with("f:")) std::abort();
    return 0;
  }
  for (const auto& text : file->organisations) {
    if (!sm::config::is_organisation_id(text.organisation.id)) std::abort();
    if (text.organisation.domains.empty()) std::abort();
  }
  return 0;
}
