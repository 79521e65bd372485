#include "sealing/pouch.h"

#include <string>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/random.h"

namespace sm::sealing {
namespace {

// Four lines: the id, the stanza's two, and nonce ‖ XAES-256-GCM of the secret under the stanza's
// key, in base64.
constexpr std::size_t kLines = 4;

std::string associated_data(const envelope::EnvelopeId& id) {
  return "smtools-pouch/v1" + std::string(1, '\0') + std::string(as_text(id.bytes()));
}

Unexpected damaged() {
  return fail(Errc::malformed, "a sealed errand is damaged");
}

}  // namespace

Result<std::vector<std::uint8_t>> seal_pouch(const envelope::PublicKey& recipient, Bytes secret) {
  const auto id = envelope::EnvelopeId::fresh();
  const auto key = crypto::random_key<32>();
  auto stanza = envelope::wrap_for_public_key(id, key, recipient);
  if (!stanza) return fail(std::move(stanza).error());
  const auto nonce = crypto::random_bytes<crypto::kXaesNonceSize>();
  std::vector<std::uint8_t> body(nonce.begin(), nonce.end());
  const auto sealed = crypto::xaes_seal(key, nonce, as_bytes(associated_data(id)), secret);
  body.insert(body.end(), sealed.begin(), sealed.end());
  const std::string text = id.text() + "\n" + stanza->text() + to_base64(body) + "\n";
  const auto bytes = as_bytes(text);
  return std::vector<std::uint8_t>(bytes.begin(), bytes.end());
}

Result<Secret> open_pouch(const envelope::KeySource& keys, Bytes pouch) {
  const auto lines = split(as_text(pouch), '\n');
  if (lines.size() != kLines + 1 || !lines.back().empty()) return damaged();
  const auto id = envelope::EnvelopeId::parse(lines[0]);
  auto stanza = envelope::parse_stanza(lines[1], lines[2]);
  const auto body = from_base64(lines[3]);
  if (!id || !stanza || !body || body->size() < crypto::kXaesNonceSize) return damaged();
  envelope::Header header{.id = *id};
  header.stanzas.push_back(std::move(*stanza));
  auto key = envelope::find_message_key(header, {.keyring = &keys});
  if (!key) return fail(std::move(key).error(), "opening a sealed errand");
  const Bytes bytes(*body);
  auto secret =
      crypto::xaes_open(*key, bytes.first<crypto::kXaesNonceSize>(), as_bytes(associated_data(*id)),
                        bytes.subspan(crypto::kXaesNonceSize));
  if (!secret) return damaged();
  return std::move(*secret);
}

}  // namespace sm::sealing
