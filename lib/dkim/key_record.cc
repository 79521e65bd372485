#include "dkim/key_record.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "dkim/tags.h"

namespace sm::dkim {
namespace {

struct Words {
  std::string_view code;
  std::string_view text;
};

Words words_of(KeyState state) {
  switch (state) {
    case KeyState::usable:
      return {"usable", "key good"};
    case KeyState::none:
      return {"none", "no key"};
    case KeyState::dns_failure:
      return {"dns-failure", "DNS failure"};
    case KeyState::bogus:
      return {"bogus", "DNSSEC validation failed"};
    case KeyState::several:
      return {"several", "several key records"};
    case KeyState::malformed:
      return {"malformed", "key record malformed"};
    case KeyState::wrong_version:
      return {"wrong-version", "key record of another version"};
    case KeyState::wrong_type:
      return {"wrong-type", "key of another type"};
    case KeyState::wrong_hash:
      return {"wrong-hash", "key not for sha256"};
    case KeyState::wrong_service:
      return {"wrong-service", "key not for email"};
    case KeyState::oversized:
      return {"oversized", "key record too long"};
    case KeyState::unreadable:
      return {"unreadable", "key cannot be read"};
    case KeyState::revoked:
      return {"revoked", "key revoked"};
    case KeyState::weak:
      return {"weak", "key too small"};
    case KeyState::too_large:
      return {"too-large", "key too large"};
  }
  return {"malformed", "key record malformed"};
}

bool has_word(std::string_view list, std::string_view word) {
  const auto words = split_colons(list);
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view one) { return equal_ignoring_case(one, word); });
}

std::optional<crypto::PublicKey> read_key(crypto::KeyType type, Bytes bytes) {
  // RFC 8463 §4.2: the raw 32 bytes.
  if (type == crypto::KeyType::ed25519) return crypto::PublicKey::from_ed25519(bytes);
  // RFC 6376 §3.6.1 says RSAPublicKey; the world, and erratum 3017, SubjectPublicKeyInfo.
  auto key = crypto::PublicKey::from_spki(bytes);
  if (!key) key = crypto::PublicKey::from_pkcs1(bytes);
  if (key && key->type() != crypto::KeyType::rsa) return std::nullopt;
  return key;
}

/// The state of a record whose p= is there, or nothing where it may be used.
std::optional<KeyReading> refusal(const TagList& tags) {
  const auto version = tags.find("v");
  // RFC 6376 §3.6.1: if given, the first tag, and exactly "DKIM1".
  if (version && *version != "DKIM1") {
    return KeyReading{KeyState::wrong_version, "v=" + printable(*version)};
  }
  if (version && tags.tags().front().name != "v") {
    return KeyReading{KeyState::wrong_version, "v= is not the first tag"};
  }
  if (const auto hashes = tags.find("h"); hashes && !has_word(*hashes, "sha256")) {
    return KeyReading{KeyState::wrong_hash, "h=" + printable(*hashes)};
  }
  if (const auto services = tags.find("s");
      services && !has_word(*services, "email") && !has_word(*services, "*")) {
    return KeyReading{KeyState::wrong_service, "s=" + printable(*services)};
  }
  return std::nullopt;
}

/// Whether a TXT record wants to be a key: others at the same name (a wildcard's SPF) are no key.
bool claims_to_be_key(std::string_view text) {
  std::string defect;
  const auto tags = TagList::parse(text, defect);
  if (tags) return tags->find("p") || tags->find("v") == "DKIM1";
  const std::string bare = without_white_space(text);
  return starts_with_ignoring_case(bare, "v=DKIM1") || starts_with_ignoring_case(bare, "p=") ||
         bare.find(";p=") != bare.npos;
}

}  // namespace

std::string_view text(KeyState state) {
  return words_of(state).text;
}

std::string_view code(KeyState state) {
  return words_of(state).code;
}

Status status_of(KeyState state) {
  switch (state) {
    case KeyState::usable:
      return Status::pass;
    case KeyState::dns_failure:
    case KeyState::bogus:
      return Status::temperror;
    case KeyState::weak:  // RFC 8301 §3.2
    case KeyState::too_large:
      return Status::policy;
    case KeyState::none:
    case KeyState::several:
    case KeyState::malformed:
    case KeyState::wrong_version:
    case KeyState::wrong_type:
    case KeyState::wrong_hash:
    case KeyState::wrong_service:
    case KeyState::oversized:
    case KeyState::unreadable:
    case KeyState::revoked:
      return Status::permerror;
  }
  return Status::permerror;
}

KeyReading parse_key_record(std::string_view text) {
  std::string defect;
  const auto tags = TagList::parse(text, defect);
  if (!tags) return {KeyState::malformed, defect};
  if (auto refused = refusal(*tags)) return *refused;
  const auto p = tags->find("p");
  if (!p) return {KeyState::malformed, "no p= tag"};

  const std::string type_name(tags->find("k").value_or("rsa"));
  const bool is_rsa = equal_ignoring_case(type_name, "rsa");
  if (!is_rsa && !equal_ignoring_case(type_name, "ed25519")) {
    return {KeyState::wrong_type, "k=" + printable(type_name)};
  }
  const std::string encoded = without_white_space(*p);
  if (encoded.empty()) return {KeyState::revoked};
  if (encoded.size() > kMaxKeyText) {
    return {KeyState::oversized, "p= has " + std::to_string(encoded.size()) + " characters"};
  }
  const auto bytes = from_base64(encoded);
  if (!bytes) return {KeyState::unreadable, "p= is not base64"};
  const auto type = is_rsa ? crypto::KeyType::rsa : crypto::KeyType::ed25519;
  auto key = read_key(type, *bytes);
  if (!key) return {KeyState::unreadable, "p= is no " + to_lower(type_name) + " key"};
  const std::string bits = std::to_string(key->bits()) + " bits";
  if (is_rsa && key->bits() < kMinVerifyBits) return {KeyState::weak, bits};
  if (is_rsa && key->bits() > kMaxVerifyBits) return {KeyState::too_large, bits};

  const std::string_view flags = tags->find("t").value_or("");
  return {KeyState::usable, "",
          KeyRecord{type, std::move(*key), has_word(flags, "y"), has_word(flags, "s"),
                    std::string(tags->find("n").value_or(""))}};
}

KeyAnswer read_key_answer(const dns::Answer& answer) {
  KeyAnswer key{.state = KeyState::none, .answer = answer};
  switch (answer.outcome) {
    case dns::Outcome::no_data:
    case dns::Outcome::no_such_name:
      return key;
    case dns::Outcome::bogus:
      key.state = KeyState::bogus;
      key.why = answer.why;
      return key;
    case dns::Outcome::failure:
      key.state = KeyState::dns_failure;
      key.why = answer.why.empty() ? std::string(dns::text(answer.failure)) : answer.why;
      return key;
    case dns::Outcome::data:
      break;
  }
  std::vector<std::string> candidates;
  for (const dns::Txt& txt : answer.all<dns::Txt>()) {
    key.texts.push_back(txt.joined());
    if (claims_to_be_key(key.texts.back())) candidates.push_back(key.texts.back());
  }
  if (candidates.size() > 1) {
    // RFC 6376 §3.6.2.2: TXT RRs MUST be unique for a particular selector name.
    key.state = KeyState::several;
    key.why = std::to_string(candidates.size()) + " records";
    return key;
  }
  if (candidates.empty()) {
    key.state = KeyState::malformed;
    key.why = "the TXT record is no key record";
    return key;
  }
  auto reading = parse_key_record(candidates.front());
  key.state = reading.state;
  key.why = std::move(reading.why);
  key.record = std::move(reading.record);
  return key;
}

std::optional<Defect> mismatch(const KeyRecord& record, const Signature& signature) {
  if (algorithm_of(record.type) != signature.algorithm) {
    return Defect{Status::permerror, std::string(text(KeyState::wrong_type)) + " than a="};
  }
  // RFC 6376 §3.6.1, t=s: i= must not be of a subdomain.
  if (record.is_strict && !(signature.identity_domain == signature.domain)) {
    return Defect{Status::permerror, "the key has t=s, and i= is of a subdomain"};
  }
  return std::nullopt;
}

}  // namespace sm::dkim
