#pragma once
// Signature keys: RSA (RFC 8017, PKCS #1 v1.5 with SHA-256) and Ed25519 (RFC 8032), over OpenSSL.
//
// Ed25519Key is the small one, for who holds 32 raw bytes: the audit log's checkpoints. SigningKey
// is either kind, from a PEM file or from a PKCS#11 token; on a token the private key never comes
// into our memory, only what is to be signed goes out. PublicKey verifies. All may be used by
// several threads at once. Failing to verify is an answer (false), never an Error.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/digest.h"

struct evp_pkey_st;

namespace sm::crypto {

using Ed25519Public = std::array<std::uint8_t, 32>;
using Ed25519Signature = std::array<std::uint8_t, 64>;

/// An OpenSSL key, shared between copies; for this folder only.
using SharedPkey = std::shared_ptr<evp_pkey_st>;

/// An Ed25519 private key (RFC 8032 §5.1.5: the 32-byte seed).
class Ed25519Key {
 public:
  /// From the kernel's random source.
  static Ed25519Key generate();
  /// Any 32 bytes are a private key.
  static Ed25519Key from_seed(std::span<const std::uint8_t, 32> seed);

  /// The 32 bytes that from_seed takes.
  [[nodiscard]] SecretKey<32> seed() const;
  [[nodiscard]] const Ed25519Public& public_key() const { return public_; }
  /// PureEdDSA over the message itself; the same message gives the same signature.
  [[nodiscard]] Ed25519Signature sign(Bytes message) const;

 private:
  friend class SigningKey;
  explicit Ed25519Key(SharedPkey key);
  SharedPkey key_;
  Ed25519Public public_{};
};

/// Whether `signature` is the key's over `message`. Signatures with S ≥ L and wrong lengths are
/// refused (RFC 8032 §5.1.7).
bool verify_ed25519(const Ed25519Public& key, Bytes message, Bytes signature);

enum class KeyType { rsa, ed25519 };

class PublicKey {
 public:
  /// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of an RSA or Ed25519 key, all of `der`.
  /// Nothing for anything else.
  static std::optional<PublicKey> from_spki(Bytes der);
  /// RSAPublicKey (RFC 8017 A.1.1), all of `der`.
  static std::optional<PublicKey> from_pkcs1(Bytes der);
  /// The 32 bytes of RFC 8032 §5.1.2; nothing for another length.
  static std::optional<PublicKey> from_ed25519(Bytes raw);

  [[nodiscard]] KeyType type() const;
  /// Of the RSA modulus; 256 for Ed25519.
  [[nodiscard]] unsigned bits() const;
  [[nodiscard]] std::vector<std::uint8_t> spki() const;
  /// The raw 32 bytes; nothing for an RSA key.
  [[nodiscard]] std::optional<Ed25519Public> ed25519() const;
  /// RSA: PKCS #1 v1.5 over this SHA-256 digest. Ed25519: over the digest's 32 bytes as the message
  /// (RFC 8463 §3).
  [[nodiscard]] bool verify(const Sha256& digest, Bytes signature) const;
  /// The digest that an RSA signature was made over; nothing where this key did not make it, and
  /// always nothing for Ed25519.
  [[nodiscard]] std::optional<Sha256> signed_digest(Bytes signature) const;
  friend bool operator==(const PublicKey& a, const PublicKey& b);

 private:
  friend class SigningKey;
  explicit PublicKey(SharedPkey key) : key_(std::move(key)) {}
  SharedPkey key_;
};

/// Where the PIN of a token comes from when the URI names no file: asked once, when it is needed.
/// An empty Secret means that there is none.
class PinSource {
 public:
  virtual ~PinSource() = default;
  virtual Result<Secret> pin(const std::string& token) = 0;
};

class SigningKey {
 public:
  static SigningKey generate_ed25519();
  /// `bits` 2048 to 8192; else Errc::usage.
  static Result<SigningKey> generate_rsa(unsigned bits);
  /// An unencrypted PEM private key (PKCS#8, or PKCS#1 for RSA). `name` is for the error's words.
  /// Errc::malformed where it is not one, or of another kind than RSA and Ed25519.
  static Result<SigningKey> from_pem(const Secret& pem, const std::string& name);
  /// A PEM file that only its owner can read (Errc::denied with the chmod to do otherwise), or a
  /// file of $CREDENTIALS_DIRECTORY when `is_credential` says so.
  static Result<SigningKey> from_file(const std::string& path, bool is_credential = false);
  /// `pkcs11:token=…;object=…` (RFC 7512), an RSA key on a token, through OpenSSL's engine
  /// "pkcs11". `module-path=` names the token's library, `pin-source=` a file with the PIN
  /// (permissions as of a key file). `pin-value=` is refused: command lines are public.
  /// Errc::unavailable without engine, module or token; Errc::denied for a wrong PIN.
  static Result<SigningKey> from_token(const std::string& uri, PinSource* pin = nullptr);
  /// A URI that begins with "pkcs11:" or else a file.
  static Result<SigningKey> open(const std::string& file_or_uri, bool is_credential = false,
                                 PinSource* pin = nullptr);

  explicit SigningKey(const Ed25519Key& key) : SigningKey(key.key_, false) {}

  [[nodiscard]] KeyType type() const;
  [[nodiscard]] unsigned bits() const;
  [[nodiscard]] PublicKey public_key() const;
  /// As PublicKey::verify reads it. Fails only where a token does (Errc::unavailable).
  [[nodiscard]] Result<std::vector<std::uint8_t>> sign(const Sha256& digest) const;
  /// PKCS#8 in PEM; Errc::denied for a key on a token.
  [[nodiscard]] Result<Secret> pem() const;

 private:
  /// OpenSSL's contexts that signed with this key and may again: making one takes a twentieth of
  /// the time of a signature.
  class Contexts;
  SigningKey(SharedPkey key, bool is_on_token);
  SharedPkey key_;
  std::shared_ptr<Contexts> contexts_;
  bool is_on_token_ = false;
};

}  // namespace sm::crypto
