#pragma once
// What is to be published for a domain that sends through smtools: SPF (RFC 7208), DKIM (RFC 6376),
// DMARC (RFC 7489), MTA-STS (RFC 8461) with its policy, TLSRPT (RFC 8460), TLSA (RFC 7672), and NTA
// 7516. Made from what the domain has already: a sound record is kept as it is, an SPF record that
// leaves this machine out is completed.
//
// As a zone file: records are lines, everything else is a comment, so the whole can be included.

#include <optional>
#include <string>
#include <vector>

#include "crypto/certificate.h"
#include "crypto/signing_key.h"
#include "setup/surroundings.h"

namespace sm::setup {

struct PublicKeyOf {
  std::string selector;
  crypto::PublicKey key;
};

struct Publication {
  enum class Kind {
    record,  ///< to be published
    offer,   ///< only where its purpose applies: a comment in the zone file
    file,    ///< to be served at the URL that `name` is
    note,    ///< words only
  };
  Kind kind;
  std::string purpose;    ///< "SPF", "MTA-STS policy", …
  std::string name{};     ///< owner without the final dot, or the URL
  std::string type{};     ///< "TXT"
  std::string content{};  ///< of a TXT record the text, else as in a zone file
  std::string why{};      ///< a sentence or two; may be empty
};

struct Wishes {
  std::vector<PublicKeyOf> keys;
  /// Of the domain's mail host, instead of what it shows (--certificate).
  std::optional<crypto::Certificate> certificate{};
  /// Takes the domain's mail, where no MX record says so yet (--mail-host).
  std::optional<name::Domain> mail_host{};
  std::string today;  ///< "2026-11", for NTA 7516
};

std::vector<Publication> publications(const Surroundings& around, const Wishes& wishes);

/// What the domain's own mail server must be told, for people.
std::vector<Publication> server_notes(const name::Domain& domain, const std::string& user);

/// Lines of a zone file, comments included; ends in a line end.
std::string zone_text(const name::Domain& domain, const std::vector<Publication>& publications);
std::string json(const Publication& publication);

/// The policy file for these hosts, LF line ends.
std::string policy_text(const std::vector<name::Domain>& hosts, bool is_enforced);
/// An id that changes exactly when the policy's text does.
std::string policy_id(const std::string& policy);
/// The SPF record with the addresses put in; a new one where `existing` is empty.
std::string spf_text(const std::string& existing, const std::vector<IpAddress>& addresses);

}  // namespace sm::setup
