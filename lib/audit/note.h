#pragma once
// Signed notes (c2sp.org/signed-note) and checkpoints (c2sp.org/tlog-checkpoint): a few lines of
// text with an Ed25519 signature (type 0x01) below, written and read by many other programs.
//
//   example.org/smtools/default            origin: which log
//   1024                                    how many lines
//   <base64 of the tree's root over them>
//
//   — example.org/smtools/default <base64 of key id and signature>
//
// Keys are the note keys of Go's sumdb: `<name>+<key id>+<base64>` to verify with, and the same
// with `PRIVATE+KEY+` in front to sign with.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/tree.h"
#include "base/secret.h"
#include "crypto/signing_key.h"

namespace sm::audit {

/// Not empty, valid UTF-8, without spaces (Unicode's), control characters and plus.
bool is_key_name(std::string_view name);

struct VerifierKey {
  std::string name;
  crypto::Ed25519Public key{};

  /// `<name>+<8 hex digits>+<base64 of 0x01 ‖ key>`, the key id checked. Nothing for anything else.
  static std::optional<VerifierKey> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  /// The first four bytes of SHA-256(name ‖ LF ‖ 0x01 ‖ key).
  [[nodiscard]] std::array<std::uint8_t, 4> id() const;
  bool operator==(const VerifierKey&) const = default;
};

class SignerKey {
 public:
  static SignerKey generate(std::string name);
  /// `PRIVATE+KEY+<name>+<id>+<base64 of 0x01 ‖ seed>`, without line end.
  static std::optional<SignerKey> parse(const Secret& text);
  [[nodiscard]] Secret text() const;
  [[nodiscard]] VerifierKey verifier() const;
  /// The whole note: `text` (which ends in LF), an empty line, one signature line.
  [[nodiscard]] std::string sign(std::string_view text) const;

 private:
  SignerKey(std::string name, crypto::Ed25519Key key)
      : name_(std::move(name)), key_(std::move(key)) {}
  std::string name_;
  crypto::Ed25519Key key_;
};

/// What keys say about a note.
enum class NoteVerdict {
  good,           ///< a known key signed it, and no known key's signature is wrong
  unknown_key,    ///< no known key signed it: its text means nothing
  bad_signature,  ///< a known key's signature does not verify
};

struct NoteSignature {
  std::string name;
  std::array<std::uint8_t, 4> id{};
  std::vector<std::uint8_t> signature;
};

struct Note {
  std::string text;  ///< with its final LF, without the empty line
  std::vector<NoteSignature> signatures;

  /// At most 64 signatures and 1 MiB. Nothing when the syntax is broken.
  static std::optional<Note> parse(std::string_view note);
  /// `signer`, where given, receives the index of the first key that signed it well.
  [[nodiscard]] NoteVerdict verify(std::span<const VerifierKey> keys,
                                   std::size_t* signer = nullptr) const;
};

struct Checkpoint {
  std::string origin;
  std::uint64_t size = 0;
  Hash root{};
  std::string note;  ///< the whole signed note, as it was read or made

  /// The signed note's text must be exactly origin, size and root: an extension line is refused.
  /// Says nothing of the signature.
  static std::optional<Checkpoint> parse(std::string_view note);
  static Checkpoint sign(std::uint64_t size, const Hash& root, const SignerKey& key);
  /// good only where the signer's name equals the origin, too.
  [[nodiscard]] NoteVerdict verify(std::span<const VerifierKey> keys,
                                   std::size_t* signer = nullptr) const;
};

}  // namespace sm::audit
