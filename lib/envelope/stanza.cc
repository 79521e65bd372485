#include "envelope/stanza.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/random.h"
#include "envelope/fixed_bytes.h"

namespace sm::envelope {
namespace {

using Fields = std::vector<std::string_view>;

constexpr std::size_t kWrappedKeySize = 32 + crypto::kTagSize;
constexpr std::size_t kWrappedInnerSize =
    crypto::kXaesNonceSize + kWrappedKeySize + crypto::kTagSize;

std::string cost_text(const PasswordCost& cost) {
  return ' ' + to_base64(cost.salt) + ' ' + std::to_string(cost.params.t()) + ' ' +
         std::to_string(cost.params.m_kib()) + ' ' + std::to_string(cost.params.p());
}

/// Four fields: salt, t, m, p. The caps hold here, before anybody allocates by them.
std::optional<PasswordCost> parse_cost(const Fields& fields, std::size_t at) {
  const auto salt = fixed_from_base64<crypto::kArgon2SaltSize>(fields[at]);
  const auto t = parse_decimal(fields[at + 1]);
  const auto m = parse_decimal(fields[at + 2]);
  const auto p = parse_decimal(fields[at + 3]);
  if (!salt || !t || !m || !p) return std::nullopt;
  const auto params = crypto::Argon2Params::checked(*t, *m, *p);
  if (!params) return std::nullopt;
  return PasswordCost{*salt, *params};
}

std::optional<StanzaKind> parse_password(const Fields& fields) {
  if (fields.size() != 4) return std::nullopt;
  const auto cost = parse_cost(fields, 0);
  if (!cost) return std::nullopt;
  return PasswordStanza{*cost};
}

bool names_key(const Fields& fields) {
  return is_org(fields[0]) && is_kid(fields[1]);
}

std::optional<StanzaKind> parse_org(const Fields& fields) {
  if (fields.size() != 2 || !names_key(fields)) return std::nullopt;
  return OrgStanza{std::string(fields[0]), std::string(fields[1])};
}

std::optional<StanzaKind> parse_x25519(const Fields& fields) {
  if (fields.size() != 3 || !names_key(fields)) return std::nullopt;
  const auto ephemeral = fixed_from_base64<32>(fields[2]);
  if (!ephemeral) return std::nullopt;
  return X25519Stanza{std::string(fields[0]), std::string(fields[1]), *ephemeral};
}

std::optional<StanzaKind> parse_link(const Fields& fields, bool has_password) {
  if (fields.size() != (has_password ? 7u : 3u) || !names_key(fields)) return std::nullopt;
  const auto label = fixed_from_base64url<8>(fields[2]);
  if (!label) return std::nullopt;
  LinkStanza link{std::string(fields[0]), std::string(fields[1]), *label, std::nullopt};
  if (has_password && !(link.password = parse_cost(fields, 3))) return std::nullopt;
  return link;
}

std::optional<StanzaKind> parse_kind(std::string_view type, const Fields& fields) {
  if (type == "password") return parse_password(fields);
  if (type == "org") return parse_org(fields);
  if (type == "x25519") return parse_x25519(fields);
  return parse_link(fields, type == "link+password");
}

bool is_known(std::string_view type) {
  return type == "password" || type == "org" || type == "x25519" || type == "link" ||
         type == "link+password";
}

struct KindText {
  std::string operator()(const PasswordStanza& s) const { return "password" + cost_text(s.cost); }
  std::string operator()(const OrgStanza& s) const { return "org " + s.org + ' ' + s.kid; }
  std::string operator()(const X25519Stanza& s) const {
    return "x25519 " + s.org + ' ' + s.kid + ' ' + to_base64(s.ephemeral);
  }
  std::string operator()(const LinkStanza& s) const {
    return (s.password ? "link+password " : "link ") + s.org + ' ' + s.kid + ' ' +
           to_base64url(s.label) + (s.password ? cost_text(*s.password) : "");
  }
};

}  // namespace

bool is_org(std::string_view text) {
  if (text.empty() || text.size() > 63) return false;
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c); };
  return is_plain(text[0]) &&
         std::ranges::all_of(text, [&](char c) { return is_plain(c) || c == '.' || c == '-'; });
}

bool is_kid(std::string_view text) {
  return text.size() == 16 && from_hex(text);
}

std::string fresh_kid() {
  return to_hex(crypto::random_bytes<8>());
}

EnvelopeId EnvelopeId::fresh() {
  return EnvelopeId(crypto::random_bytes<32>());
}

std::optional<EnvelopeId> EnvelopeId::parse(std::string_view text) {
  const auto bytes = fixed_from_base64url<32>(text);
  if (!bytes) return std::nullopt;
  return EnvelopeId(*bytes);
}

std::string EnvelopeId::text() const {
  return to_base64url(bytes_);
}

std::size_t wrapped_size(const StanzaKind& kind) {
  return std::holds_alternative<LinkStanza>(kind) ? kWrappedInnerSize : kWrappedKeySize;
}

std::string Stanza::line_without_nonce() const {
  return "-> " + std::visit(KindText{}, kind);
}

std::string Stanza::text() const {
  return line_without_nonce() + ' ' + to_base64(nonce) + '\n' + to_base64(wrapped) + '\n';
}

Result<Stanza> parse_stanza(std::string_view first, std::string_view second) {
  Fields fields = split(first, ' ');
  if (fields.size() < 3 || fields[0] != "->") {
    return fail(Errc::malformed, "damaged envelope: a line of the header is no stanza");
  }
  const std::string_view type = fields[1];
  if (!is_known(type)) {
    return fail(Errc::malformed, "the envelope has a stanza of the unknown type \"" +
                                     printable(type.substr(0, 40)) + '"');
  }
  const auto nonce = fixed_from_base64<crypto::kXaesNonceSize>(fields.back());
  auto kind = parse_kind(type, Fields(fields.begin() + 2, fields.end() - 1));
  if (!kind || !nonce) {
    return fail(Errc::malformed, "damaged envelope: a stanza of the type " + std::string(type) +
                                     " has a field that is not as it must be");
  }
  auto wrapped = from_base64(second);
  if (!wrapped || wrapped->size() != wrapped_size(*kind)) {
    return fail(Errc::malformed, "damaged envelope: the wrapped key of a stanza of the type " +
                                     std::string(type) + " is not as it must be");
  }
  return Stanza{std::move(*kind), *nonce, std::move(*wrapped)};
}

}  // namespace sm::envelope
