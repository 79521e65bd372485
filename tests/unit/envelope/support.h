#pragma once
// What the envelope's tests share: keys in memory, bytes that tell their place, envelopes in
// memory.

#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/file.h"
#include "crypto/random.h"
#include "envelope/draft.h"
#include "envelope/envelope.h"
#include "support/temp_dir.h"

namespace sm::test {

using namespace sm::envelope;

inline const std::chrono::sys_seconds kNow{std::chrono::seconds(1'795'000'000)};

inline Password password(std::string_view text) {
  return Password::from_input(Secret(as_bytes(text)), "test").value();
}

/// An organisation's keys, without a file.
class TestKeys final : public KeySource {
 public:
  Kek kek(const std::string& org, const std::string& kid) {
    auto& key = keks_[org + " " + kid];
    if (!key) key = crypto::random_key<32>();
    return {org, kid, key->clone()};
  }
  PublicKey public_key(const std::string& org, const std::string& kid) {
    auto& key = pairs_[org + " " + kid];
    if (!key) key = crypto::random_key<32>();
    return {org, kid, crypto::x25519_public(*key)};
  }
  void forget(const std::string& org, const std::string& kid) {
    keks_.erase(org + " " + kid);
    pairs_.erase(org + " " + kid);
  }
  const crypto::AeadKey* find_kek(std::string_view org, std::string_view kid) const override {
    const auto it = keks_.find(std::string(org) + " " + std::string(kid));
    return it == keks_.end() ? nullptr : &*it->second;
  }
  const crypto::X25519Private* find_private_key(std::string_view org,
                                                std::string_view kid) const override {
    const auto it = pairs_.find(std::string(org) + " " + std::string(kid));
    return it == pairs_.end() ? nullptr : &*it->second;
  }

 private:
  std::map<std::string, std::optional<crypto::AeadKey>> keks_;
  std::map<std::string, std::optional<crypto::X25519Private>> pairs_;
};

inline constexpr char kKid1[] = "1111111111111111";
inline constexpr char kKid2[] = "2222222222222222";

inline OpeningKeys with_keyring(const KeySource& keys) {
  OpeningKeys opening;
  opening.keyring = &keys;
  return opening;
}

/// Bytes each 8 of which differ from all others.
inline std::string content(std::size_t size, std::uint64_t seed = 0) {
  std::string bytes(size, '\0');
  std::uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;
  for (auto& byte : bytes) {
    state = state * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

/// An envelope in one piece, as smseal writes it.
inline std::string seal_to_memory(Draft& draft, const std::vector<std::string>& parts,
                                  bool last_has_size = true) {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    PartInfo info{.name = "file" + std::to_string(i), .size = parts[i].size()};
    if (i + 1 == parts.size() && !last_has_size) info.size.reset();
    numbers.push_back(draft.add_part(std::move(info)));
  }
  const auto front = draft.front(kNow).value();
  std::string all = front.header + std::string(as_text(front.manifest.reveal()));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    MemorySource in(as_bytes(parts[i]));
    SecretSink out(parts[i].size() + 1'000'000);
    draft.seal_part(numbers[i], in, out).value();
    all += as_text(out.bytes().reveal());
  }
  return all;
}

/// A file with these bytes, open.
class BytesFile {
 public:
  explicit BytesFile(std::string_view bytes) : path_(dir_ / "bytes") {
    publish_file(path_, as_bytes(bytes)).value();
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  TempDir dir_;
  std::string path_;
};

struct Opened {
  std::optional<Error> error;
  std::vector<std::string> parts;  ///< what came out, of each part that began
};

/// Opens all parts of what `opened` gives, as smunseal --verify would.
inline Opened open_all(Result<Envelope> opened, const OpeningKeys& keys) {
  Opened result;
  const auto failed = [&](const Error& error) {
    result.error = error;
    return result;
  };
  if (!opened) return failed(opened.error());
  if (auto unlocked = opened->unlock(keys); !unlocked) return failed(unlocked.error());
  for (std::size_t n = 1; n <= opened->manifest().parts.size(); ++n) {
    auto part = opened->part(n);
    if (!part) return failed(part.error());
    SecretSink out(std::size_t{1} << 30);
    const auto copied = part->copy_to(out);
    result.parts.emplace_back(as_text(out.bytes().reveal()));
    if (!copied) return failed(copied.error());
  }
  if (auto ended = opened->check_end(); !ended) return failed(ended.error());
  return result;
}

}  // namespace sm::test
