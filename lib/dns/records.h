#pragma once
// The DNS's wire and zone-file formats, to and from the types of answer.h.
//
// ldns takes messages apart and reads zone-file text; it decides nothing. RDATA is read here, byte
// by byte: ldns 1.8.3 takes a TLSA record of 0 to 3 bytes for whole.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "dns/answer.h"

namespace sm::dns {

/// Uncompressed RDATA as a record; Malformed (with the reason) where the type's syntax is broken.
Record read_rdata(Type type, Bytes rdata);

/// An uncompressed name in wire format that fills all of `wire`, as text; nothing when broken.
std::optional<std::string> read_name(Bytes wire);

/// One record of a message's answer section.
struct MessageRecord {
  std::string owner;
  std::uint16_t type;
  std::uint32_t ttl;
  Record record;
};

/// A response, as far as it matters here.
struct Message {
  std::uint16_t id = 0;
  bool is_response = false;
  bool is_truncated = false;
  bool is_authentic = false;  ///< the AD bit
  int rcode = 0;
  std::string question_name{};
  std::uint16_t question_type = 0;
  std::vector<MessageRecord> answers{};  ///< class IN only
};
/// Errc::protocol when it is no DNS message, or has not exactly one question.
Result<Message> parse_message(Bytes wire);

/// A query with EDNS, RD and DO or AD set, as asked for.
struct QueryFlags {
  std::uint16_t id;
  bool wants_authentic;       ///< AD in a query: tell me whether it validated (RFC 6840 §5.7)
  bool is_checking_disabled;  /// CD
};
Result<std::vector<std::uint8_t>> build_query(const Question& question, QueryFlags flags);

/// Follows the CNAMEs of an answer section from `name`. Errc::protocol for loops, several CNAMEs at
/// one name, and more than kMaxHops hops. All hops are marked with `security`.
Result<std::vector<Hop>> follow_cnames(const name::DnsName& name,
                                       const std::vector<MessageRecord>& answers,
                                       Security security);

/// What a response without an error (NOERROR, NXDOMAIN) answers to the question, all of it marked
/// with `security`. Failure (malformed) where its CNAMEs lead nowhere.
Answer answer_from(const Question& question, const Message& message, Security security);

/// A record's content in zone-file syntax, names absolute with or without final dot. TXT: quoted
/// strings. Errc::malformed with what is wrong.
Result<Record> parse_record_text(Type type, std::string_view value);

}  // namespace sm::dns
