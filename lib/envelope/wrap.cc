#include "envelope/wrap.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/hkdf.h"
#include "crypto/random.h"
#include "envelope/fixed_bytes.h"

namespace sm::envelope {
namespace {

using crypto::AeadKey;
using Nonce = std::array<std::uint8_t, crypto::kXaesNonceSize>;

constexpr std::string_view kWrapLabel = "smtools-envelope/v1 wrap";
constexpr std::string_view kX25519Salt = "smtools-envelope/v1 x25519";
constexpr std::string_view kLinkLabel = "smtools-envelope/v1 link";
constexpr std::string_view kTokenLabel = "smtools-envelope/v1 label";

/// label ‖ 0x00 ‖ id ‖ rest: the associated data of a wrap.
std::vector<std::uint8_t> associated(std::string_view label, const EnvelopeId& id, Bytes rest) {
  std::vector<std::uint8_t> bytes(label.begin(), label.end());
  bytes.push_back(0);
  bytes.insert(bytes.end(), id.bytes().begin(), id.bytes().end());
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

Stanza wrapped(const EnvelopeId& id, const AeadKey& key, StanzaKind kind, Bytes content) {
  Stanza stanza{std::move(kind), crypto::random_bytes<crypto::kXaesNonceSize>(), {}};
  const std::string line = stanza.line_without_nonce();
  const auto aad = associated(kWrapLabel, id, as_bytes(line));
  stanza.wrapped = crypto::xaes_seal(key, crypto::XaesNonce(stanza.nonce), aad, content);
  return stanza;
}

std::optional<Secret> unwrapped(const EnvelopeId& id, const AeadKey& key, const Stanza& stanza) {
  const std::string line = stanza.line_without_nonce();
  const auto aad = associated(kWrapLabel, id, as_bytes(line));
  return crypto::xaes_open(key, crypto::XaesNonce(stanza.nonce), aad, stanza.wrapped);
}

std::optional<MessageKey> as_message_key(const std::optional<Secret>& secret) {
  if (!secret || secret->size() != 32) return std::nullopt;
  return MessageKey(secret->reveal().first<32>());
}

/// K = HKDF-SHA-512(shared secret ‖ ephemeral public ‖ recipient public).
AeadKey x25519_key(const SecretKey<32>& shared, const crypto::X25519Public& ephemeral,
                   const crypto::X25519Public& recipient) {
  Secret input(Bytes(shared.reveal()));
  input.append(ephemeral);
  input.append(recipient);
  AeadKey key;
  crypto::hkdf_sha512(as_bytes(kX25519Salt), input.reveal(), as_bytes("wrap"), key.writable());
  return key;
}

/// T, the key inside a link stanza. With a password its Argon2id key joins the token.
Result<AeadKey> link_key(const LinkToken& token, const LinkStanza& link, const Password* password) {
  Secret input(Bytes(token.key().reveal()));
  if (link.password) {
    auto stretched =
        crypto::argon2id(password->reveal(), link.password->salt, link.password->params);
    if (!stretched) return fail(std::move(stretched).error());
    input.append(stretched->reveal());
  }
  AeadKey key;
  crypto::hkdf_sha512(as_bytes(kLinkLabel), input.reveal(),
                      as_bytes(link.password ? "link+password" : "link"), key.writable());
  return key;
}

PasswordCost fresh_cost() {
  return {crypto::random_bytes<crypto::kArgon2SaltSize>(), crypto::Argon2Params()};
}

/// Tries one stanza: the key, nothing, or an Error where it could not be tried.
class Opener {
 public:
  Opener(const EnvelopeId& id, const Stanza& stanza, const OpeningKeys& keys)
      : id_(id), stanza_(stanza), keys_(keys) {}

  Result<std::optional<MessageKey>> operator()(const PasswordStanza& kind) const {
    for (const Password& password : keys_.passwords) {
      const auto key = crypto::argon2id(password.reveal(), kind.cost.salt, kind.cost.params);
      if (!key) return fail(key.error());
      if (auto mk = as_message_key(unwrapped(id_, *key, stanza_))) return mk;
    }
    return std::optional<MessageKey>();
  }

  Result<std::optional<MessageKey>> operator()(const OrgStanza& kind) const {
    const AeadKey* kek = keys_.opens_org_stanzas ? find_kek(kind.org, kind.kid) : nullptr;
    if (kek == nullptr) return std::optional<MessageKey>();
    return as_message_key(unwrapped(id_, *kek, stanza_));
  }

  Result<std::optional<MessageKey>> operator()(const X25519Stanza& kind) const {
    if (!keys_.opens_org_stanzas || !concerns(kind.org)) return std::optional<MessageKey>();
    return as_message_key(open_x25519(id_, stanza_, kind, *keys_.keyring));
  }

  Result<std::optional<MessageKey>> operator()(const LinkStanza& kind) const {
    if (!keys_.token || keys_.token->label() != kind.label) return std::optional<MessageKey>();
    const AeadKey* kek = find_kek(kind.org, kind.kid);
    if (kek == nullptr) return std::optional<MessageKey>();
    const auto inner = unwrapped(id_, *kek, stanza_);
    if (!inner) return std::optional<MessageKey>();
    if (!kind.password) return open_inner(kind, inner->reveal(), nullptr);
    for (const Password& password : keys_.passwords) {
      auto mk = open_inner(kind, inner->reveal(), &password);
      if (!mk || *mk) return mk;
    }
    return std::optional<MessageKey>();
  }

  static std::optional<Secret> open_x25519(const EnvelopeId& id, const Stanza& stanza,
                                           const X25519Stanza& kind, const KeySource& keyring) {
    const auto* own = keyring.find_private_key(kind.org, kind.kid);
    if (own == nullptr) return std::nullopt;
    const auto shared = crypto::x25519_shared(*own, kind.ephemeral);
    if (!shared) return std::nullopt;
    return unwrapped(id, x25519_key(*shared, kind.ephemeral, crypto::x25519_public(*own)), stanza);
  }

 private:
  bool concerns(const std::string& org) const {
    return keys_.keyring != nullptr && (!keys_.org || *keys_.org == org);
  }
  const AeadKey* find_kek(const std::string& org, const std::string& kid) const {
    return concerns(org) ? keys_.keyring->find_kek(org, kid) : nullptr;
  }
  Result<std::optional<MessageKey>> open_inner(const LinkStanza& kind, Bytes inner,
                                               const Password* password) const {
    const auto key = link_key(*keys_.token, kind, password);
    if (!key) return fail(key.error());
    const auto aad = associated(kLinkLabel, id_, kind.label);
    return as_message_key(crypto::xaes_open(*key, inner.first<crypto::kXaesNonceSize>(), aad,
                                            inner.subspan(crypto::kXaesNonceSize)));
  }

  const EnvelopeId& id_;
  const Stanza& stanza_;
  const OpeningKeys& keys_;
};

}  // namespace

std::string PublicKey::text() const {
  return org + ' ' + kid + ' ' + to_base64(key);
}

Result<PublicKey> parse_public_key(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  const auto fields = split(text, ' ');
  if (fields.size() == 3 && is_org(fields[0]) && is_kid(fields[1])) {
    if (const auto key = fixed_from_base64<32>(fields[2])) {
      return PublicKey{std::string(fields[0]), std::string(fields[1]), *key};
    }
  }
  return fail(Errc::malformed, "this is no public key of an organisation",
              "smkey export-public ORG prints one");
}

LinkToken LinkToken::fresh() {
  return LinkToken(crypto::random_key<32>());
}

std::optional<LinkToken> LinkToken::parse(Bytes bytes) {
  std::string_view text = as_text(bytes);
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  constexpr std::size_t kDigits = 43;
  if (text.size() < kDigits) return std::nullopt;
  if (text.size() > kDigits) {
    const char before = text[text.size() - kDigits - 1];
    if (before != '/' && before != '#' && before != '=') return std::nullopt;
  }
  // Through base64, for which there is a decoder that leaves no copies.
  Secret base64(as_bytes(text.substr(text.size() - kDigits)));
  for (auto& c : base64.writable()) {
    if (c == '+' || c == '/') return std::nullopt;
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  base64.append(as_bytes("="));
  const auto token = secret_from_base64(as_text(base64.reveal()));
  if (!token || token->size() != 32) return std::nullopt;
  return LinkToken(SecretKey<32>(token->reveal().first<32>()));
}

LinkLabel LinkToken::label() const {
  const std::string label = std::string(kTokenLabel) + '\0';
  const auto digest = crypto::sha256(as_bytes(label), token_.reveal());
  LinkLabel first{};
  std::copy_n(digest.begin(), first.size(), first.begin());
  return first;
}

Secret LinkToken::text() const {
  Secret text = secret_to_base64(token_.reveal());
  text.resize(43);
  for (auto& c : text.writable()) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text;
}

Result<Stanza> wrap_for_password(const EnvelopeId& id, const MessageKey& mk,
                                 const Password& password) {
  const PasswordStanza kind{fresh_cost()};
  const auto key = crypto::argon2id(password.reveal(), kind.cost.salt, kind.cost.params);
  if (!key) return fail(key.error());
  return wrapped(id, *key, kind, mk.reveal());
}

Stanza wrap_for_org(const EnvelopeId& id, const MessageKey& mk, const Kek& kek) {
  return wrapped(id, kek.key, OrgStanza{kek.org, kek.kid}, mk.reveal());
}

Result<Stanza> wrap_for_public_key(const EnvelopeId& id, const MessageKey& mk,
                                   const PublicKey& recipient) {
  const auto pair = crypto::generate_x25519();
  const auto shared = crypto::x25519_shared(pair.private_key, recipient.key);
  if (!shared) {
    return fail(Errc::malformed, "the public key of " + recipient.org + " is of low order");
  }
  return wrapped(id, x25519_key(*shared, pair.public_key, recipient.key),
                 X25519Stanza{recipient.org, recipient.kid, pair.public_key}, mk.reveal());
}

Result<Stanza> wrap_for_link(const EnvelopeId& id, const MessageKey& mk, const Kek& kek,
                             const LinkToken& token, const Password* password) {
  LinkStanza kind{kek.org, kek.kid, token.label(), std::nullopt};
  if (password != nullptr) kind.password = fresh_cost();
  const auto key = link_key(token, kind, password);
  if (!key) return fail(key.error());
  const Nonce nonce = crypto::random_bytes<crypto::kXaesNonceSize>();
  const auto aad = associated(kLinkLabel, id, kind.label);
  Secret inner{Bytes(nonce)};
  inner.append(crypto::xaes_seal(*key, crypto::XaesNonce(nonce), aad, mk.reveal()));
  return wrapped(id, kek.key, std::move(kind), inner.reveal());
}

Result<MessageKey> find_message_key(const Header& header, const OpeningKeys& keys) {
  for (const Stanza& stanza : header.stanzas) {
    auto mk = std::visit(Opener(header.id, stanza, keys), stanza.kind);
    if (!mk) return fail(std::move(mk).error());
    if (*mk) return std::move(**mk);
  }
  return fail(Errc::denied, "no key given opens this: wrong key, or its stanza is damaged");
}

std::optional<std::string_view> kid_of(const Stanza& stanza, std::string_view org) {
  return std::visit(
      [&](const auto& kind) -> std::optional<std::string_view> {
        if constexpr (requires { kind.kid; }) {
          if (kind.org == org) return kind.kid;
        }
        return std::nullopt;
      },
      stanza.kind);
}

Result<Stanza> rewrap(const EnvelopeId& id, const Stanza& stanza, const KeySource& keys,
                      const Kek& kek, const PublicKey& recipient) {
  const auto refused = [] {
    return fail(Errc::denied, "a stanza does not open: its key is destroyed, or it is damaged");
  };
  if (const auto* x25519 = std::get_if<X25519Stanza>(&stanza.kind)) {
    const auto mk = as_message_key(Opener::open_x25519(id, stanza, *x25519, keys));
    if (!mk) return refused();
    return wrap_for_public_key(id, *mk, recipient);
  }
  const auto kid = kid_of(stanza, kek.org);
  const AeadKey* old = kid ? keys.find_kek(kek.org, *kid) : nullptr;
  if (old == nullptr) return refused();
  const auto content = unwrapped(id, *old, stanza);
  if (!content) return refused();
  StanzaKind kind = stanza.kind;
  if (auto* org = std::get_if<OrgStanza>(&kind)) org->kid = kek.kid;
  if (auto* link = std::get_if<LinkStanza>(&kind)) link->kid = kek.kid;
  return wrapped(id, kek.key, std::move(kind), content->reveal());
}

}  // namespace sm::envelope
