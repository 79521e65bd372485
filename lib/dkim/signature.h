#pragma once
// The DKIM-Signature field (RFC 6376 §3.5), parsed once into what may be relied on.
//
// A Signature has passed every check that needs neither the DNS nor the message's hashes: tags
// whole, bounds kept, From signed, i= within d=. What fails one is a Defect with the reason; d=,
// s= and a= are kept as written for the report.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crypto/digest.h"
#include "crypto/signing_key.h"
#include "dkim/canonical.h"
#include "name/domain.h"

namespace sm::dkim {

/// How a signature fares (RFC 8601 §2.7.1).
enum class Status {
  pass,
  fail,       ///< the message or the signature is not what was signed
  neutral,    ///< not judged: an algorithm that we do not have, beyond the number that we look at
  policy,     ///< good, but not acceptable: expired, key too small, part of the body not signed
  temperror,  ///< could not be told now: the DNS did not answer, or its answer is bogus
  permerror,  ///< can never be told: broken syntax, no key, revoked key
};
std::string_view text(Status status);

enum class Algorithm { rsa_sha256, ed25519_sha256 };
std::string_view text(Algorithm algorithm);
Algorithm algorithm_of(crypto::KeyType type);

/// Bounds of what we verify: more is refused, not tried.
constexpr std::size_t kMaxSignatures = 10;
constexpr std::size_t kMaxSignedNames = 1000;
constexpr std::size_t kMaxKeyText = 4096;  ///< characters of p=
constexpr unsigned kMinVerifyBits = 1024;  // RFC 8301 §3.2
constexpr unsigned kMaxVerifyBits = 8192;
constexpr unsigned kMinSignBits = 2048;

struct Signature {
  Algorithm algorithm;
  name::Domain domain;     ///< d=
  name::DnsName selector;  ///< s=
  Canons canons;
  std::vector<std::string> signed_names;              ///< h=, lower case, in order; holds "from"
  crypto::Sha256 body_hash;                           ///< bh=
  std::vector<std::uint8_t> signature;                ///< b=
  std::string identity;                               ///< i=, or "@" and d= where there is none
  name::Domain identity_domain;                       ///< at or under `domain`
  std::optional<std::uint64_t> length;                ///< l=
  std::optional<std::chrono::sys_seconds> signed_at;  ///< t=
  std::optional<std::chrono::sys_seconds> expires;    ///< x=
  std::string b_text;                                 ///< b= without white space

  /// Where the key is: "s._domainkey.d"; nothing when that is longer than a name can be.
  [[nodiscard]] std::optional<name::DnsName> key_name() const;
};

struct Defect {
  Status status = Status::permerror;  ///< or neutral
  std::string why{};                  ///< a phrase: "no h= tag"
};

/// What could be read of a field, whatever else is wrong with it.
struct ParsedSignature {
  std::string d, s, a;  ///< as written, without white space; empty where missing
  std::variant<Defect, Signature> content{};

  [[nodiscard]] const Signature* signature() const { return std::get_if<Signature>(&content); }
};

/// `value` is all between "DKIM-Signature:" and the final CRLF.
ParsedSignature parse_signature(std::string_view value);

/// The field as it was when it was signed: without what stands in b=, and without its final CRLF
/// (RFC 6376 §3.7). `raw` is the whole field.
std::string without_b(std::string_view raw);

/// What points to one signature in evidence kept elsewhere: everything but the signature itself.
struct Evidence {
  std::string d, s, a;
  std::string bh;        ///< base64
  std::string b_sha256;  ///< hex; SHA-256 of the text of b= without white space
};
Evidence evidence(const Signature& signature);

}  // namespace sm::dkim
