// links: envelope
// An envelope's header is refused as malformed, or it is one that is written back byte for byte,
// within its caps, and whose stanzas ask for no more of Argon2 than is allowed.
#include <cstdlib>

#include "envelope/header.h"
#include "envelope/wrap.h"

namespace {
bool is_within_caps(const sm::crypto::Argon2Params& params) {
  return params.t() <= 16 && params.m_kib() <= 1048576 && params.p() <= 16;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm::envelope;
  const std::string_view text = sm::as_text({bytes, size});
  const auto header = parse_header(text);
  if (!header) {
    if (header.error().code != sm::Errc::malformed || header.error().what.empty()) std::abort();
    return 0;
  }
  if (header->text() != text || find_header_end(text) != text.size()) std::abort();
  if (header->stanzas.size() > kMaxStanzas) std::abort();
  for (const Stanza& stanza : header->stanzas) {
    if (stanza.wrapped.size() != wrapped_size(stanza.kind)) std::abort();
    if (const auto* password = std::get_if<PasswordStanza>(&stanza.kind)) {
      if (!is_within_caps(password->cost.params)) std::abort();
    }
    if (const auto* link = std::get_if<LinkStanza>(&stanza.kind); link && link->password) {
      if (!is_within_caps(link->password->params)) std::abort();
    }
  }
  OpeningKeys nobody;
  if (const auto mk = find_message_key(*header, nobody)) std::abort();
  return 0;
}
