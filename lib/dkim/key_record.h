#pragma once
// The public key in the DNS (RFC 6376 §3.6.1, RFC 8463 §4): "v=DKIM1; k=rsa; p=MIIB…", a TXT record
// at "selector._domainkey.domain".
//
// Each way in which there is no usable key has its own state, because each asks something else of
// the domain's owner, and because "the DNS did not answer" must never look like "there is no key".

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/signing_key.h"
#include "dkim/signature.h"
#include "dns/resolver.h"

namespace sm::dkim {

enum class KeyState {
  usable,
  none,           ///< no such name, or no TXT record there
  dns_failure,    ///< the lookup failed: nothing is known
  bogus,          ///< DNSSEC validation failed: nothing is known
  several,        ///< more than one key record: which one counts is anyone's guess
  malformed,      ///< no tag list, a tag twice, no p=
  wrong_version,  ///< v= is not DKIM1, or not first
  wrong_type,     ///< k= is unknown, or not the signature's
  wrong_hash,     ///< h= does not allow sha256
  wrong_service,  ///< s= does not allow email
  oversized,      ///< p= is longer than 4096 characters
  unreadable,     ///< p= holds no such key
  revoked,        ///< p= is empty
  weak,           ///< RSA below 1024 bits
  too_large,      ///< RSA above 8192 bits
};
/// "key revoked", "no key", …: a phrase for reports.
std::string_view text(KeyState state);
/// "none", "dns-failure", "revoked", …: a stable word for programs.
std::string_view code(KeyState state);
/// What a signature with a key in this state is; pass for a usable one.
Status status_of(KeyState state);

struct KeyRecord {
  crypto::KeyType type;
  crypto::PublicKey key;
  bool is_testing = false;  ///< t=y: a failure counts no more than no signature
  bool is_strict = false;   ///< t=s: the domain of i= must be that of d=
  std::string notes{};      ///< n=
};

/// One text of a TXT record.
struct KeyReading {
  KeyState state;
  std::string why{};  ///< more about a state that is not usable; may be empty
  std::optional<KeyRecord> record{};
};
KeyReading parse_key_record(std::string_view text);

/// What the DNS has for a signature.
struct KeyAnswer {
  KeyState state;
  std::string why{};
  std::optional<KeyRecord> record{};    ///< where `state` is usable
  std::vector<std::string> texts{};     ///< the TXT records as they came, strings joined
  std::optional<dns::Answer> answer{};  ///< the evidence, with its DNSSEC state
};

/// Reads an answer to the TXT question.
KeyAnswer read_key_answer(const dns::Answer& answer);

/// Whether the key may verify this signature: k= and a= fit, i= obeys t=s. The defect, or nothing.
std::optional<Defect> mismatch(const KeyRecord& record, const Signature& signature);

}  // namespace sm::dkim
