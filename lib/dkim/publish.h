#pragma once
// What to put into the DNS for a key, and whether it is there: the record's text in the forms that
// zone files, APIs and nsupdate take, and a comparison with what the DNS answers, in plain words.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/signing_key.h"
#include "dkim/key_record.h"
#include "name/domain.h"

namespace sm::dkim {

/// What k= says of a key of this type: "rsa", "ed25519" (RFC 6376 §3.6.1, RFC 8463 §4).
std::string_view key_tag(crypto::KeyType type);
/// "v=DKIM1; k=rsa; p=MIIB…": one line, not split.
std::string record_text(const crypto::PublicKey& key);
/// The record of a key that is no longer to be used (RFC 6376 §3.6.1: an empty p=).
std::string revoked_record_text(crypto::KeyType type);

/// The strings of at most 255 octets that a TXT record is made of (RFC 1035 §3.3.14).
std::vector<std::string> split_strings(const std::string& text);

enum class RecordFormat {
  zone,      ///< a line of a zone file (RFC 1035 §5)
  raw,       ///< the text alone
  json,      ///< name, type, ttl, content, strings
  nsupdate,  ///< commands for nsupdate(1): replace whatever TXT record is there
};
/// With its line end. `name` is "s._domainkey.d".
std::string format_record(RecordFormat format, const name::DnsName& name, const std::string& text);

/// "s._domainkey.d"; Errc::usage where the selector is none, or the name too long.
Result<name::DnsName> key_record_name(const name::Domain& domain, const std::string& selector);

/// What check found.
struct Check {
  bool is_good = false;          ///< signatures by this key verify
  bool is_undetermined = false;  ///< the DNS did not tell
  std::string summary;           ///< one sentence
  std::vector<std::string>
      findings{};  ///< sentences, what is wrong first, what is only worth saying after
  KeyAnswer answer;
};

/// Compares what the DNS answered with the key, or where there is none judges the record alone.
Check check_published(const KeyAnswer& answer, const name::DnsName& name,
                      const std::optional<crypto::PublicKey>& key);

/// All keys that can be found in a text that may be no proper record: a p= that comes twice, quotes
/// or blanks inside. For finding out which of them was meant.
std::vector<crypto::PublicKey> keys_in(std::string_view text);

}  // namespace sm::dkim
