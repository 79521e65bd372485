#include "envelope/keyring.h"

#include <algorithm>
#include <set>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/hkdf.h"
#include "crypto/random.h"
#include "envelope/fixed_bytes.h"

namespace sm::envelope {
namespace {

using Nonce = std::array<std::uint8_t, crypto::kXaesNonceSize>;
using Fields = std::vector<std::string_view>;

constexpr std::string_view kLabel = "smtools-keyring/v1";
constexpr std::size_t kWrappedSize = 32 + crypto::kTagSize;

Unexpected damaged_keyring(const std::string& what) {
  return fail(Errc::configuration, "the keyring is not as it must be: " + what);
}

/// "smtools-keyring/v1" ‖ 0x00 ‖ the line's first four fields.
std::string associated(std::string_view four_fields) {
  return std::string(kLabel) + '\0' + std::string(four_fields);
}

template <class Entry>
std::string four_fields(const Entry& entry) {
  return entry.org + ' ' + entry.kid + ' ' + utc_text(entry.created) + ' ' +
         std::string(text(entry.state));
}

/// " <nonce> <wrapped>".
std::string wrapped_text(const MasterKey& master, std::string_view fields, Bytes key) {
  const Nonce nonce = crypto::random_bytes<crypto::kXaesNonceSize>();
  const auto wrapped = crypto::xaes_seal(master.wrap_key(), crypto::XaesNonce(nonce),
                                         as_bytes(associated(fields)), key);
  return ' ' + to_base64(nonce) + ' ' + to_base64(wrapped);
}

std::optional<SecretKey<32>> unwrap(const MasterKey& master, std::string_view fields,
                                    std::string_view nonce_text, std::string_view wrapped_text) {
  const auto nonce = fixed_from_base64<crypto::kXaesNonceSize>(nonce_text);
  const auto wrapped = fixed_from_base64<kWrappedSize>(wrapped_text);
  if (!nonce || !wrapped) return std::nullopt;
  const auto key = crypto::xaes_open(master.wrap_key(), crypto::XaesNonce(*nonce),
                                     as_bytes(associated(fields)), *wrapped);
  if (!key) return std::nullopt;
  return SecretKey<32>(key->reveal().first<32>());
}

std::optional<std::chrono::sys_seconds> parse_created(std::string_view text) {
  const auto time = parse_utc(text);
  if (!time) return std::nullopt;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*time);
  if (utc_text(seconds) != text) return std::nullopt;
  return seconds;
}

/// The first four fields of a line, into an entry of either kind, but for its state.
template <class Entry>
bool parse_name(const Fields& fields, Entry& entry) {
  const auto created = parse_created(fields[2]);
  if (!is_org(fields[0]) || !is_kid(fields[1]) || !created) return false;
  entry.org = fields[0];
  entry.kid = fields[1];
  entry.created = *created;
  return true;
}

std::optional<KekEntry> parse_kek(const Fields& fields, const MasterKey& master) {
  KekEntry entry;
  if (!parse_name(fields, entry)) return std::nullopt;
  if (fields[3] == text(KekState::destroyed)) {
    entry.state = KekState::destroyed;
    if (fields.size() != 4) return std::nullopt;
    return entry;
  }
  if (fields.size() != 6) return std::nullopt;
  entry.state = fields[3] == text(KekState::active) ? KekState::active : KekState::retired;
  entry.key = unwrap(master, four_fields(entry), fields[4], fields[5]);
  if (!entry.key) return std::nullopt;
  return entry;
}

std::optional<PairEntry> parse_pair(const Fields& fields, const MasterKey& master) {
  PairEntry entry;
  if (fields.size() != 7 || !parse_name(fields, entry)) return std::nullopt;
  entry.state = fields[3] == text(PairState::current) ? PairState::current : PairState::retired;
  const auto public_key = fixed_from_base64<32>(fields[4]);
  auto private_key = unwrap(master, four_fields(entry), fields[5], fields[6]);
  if (!public_key || !private_key) return std::nullopt;
  if (crypto::x25519_public(*private_key) != *public_key) return std::nullopt;
  entry.public_key = *public_key;
  entry.private_key = std::move(*private_key);
  return entry;
}

bool is_kek_state(std::string_view word) {
  return word == text(KekState::active) || word == text(KekState::retired) ||
         word == text(KekState::destroyed);
}
bool is_pair_state(std::string_view word) {
  return word == text(PairState::current) || word == text(PairState::retired);
}

/// Everything before the last line, when that line is its HMAC.
Result<std::string_view> authenticated(std::string_view text, const MasterKey& master) {
  const auto at = text.rfind("\n--- ");
  if (at == text.npos || !text.ends_with('\n')) return damaged_keyring("it has no last line");
  const std::string_view body = text.substr(0, at + 1);
  const auto mac = fixed_from_base64<64>(text.substr(at + 5, text.size() - at - 6));
  if (!mac) return damaged_keyring("its last line");
  if (!equal_constant_time(*mac, crypto::hmac_sha512(master.mac_key(), as_bytes(body)))) {
    return fail(Errc::denied,
                "the keyring does not belong to this master key: wrong key, or the keyring was "
                "altered");
  }
  return body;
}

}  // namespace

std::string_view text(KekState state) {
  switch (state) {
    case KekState::active:
      return "active";
    case KekState::retired:
      return "retired";
    case KekState::destroyed:
      break;
  }
  return "destroyed";
}

std::string_view text(PairState state) {
  return state == PairState::current ? "public" : "retired-public";
}

Result<MasterKey> MasterKey::parse(Bytes bytes, const std::string& name) {
  std::string_view text = as_text(bytes);
  if (text.ends_with('\n')) text.remove_suffix(1);
  const auto decoded = secret_from_base64(text);
  if (!decoded || decoded->size() < 32) {
    return fail(Errc::configuration,
                "the master key in " + name + " is not one line of base64 of at least 32 bytes");
  }
  MasterKey master;
  const Bytes salt = as_bytes(kLabel);
  crypto::hkdf_sha512(salt, decoded->reveal(), as_bytes("wrap"), master.wrap_.writable());
  crypto::hkdf_sha512(salt, decoded->reveal(), as_bytes("mac"), master.mac_.writable());
  return master;
}

Secret MasterKey::fresh_line() {
  Secret line = secret_to_base64(crypto::random_key<32>().reveal());
  line.append(as_bytes("\n"));
  return line;
}

Result<Keyring> Keyring::parse(std::string_view text, const MasterKey& master) {
  const auto body = authenticated(text, master);
  if (!body) return fail(body.error());
  const auto lines = split(body->substr(0, body->size() - 1), '\n');
  const auto first = split(lines[0], ' ');
  const auto counter = first.size() == 2 ? parse_decimal(first[1]) : std::nullopt;
  if (first[0] != kLabel || !counter) return damaged_keyring("its first line");
  Keyring keyring;
  keyring.counter_ = *counter;
  std::set<std::string> kids;
  std::set<std::string> active;
  std::set<std::string> current;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const Fields fields = split(lines[i], ' ');
    const std::string where = "line " + std::to_string(i + 1);
    if (fields.size() < 4) return damaged_keyring(where);
    bool is_unique = kids.insert(std::string(fields[0]) + ' ' + std::string(fields[1])).second;
    if (is_kek_state(fields[3]) && keyring.pairs_.empty()) {
      auto entry = parse_kek(fields, master);
      if (!entry) return damaged_keyring(where);
      if (entry->state == KekState::active) is_unique &= active.insert(entry->org).second;
      keyring.keks_.push_back(std::move(*entry));
    } else if (is_pair_state(fields[3])) {
      auto entry = parse_pair(fields, master);
      if (!entry) return damaged_keyring(where);
      if (entry->state == PairState::current) is_unique &= current.insert(entry->org).second;
      keyring.pairs_.push_back(std::move(*entry));
    } else {
      return damaged_keyring(where);
    }
    if (!is_unique) return damaged_keyring(where + " says again what another said");
  }
  if (keyring.orgs().size() != active.size())
    return damaged_keyring("an organisation has no active key");
  return keyring;
}

std::string Keyring::text(const MasterKey& master) const {
  std::string out = std::string(kLabel) + ' ' + std::to_string(counter_) + '\n';
  for (const KekEntry& entry : keks_) {
    const std::string fields = four_fields(entry);
    out += fields;
    if (entry.key) out += wrapped_text(master, fields, entry.key->reveal());
    out += '\n';
  }
  for (const PairEntry& entry : pairs_) {
    const std::string fields = four_fields(entry);
    out += fields + ' ' + to_base64(entry.public_key) +
           wrapped_text(master, fields, entry.private_key.reveal()) + '\n';
  }
  return out + "--- " + to_base64(crypto::hmac_sha512(master.mac_key(), as_bytes(out))) + '\n';
}

std::vector<std::string> Keyring::orgs() const {
  std::vector<std::string> names;
  for (const KekEntry& entry : keks_) {
    if (std::ranges::find(names, entry.org) == names.end()) names.push_back(entry.org);
  }
  return names;
}

const crypto::AeadKey* Keyring::find_kek(std::string_view org, std::string_view kid) const {
  for (const KekEntry& entry : keks_) {
    if (entry.org == org && entry.kid == kid && entry.key) return &*entry.key;
  }
  return nullptr;
}

const crypto::X25519Private* Keyring::find_private_key(std::string_view org,
                                                       std::string_view kid) const {
  for (const PairEntry& entry : pairs_) {
    if (entry.org == org && entry.kid == kid) return &entry.private_key;
  }
  return nullptr;
}

Result<Kek> Keyring::active_kek(std::string_view org) const {
  for (const KekEntry& entry : keks_) {
    if (entry.org == org && entry.state == KekState::active) {
      return Kek{entry.org, entry.kid, entry.key->clone()};
    }
  }
  return fail(Errc::configuration, "the organisation " + std::string(org) + " has no keys",
              "smkey init " + std::string(org));
}

Result<PublicKey> Keyring::current_public_key(std::string_view org) const {
  for (const PairEntry& entry : pairs_) {
    if (entry.org == org && entry.state == PairState::current) {
      return PublicKey{entry.org, entry.kid, entry.public_key};
    }
  }
  return fail(Errc::configuration, "the organisation " + std::string(org) + " has no key pair",
              "smkey init " + std::string(org));
}

std::string Keyring::renew(const std::string& org, std::chrono::sys_seconds now) {
  for (KekEntry& entry : keks_) {
    if (entry.org == org && entry.state == KekState::active) entry.state = KekState::retired;
  }
  for (PairEntry& entry : pairs_) {
    if (entry.org == org) entry.state = PairState::retired;
  }
  const std::string kid = fresh_kid();
  keks_.push_back({org, kid, now, KekState::active, crypto::random_key<32>()});
  auto pair = crypto::generate_x25519();
  pairs_.push_back(
      {org, fresh_kid(), now, PairState::current, pair.public_key, std::move(pair.private_key)});
  ++counter_;
  return kid;
}

Result<bool> Keyring::destroy(const std::string& org, const std::string& kid) {
  const auto in_use = [&] {
    return fail(Errc::denied, "the key " + kid + " of " + org + " is the one in use",
                "smkey rotate-org " + org + " makes another; then this one can be destroyed");
  };
  for (KekEntry& entry : keks_) {
    if (entry.org != org || entry.kid != kid) continue;
    if (entry.state == KekState::active) return in_use();
    if (entry.state == KekState::destroyed) return false;
    entry.state = KekState::destroyed;
    entry.key.reset();
    ++counter_;
    return true;
  }
  const auto pair = std::ranges::find_if(
      pairs_, [&](const PairEntry& entry) { return entry.org == org && entry.kid == kid; });
  if (pair == pairs_.end()) return fail(Errc::no_input, org + " has no key " + kid);
  if (pair->state == PairState::current) return in_use();
  pairs_.erase(pair);
  ++counter_;
  return true;
}

}  // namespace sm::envelope
