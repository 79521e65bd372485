#pragma once
// What the DNS answers, as values.
//
// Five answers, never merged: data, no data (the name exists, the type does not), no such name;
// each of these three either validated by DNSSEC (secure) or from an unsigned zone (insecure); and
// then bogus (a signed zone whose answer does not verify: somebody tampers, or the signatures are
// broken) and failure (nobody could tell). A failure is never "does not exist". RFC 4033 §5's
// "indeterminate" does not occur: without a trust anchor above a name nothing is secure.
//
// All text in names is lower case without the final dot; the root is ".". Bytes that are not
// printable ASCII are escaped as in zone files (\DDD), so no answer can forge a line of a log.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dns/address.h"
#include "name/domain.h"

namespace sm::dns {

enum class Type : std::uint16_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  ptr = 12,
  mx = 15,
  txt = 16,
  aaaa = 28,
  ds = 43,
  dnskey = 48,
  tlsa = 52,
};
/// "MX", "TLSA", …; "TYPE99" for the others.
std::string text(Type type);
/// Reads the same, in any case.
std::optional<Type> parse_type(std::string_view text);

struct Mx {
  std::uint16_t preference;
  std::string exchange;  ///< unchecked host name; "." is a null MX (RFC 7505)
  friend bool operator==(const Mx&, const Mx&) = default;
};

/// RFC 6698 §2.1. At least three bytes and one byte of data; all else is checked by sm::dane.
struct Tlsa {
  std::uint8_t usage;
  std::uint8_t selector;
  std::uint8_t matching_type;
  std::vector<std::uint8_t> data;
  friend bool operator==(const Tlsa&, const Tlsa&) = default;
};
/// "3 1 1 <hex>".
std::string text(const Tlsa& tlsa);

struct Txt {
  std::vector<std::string> strings;
  /// The strings put together without anything between.
  [[nodiscard]] std::string joined() const;
  friend bool operator==(const Txt&, const Txt&) = default;
};

/// CNAME, NS, PTR: a name.
struct Target {
  std::string name;
  friend bool operator==(const Target&, const Target&) = default;
};

struct Soa {
  std::string primary;
  std::string mailbox;
  std::uint32_t serial;
  friend bool operator==(const Soa&, const Soa&) = default;
};

/// A record of a type that this program does not read.
struct Opaque {
  std::vector<std::uint8_t> rdata;
  friend bool operator==(const Opaque&, const Opaque&) = default;
};

/// A record whose content breaks its type's syntax. It is kept, since "there is a TLSA record that
/// nobody can use" is another answer than "there is none".
struct Malformed {
  std::vector<std::uint8_t> rdata;
  std::string why;
  friend bool operator==(const Malformed&, const Malformed&) = default;
};

using Record = std::variant<IpAddress, Mx, Tlsa, Txt, Target, Soa, Opaque, Malformed>;
/// The record's content as in a zone file: "10 mx.example", "3 1 1 8d02…", "\"v=spf1 -all\"".
std::string text(const Record& record);

enum class Security { secure, insecure };

/// One CNAME on the way from the name asked to the name that holds the answer.
struct Hop {
  std::string owner;
  std::string target;
  Security security;  ///< insecure also where a hop before it was: what follows is tainted
};

enum class Outcome { data, no_data, no_such_name, bogus, failure };
enum class FailureKind {
  servfail,   ///< the servers could not answer
  timeout,    ///< no answer in time
  refused,    ///< the servers would not answer
  malformed,  ///< what came is no answer to the question
  local,      ///< the resolver itself could not work: memory, sockets
};

struct Question {
  name::DnsName name;
  Type type;
  friend bool operator==(const Question&, const Question&) = default;
};

/// Treat every outcome in a switch without default: the compiler then tells when one is missing.
struct Answer {
  Question question;
  Outcome outcome;
  /// Of the whole answer, chain and denial included. Bogus answers and failures are never secure.
  Security security = Security::insecure;
  std::vector<Record> records{};  ///< only for data; at least one
  std::vector<Hop> chain{};       ///< in order; empty when the name itself holds the answer
  std::string canonical{};        ///< the name at the end of the chain
  std::uint32_t ttl = 0;          ///< seconds
  int rcode = 0;                  ///< RFC 1035 §4.1.1
  FailureKind failure = FailureKind::local;  ///< only for failure
  std::string why{};  ///< bogus: the validator's reason; failure: what happened; else empty

  [[nodiscard]] bool has_data() const { return outcome == Outcome::data; }
  /// "There is none", by an answer that says so: no data or no such name.
  [[nodiscard]] bool is_absent() const {
    return outcome == Outcome::no_data || outcome == Outcome::no_such_name;
  }
  /// Bogus or failure: nothing is known, and nothing may be concluded.
  [[nodiscard]] bool is_unknown() const {
    return outcome == Outcome::bogus || outcome == Outcome::failure;
  }
  [[nodiscard]] bool is_secure() const { return security == Security::secure; }

  /// The records of one kind, in the order in which they came.
  template <class T>
  [[nodiscard]] std::vector<T> all() const {
    std::vector<T> found;
    for (const auto& record : records) {
      if (const T* one = std::get_if<T>(&record)) found.push_back(*one);
    }
    return found;
  }
};

/// "secure", "insecure", "bogus", "failed": the word for an answer in reports.
std::string_view dnssec_word(const Answer& answer);
std::string_view text(Security security);
std::string_view text(FailureKind kind);
/// One sentence for people: "TLSA _25._tcp.mx.example: no such name (secure)".
std::string describe(const Answer& answer);

}  // namespace sm::dns
