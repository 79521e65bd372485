#pragma once
// The records of a message's way, ready made, so that every tool writes the same names:
// `submitted` before any byte leaves, then one ending record a recipient. smtools-audit(5) lists
// the facts and disclosures of each. Empty texts and absent values are left out.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/record.h"
#include "base/clock.h"

namespace sm::audit {

/// A recipient of a message: the id stands in the lines, the address is disclosed.
struct Recipient {
  RecipientId id;
  std::string address;
};

/// What `submitted` says.
struct Submission {
  MessageId message;
  std::vector<Recipient> recipients;
  std::string sender;                ///< envelope sender; empty is "<>"
  std::string account;               ///< login name or SASL account
  std::optional<std::uint32_t> uid;  ///< the submitting process's, where it came locally
  std::string client_address;        ///< IP address and port, where it came by network
  std::optional<std::uint16_t> client_port;
  std::string client_tls_version;
  std::string client_tls_cipher;
  std::uint64_t size = 0;      ///< octets of the message as it will be sent
  std::string message_id;      ///< the header's, with its angle brackets
  std::string message_sha256;  ///< hex, of the message as submitted; may be empty
  std::string key;             ///< a batch row's key
  std::string method;          ///< "direct", "sms", "email", "password"
};

/// `submitted`: one record, or several of at most 500 recipients where there are more.
std::vector<Record> submitted(const Submission& submission, const Clock& clock);

/// One DKIM signature of the message as sent.
struct DkimEvidence {
  std::string domain;     ///< d=
  std::string selector;   ///< s=
  std::string algorithm;  ///< a=
  std::string body_hash;  ///< bh=
  std::string b_sha256;   ///< hex, SHA-256 of b=
};

/// What is known of one attempt at one recipient: `delivered` carries all of it, the other endings
/// as far as the attempt came.
struct Attempt {
  MessageId message;
  Recipient recipient;
  // Facts.
  std::string level;           ///< verified, trusted, encrypted, insecure
  std::string mechanism;       ///< dane, mta-sts, pkix
  std::string mx_dnssec;       ///< of the MX set: secure, insecure, bogus, failed
  std::string address_dnssec;  ///< of the host's addresses
  std::string tlsa_dnssec;
  std::string tls_version;  ///< TLSv1.3
  std::string tls_cipher;
  std::string chain_verdict;      ///< of the PKIX or DANE check: "ok" or its reason code
  std::string sts_mode;           ///< enforce, testing, none
  std::optional<int> reply_code;  ///< 250
  std::string enhanced_status;    ///< 2.0.0
  std::string reason;             ///< stable code; empty on success
  // Disclosures.
  std::string mx_host;
  std::string local_address;
  std::optional<std::uint16_t> local_port;
  std::string remote_address;
  std::optional<std::uint16_t> remote_port;
  std::string certificate_sha256;  ///< hex
  std::string spki_sha256;         ///< hex
  std::string tlsa;                ///< the record that matched: "3 1 1 <hex>"
  std::string sts_policy_id;
  std::string reply;     ///< the server's final reply, verbatim; cut at 4,096 bytes
  std::string queue_id;  ///< the server's
  std::string message_id;
  std::string message_sha256;  ///< hex, of the bytes as sent, before dot-stuffing
  std::optional<std::uint64_t> size;
  std::vector<DkimEvidence> dkim;
  std::string detail;  ///< a sentence for people, of what went wrong
  std::string key;     ///< a batch row's key
};

Record delivered(const Attempt& attempt, const Clock& clock);
Record deferred(const Attempt& attempt, const Clock& clock);
Record refused(const Attempt& attempt, const Clock& clock);
Record failed(const Attempt& attempt, const Clock& clock);
Record uncertain(const Attempt& attempt, const Clock& clock);
/// One of the five by its event.
Record ending(Event event, const Attempt& attempt, const Clock& clock);

}  // namespace sm::audit
