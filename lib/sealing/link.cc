#include "sealing/link.h"

namespace sm::sealing {

LinkHash hash_of(const envelope::LinkToken& token) {
  return crypto::sha256(token.key().reveal());
}

Secret link_url(const std::string& portal, std::string_view path,
                const envelope::LinkToken& token) {
  Secret url(as_bytes(portal));
  url.append(as_bytes(path));
  const Secret text = token.text();
  url.append(text.reveal());
  return url;
}

std::optional<envelope::LinkToken> parse_token(std::string_view segment) {
  constexpr std::size_t kTokenText = 43;
  if (segment.size() != kTokenText) return std::nullopt;
  return envelope::LinkToken::parse(as_bytes(segment));
}

}  // namespace sm::sealing
