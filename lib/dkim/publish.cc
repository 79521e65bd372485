#include "dkim/publish.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json_writer.h"
#include "base/text.h"

namespace sm::dkim {
namespace {

constexpr std::size_t kMaxString = 255;
constexpr unsigned kTtl = 3600;
constexpr unsigned kRecommendedBits = 2048;

/// `"…" "…"` as zone files and nsupdate read them (RFC 1035 §5.1).
std::string quoted_strings(const std::string& text) {
  std::string quoted;
  for (const std::string& string : split_strings(text)) {
    quoted += quoted.empty() ? "\"" : " \"";
    for (const char c : string) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    quoted += '"';
  }
  return quoted;
}

std::string bits_text(const crypto::PublicKey& key) {
  return key.type() == crypto::KeyType::rsa ? std::to_string(key.bits()) + "-bit RSA" : "Ed25519";
}

/// What usually makes a record malformed, found by looking at it.
std::vector<std::string> likely_mistakes(std::string_view text) {
  std::vector<std::string> found;
  const auto has = [&](std::string_view part) { return text.find(part) != text.npos; };
  if (has("\\;") || has("\\\"")) {
    found.emplace_back("the record has backslashes: they were meant for a zone file only");
  } else if (has("\"")) {
    found.emplace_back(
        "the record has quotation marks inside: the parts were pasted with their quotes");
  }
  if (has("BEGIN PUBLIC KEY")) {
    found.emplace_back("the PEM file's first and last line stand in the record");
  }
  if (text.starts_with("p=") || !has("p=")) {
    found.emplace_back("the record should read v=DKIM1; k=…; p=…");
  }
  return found;
}

void check_against(const crypto::PublicKey& key, Check& check) {
  const KeyAnswer& answer = check.answer;
  if (answer.record && answer.record->key == key) {
    check.is_good = true;
    check.summary = "the published key is this private key's";
    return;
  }
  if (answer.record) {
    check.summary = "the published key is not this private key's";
    check.findings.push_back("published is a " + bits_text(answer.record->key) +
                             " key, this is another " + bits_text(key) +
                             " key: signatures would fail");
    return;
  }
  for (const std::string& text : answer.texts) {
    const auto keys = keys_in(text);
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) {
      check.findings.emplace_back(
          "this private key's public key is in it, in a record that is wrong");
      return;
    }
  }
}

void note_flags(const KeyRecord& record, Check& check) {
  if (record.is_testing) {
    check.findings.emplace_back(
        "t=y says that this is a test: some receivers then act as if there were no signature");
  }
  if (record.is_strict) {
    check.findings.emplace_back("t=s: i= must be of exactly this domain, no subdomain");
  }
  if (record.type == crypto::KeyType::rsa && record.key.bits() < kRecommendedBits) {
    check.findings.push_back("the key has " + std::to_string(record.key.bits()) +
                             " bits: 2048 are what receivers expect, and smsign does not sign with "
                             "fewer");
  }
}

}  // namespace

std::string_view key_tag(crypto::KeyType type) {
  return type == crypto::KeyType::rsa ? "rsa" : "ed25519";
}

std::string record_text(const crypto::PublicKey& key) {
  const auto raw = key.ed25519();
  const std::string p = raw ? to_base64(*raw) : to_base64(key.spki());
  return "v=DKIM1; k=" + std::string(key_tag(key.type())) + "; p=" + p;
}

std::string revoked_record_text(crypto::KeyType type) {
  return "v=DKIM1; k=" + std::string(key_tag(type)) + "; p=";
}

std::vector<std::string> split_strings(const std::string& text) {
  std::vector<std::string> strings;
  for (std::size_t at = 0; at < text.size(); at += kMaxString)
    strings.push_back(text.substr(at, kMaxString));
  return strings;
}

std::string format_record(RecordFormat format, const name::DnsName& name, const std::string& text) {
  const std::string owner = name.text() + ".";
  const std::string ttl = std::to_string(kTtl);
  switch (format) {
    case RecordFormat::zone:
      return owner + "\t" + ttl + "\tIN\tTXT\t( " + quoted_strings(text) + " )\n";
    case RecordFormat::raw:
      return text + "\n";
    case RecordFormat::json: {
      JsonArray strings;
      for (const std::string& string : split_strings(text))
        strings.add(string);
      return JsonObject()
                 .add("name", name.text())
                 .add("type", "TXT")
                 .add("ttl", kTtl)
                 .add("content", text)
                 .add_raw("strings", strings.text())
                 .text() +
             "\n";
    }
    case RecordFormat::nsupdate:
      return "update delete " + owner + " TXT\nupdate add " + owner + " " + ttl + " TXT " +
             quoted_strings(text) + "\nsend\n";
  }
  return {};
}

Result<name::DnsName> key_record_name(const name::Domain& domain, const std::string& selector) {
  const auto parsed = name::DnsName::parse(selector);
  if (!parsed || selector.ends_with('.')) {
    return fail(Errc::usage, "\"" + printable(selector) + "\" is no selector",
                "letters, digits and hyphens, such as mail2026");
  }
  auto name = domain.prefixed(parsed->text() + "._domainkey");
  if (!name) return fail(Errc::usage, "the name of the key's record would be too long");
  return name;
}

Check check_published(const KeyAnswer& answer, const name::DnsName& name,
                      const std::optional<crypto::PublicKey>& key) {
  Check check{.summary = {}, .answer = answer};
  const std::string at = " at " + name.text();
  switch (answer.state) {
    case KeyState::dns_failure:
    case KeyState::bogus:
      check.is_undetermined = true;
      check.summary =
          std::string(text(answer.state)) + at + (answer.why.empty() ? "" : ": " + answer.why);
      return check;
    case KeyState::none:
      check.summary = "there is no key" + at;
      if (key) check.findings.push_back("publish there: " + record_text(*key));
      return check;
    case KeyState::usable:
      check.is_good = !key;
      check.summary = "a " + bits_text(answer.record->key) + " key is published" + at;
      break;
    case KeyState::several:
      check.summary = "there are several key records" + at +
                      ": receivers take any of them, or none; remove all but one";
      break;
    case KeyState::revoked:
      check.summary = "the key" + at + " is revoked (p= is empty)";
      break;
    case KeyState::malformed:
    case KeyState::wrong_version:
    case KeyState::wrong_type:
    case KeyState::wrong_hash:
    case KeyState::wrong_service:
    case KeyState::oversized:
    case KeyState::unreadable:
    case KeyState::weak:
    case KeyState::too_large:
      check.summary =
          std::string(text(answer.state)) + at + (answer.why.empty() ? "" : ": " + answer.why);
      break;
  }
  if (key) check_against(*key, check);
  if (answer.record) {
    note_flags(*answer.record, check);
  } else {
    for (const std::string& record : answer.texts) {
      for (std::string& mistake : likely_mistakes(record))
        check.findings.push_back(std::move(mistake));
    }
    if (key) check.findings.push_back("the record should be: " + record_text(*key));
  }
  return check;
}

std::vector<crypto::PublicKey> keys_in(std::string_view text) {
  std::vector<crypto::PublicKey> keys;
  for (std::size_t at = text.find("p="); at != text.npos; at = text.find("p=", at + 2)) {
    const std::string_view piece = text.substr(at + 2, text.find(';', at) - at - 2);
    std::string digits;
    for (const char c : piece) {
      if (is_alnum(c) || c == '+' || c == '/' || c == '=') digits += c;
    }
    // A second "p=" in the same piece is another key's.
    digits = digits.substr(0, digits.find("p=", 1));
    if (digits.size() > kMaxKeyText) continue;
    const auto bytes = from_base64(digits);
    if (!bytes) continue;
    auto key = crypto::PublicKey::from_spki(*bytes);
    if (!key) key = crypto::PublicKey::from_pkcs1(*bytes);
    if (!key) key = crypto::PublicKey::from_ed25519(*bytes);
    if (key && std::find(keys.begin(), keys.end(), *key) == keys.end()) {
      keys.push_back(std::move(*key));
    }
  }
  return keys;
}

}  // namespace sm::dkim
