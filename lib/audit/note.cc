#include "audit/note.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"

namespace sm::audit {
namespace {

constexpr std::uint8_t kEd25519 = 0x01;
constexpr std::string_view kDash = "\xe2\x80\x94 ";  // U+2014, space
constexpr std::string_view kPrivate = "PRIVATE+KEY+";
constexpr std::size_t kMostBytes = std::size_t{1} << 20;
constexpr std::size_t kMostSignatures = 64;

/// The White_Space characters of Unicode outside ASCII, in UTF-8.
constexpr std::array<std::string_view, 19> kSpaces = {
    "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
    "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
    "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
    "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};

std::array<std::uint8_t, 33> typed(const std::array<std::uint8_t, 32>& key) {
  std::array<std::uint8_t, 33> bytes{};
  bytes[0] = kEd25519;
  std::copy(key.begin(), key.end(), bytes.begin() + 1);
  return bytes;
}

/// name, id and key data of "<name>+<id>+<data>".
struct Pieces {
  std::string_view name, id, data;
};
std::optional<Pieces> pieces_of(std::string_view text) {
  const auto first = text.find('+');
  if (first == text.npos || text.size() - first < 10 || text[first + 9] != '+') return std::nullopt;
  return Pieces{text.substr(0, first), text.substr(first + 1, 8), text.substr(first + 10)};
}

/// RFC 4648 §4, canonical, n bytes.
std::optional<std::vector<std::uint8_t>> base64_of(std::string_view text, std::size_t least) {
  auto bytes = from_base64(text);
  if (!bytes || bytes->size() < least) return std::nullopt;
  return bytes;
}

std::optional<NoteSignature> parse_signature(std::string_view line) {
  if (!line.starts_with(kDash)) return std::nullopt;
  line.remove_prefix(kDash.size());
  const auto space = line.find(' ');
  if (space == line.npos || !is_key_name(line.substr(0, space))) return std::nullopt;
  const auto bytes = base64_of(line.substr(space + 1), 5);
  if (!bytes) return std::nullopt;
  NoteSignature signature{std::string(line.substr(0, space)), {}, {}};
  std::copy_n(bytes->begin(), 4, signature.id.begin());
  signature.signature.assign(bytes->begin() + 4, bytes->end());
  return signature;
}

}  // namespace

bool is_key_name(std::string_view name) {
  if (name.empty() || name.size() > 1024 || !is_utf8(name)) return false;
  const bool has_bad_byte = std::any_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '+';
  });
  return !has_bad_byte && std::none_of(kSpaces.begin(), kSpaces.end(), [&](std::string_view space) {
    return name.find(space) != name.npos;
  });
}

std::array<std::uint8_t, 4> VerifierKey::id() const {
  const auto bytes = typed(key);
  const Hash digest = crypto::sha256(as_bytes(name + "\n"), bytes);
  return {digest[0], digest[1], digest[2], digest[3]};
}

std::string VerifierKey::text() const {
  return name + '+' + to_hex(id()) + '+' + to_base64(typed(key));
}

std::optional<VerifierKey> VerifierKey::parse(std::string_view text) {
  const auto pieces = pieces_of(text);
  if (!pieces || !is_key_name(pieces->name)) return std::nullopt;
  const auto bytes = from_base64(pieces->data);
  if (!bytes || bytes->size() != 33 || (*bytes)[0] != kEd25519) return std::nullopt;
  VerifierKey key{std::string(pieces->name), {}};
  std::copy(bytes->begin() + 1, bytes->end(), key.key.begin());
  if (to_hex(key.id()) != pieces->id) return std::nullopt;
  return key;
}

SignerKey SignerKey::generate(std::string name) {
  return {std::move(name), crypto::Ed25519Key::generate()};
}

std::optional<SignerKey> SignerKey::parse(const Secret& text) {
  const std::string_view all = as_text(text.reveal());
  if (!all.starts_with(kPrivate)) return std::nullopt;
  const auto pieces = pieces_of(all.substr(kPrivate.size()));
  if (!pieces || !is_key_name(pieces->name)) return std::nullopt;
  const auto bytes = secret_from_base64(pieces->data);
  if (!bytes || bytes->size() != 33 || bytes->reveal()[0] != kEd25519) return std::nullopt;
  SignerKey key(std::string(pieces->name),
                crypto::Ed25519Key::from_seed(bytes->reveal().subspan<1, 32>()));
  if (to_hex(key.verifier().id()) != pieces->id) return std::nullopt;
  return key;
}

Secret SignerKey::text() const {
  Secret text(as_bytes(std::string(kPrivate) + name_ + '+' + to_hex(verifier().id()) + '+'));
  const SecretKey<32> seed = key_.seed();
  Secret data(33);
  data.writable()[0] = kEd25519;
  std::copy_n(seed.reveal().begin(), 32, data.writable().begin() + 1);
  text.append(secret_to_base64(data.reveal()).reveal());
  return text;
}

VerifierKey SignerKey::verifier() const {
  return {name_, key_.public_key()};
}

std::string SignerKey::sign(std::string_view text) const {
  const auto id = verifier().id();
  const auto signature = key_.sign(as_bytes(text));
  std::vector<std::uint8_t> bytes(id.begin(), id.end());
  bytes.insert(bytes.end(), signature.begin(), signature.end());
  return std::string(text) + '\n' + std::string(kDash) + name_ + ' ' + to_base64(bytes) + '\n';
}

std::optional<Note> Note::parse(std::string_view note) {
  if (note.size() > kMostBytes || !is_utf8(note) || !note.ends_with('\n')) return std::nullopt;
  const bool has_control = std::any_of(note.begin(), note.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n';
  });
  const auto blank = note.rfind("\n\n");  // the last empty line parts text and signatures
  if (has_control || blank == note.npos) return std::nullopt;
  Note parsed{std::string(note.substr(0, blank + 1)), {}};
  std::string_view rest = note.substr(blank + 2);
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    auto signature = parse_signature(rest.substr(0, end));
    if (!signature || parsed.signatures.size() == kMostSignatures) return std::nullopt;
    parsed.signatures.push_back(std::move(*signature));
    rest.remove_prefix(end + 1);
  }
  if (parsed.signatures.empty()) return std::nullopt;
  return parsed;
}

NoteVerdict Note::verify(std::span<const VerifierKey> keys, std::size_t* signer) const {
  auto verdict = NoteVerdict::unknown_key;
  for (const NoteSignature& signature : signatures) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      // Name and id together tell the key; a stranger's signature under one of them is ignored.
      if (keys[i].name != signature.name || keys[i].id() != signature.id) continue;
      if (!crypto::verify_ed25519(keys[i].key, as_bytes(text), signature.signature)) {
        return NoteVerdict::bad_signature;
      }
      if (verdict == NoteVerdict::unknown_key && signer != nullptr) *signer = i;
      verdict = NoteVerdict::good;
    }
  }
  return verdict;
}

std::optional<Checkpoint> Checkpoint::parse(std::string_view note) {
  const auto parsed = Note::parse(note);
  if (!parsed) return std::nullopt;
  const auto lines = split(parsed->text, '\n');  // the last piece is empty: the text ends in LF
  if (lines.size() != 4 || !is_key_name(lines[0])) return std::nullopt;
  const auto size = parse_decimal(lines[1]);
  const auto root = from_base64(lines[2]);
  if (!size || !root || root->size() != 32) return std::nullopt;
  Checkpoint checkpoint{std::string(lines[0]), *size, {}, std::string(note)};
  std::copy(root->begin(), root->end(), checkpoint.root.begin());
  return checkpoint;
}

Checkpoint Checkpoint::sign(std::uint64_t size, const Hash& root, const SignerKey& key) {
  const std::string origin = key.verifier().name;
  const std::string text = origin + '\n' + std::to_string(size) + '\n' + to_base64(root) + '\n';
  return {origin, size, root, key.sign(text)};
}

NoteVerdict Checkpoint::verify(std::span<const VerifierKey> keys, std::size_t* signer) const {
  // The origin equals the key's name: a key of another log signs nothing here.
  std::vector<VerifierKey> own;
  std::vector<std::size_t> indexes;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].name != origin) continue;
    own.push_back(keys[i]);
    indexes.push_back(i);
  }
  const auto parsed = Note::parse(note);
  if (!parsed) return NoteVerdict::bad_signature;
  std::size_t found = 0;
  const auto verdict = parsed->verify(own, &found);
  if (verdict == NoteVerdict::good && signer != nullptr) *signer = indexes[found];
  return verdict;
}

}  // namespace sm::audit
