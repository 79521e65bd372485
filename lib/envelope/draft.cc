#include "envelope/draft.h"

#include <array>

#include "crypto/hkdf.h"
#include "crypto/random.h"

namespace sm::envelope {
namespace {

constexpr std::string_view kPartLabel = "smtools-envelope/v1 part";
constexpr std::string_view kBodyLabel = "smtools-envelope/v1";

/// label ‖ 0x00 ‖ id ‖ u64be(n).
std::vector<std::uint8_t> labelled(std::string_view label, const EnvelopeId& id, std::uint64_t n) {
  std::vector<std::uint8_t> bytes(label.begin(), label.end());
  bytes.push_back(0);
  bytes.insert(bytes.end(), id.bytes().begin(), id.bytes().end());
  for (int shift = 56; shift >= 0; shift -= 8)
    bytes.push_back(static_cast<std::uint8_t>(n >> shift));
  return bytes;
}

crypto::AeadKey part_key(const MessageKey& mk, const EnvelopeId& id, std::uint64_t n) {
  crypto::AeadKey key;
  crypto::hkdf_expand_sha512(mk.reveal(), labelled(kPartLabel, id, n), key.writable());
  return key;
}

}  // namespace

crypto::ChunkedKeys fresh_part_keys(const MessageKey& mk, const EnvelopeId& id, std::uint64_t n) {
  return crypto::ChunkedKeys::fresh(part_key(mk, id, n), labelled(kBodyLabel, id, n));
}

std::optional<crypto::ChunkedKeys> part_keys(const MessageKey& mk, const EnvelopeId& id,
                                             std::uint64_t n, const crypto::ChunkedPrefix& prefix) {
  return crypto::ChunkedKeys::matching(part_key(mk, id, n), prefix, labelled(kBodyLabel, id, n));
}

Draft Draft::begin() {
  return Draft(Header{.id = EnvelopeId::fresh(), .stanzas = {}}, crypto::random_key<32>());
}

Draft Draft::resume(Header header, MessageKey mk) {
  return Draft(std::move(header), std::move(mk));
}

Result<void> Draft::add(Result<Stanza> stanza) {
  if (!stanza) return fail(std::move(stanza).error());
  return header_.add(std::move(*stanza));
}

Result<void> Draft::add_password(const Password& password) {
  return add(wrap_for_password(id(), mk_, password));
}
Result<void> Draft::add_org(const Kek& kek) {
  return add(wrap_for_org(id(), mk_, kek));
}
Result<void> Draft::add_public_key(const PublicKey& recipient) {
  return add(wrap_for_public_key(id(), mk_, recipient));
}
Result<void> Draft::add_link(const Kek& kek, const LinkToken& token, const Password* password) {
  return add(wrap_for_link(id(), mk_, kek, token, password));
}

std::size_t Draft::add_part(PartInfo info) {
  auto keys = fresh_part_keys(mk_, id(), parts_.size() + 1);
  const auto prefix = keys.prefix();
  parts_.push_back({{std::move(info), prefix}, std::move(keys)});
  return parts_.size();
}

std::size_t Draft::add_sealed_part(PartInfo info, const crypto::ChunkedPrefix& sealed) {
  parts_.push_back({{std::move(info), sealed}, std::nullopt});
  return parts_.size();
}

Result<void> Draft::seal_part(std::size_t n, Source& in, Sink& out) {
  if (n < 1 || n > parts_.size() || !parts_[n - 1].keys) {
    return fail(Errc::bug, "a part can be sealed only once");
  }
  auto& [part, kept] = parts_[n - 1];
  const crypto::ChunkedKeys keys = std::move(*kept);
  kept.reset();
  const auto size = seal_body(keys, in, out);
  if (!size) return fail(size.error());
  if (part.info.size && *part.info.size != *size) {
    return fail(Errc::temporary, "the input's size changed while it was being sealed");
  }
  part.info.size = *size;
  return {};
}

Result<Draft::Front> Draft::front(std::chrono::sys_seconds created) {
  Manifest manifest{created, {}};
  for (const auto& part : parts_)
    manifest.parts.push_back(part.part);
  const auto text = manifest.text();
  if (!text) return fail(text.error());
  const auto keys = fresh_part_keys(mk_, id(), 0);
  MemorySource in(as_bytes(*text));
  SecretSink out(crypto::sealed_size(kMaxManifestSize));
  if (auto sealed = seal_body(keys, in, out); !sealed) return fail(std::move(sealed).error());
  header_.manifest = keys.prefix();
  header_.manifest_size = out.bytes().size();
  return Front{header_.text(), out.bytes().clone()};
}

}  // namespace sm::envelope
