#pragma once
// A record: what is to be said in one line of the audit log.
//
// A record has facts and disclosures. Facts stand in the line, in the clear, for ever: levels,
// mechanisms, DNSSEC states, TLS versions, verdicts, codes, nothing that says who. Disclosures are
// everything that says who or points to it (addresses, names, hosts, replies, digests): the line
// carries only a salted SHA-256 of each, the value itself stands in a file beside it and can be
// erased without breaking the chain. Sequence number, time and chain are added by the Log, under
// its lock. audit/evidence.h has the records that several tools write, ready made.

#include <array>
#include <compare>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/event.h"
#include "base/secret.h"

namespace sm::audit {

/// N random bytes, shown as base64url: an identifier that is derived from nothing.
template <std::size_t N>
class RandomId {
 public:
  static RandomId fresh();
  /// The canonical base64url of exactly N bytes, or nothing.
  static std::optional<RandomId> parse(std::string_view text);
  explicit RandomId(const std::array<std::uint8_t, N>& bytes) : bytes_(bytes) {}
  [[nodiscard]] std::string text() const;
  [[nodiscard]] const std::array<std::uint8_t, N>& bytes() const { return bytes_; }
  auto operator<=>(const RandomId&) const = default;

 private:
  std::array<std::uint8_t, N> bytes_;
};
extern template class RandomId<12>;
extern template class RandomId<6>;

/// One message, in every record about it.
using MessageId = RandomId<12>;
/// One recipient of one message; another message to the same address has another.
using RecipientId = RandomId<6>;

class Record {
 public:
  explicit Record(Event event) : event_(event) {}
  Record(Event event, const MessageId& message) : event_(event), message_(message) {}
  Record(Event event, const MessageId& message, const RecipientId& recipient)
      : event_(event), message_(message), recipient_(recipient) {}

  /// Adds a fact. Names are [a-z][a-z0-9_]* and appear once; the record's fixed fields are no
  /// facts. An empty text adds nothing. A breach makes the record invalid: append refuses it.
  Record& fact(std::string_view name, std::string_view value);
  Record& fact(std::string_view name, const std::string& value) {
    return fact(name, std::string_view(value));
  }
  Record& fact(std::string_view name, const char* value) {
    return fact(name, std::string_view(value));
  }
  Record& fact(std::string_view name, std::same_as<bool> auto value) {
    return fact_json(name, value ? "true" : "false");
  }
  /// Beyond 2^53 it becomes a string.
  Record& fact(std::string_view name,
               std::integral auto value) requires(!std::same_as<decltype(value), bool> &&
                                                  !std::same_as<decltype(value), char>) {
    return fact_integer(name, std::to_string(value));
  }
  Record& fact(std::string_view name, const std::vector<std::string>& values);
  /// "outcome", and "reason" where it is not empty.
  Record& outcome(Outcome outcome, std::string_view reason = {});

  /// Adds a disclosure: a salt of its own is drawn now. An empty text adds nothing. The same name
  /// may come several times (the recipients of a submission).
  Record& disclose(std::string_view name, std::string_view value);
  /// The same for a value that is JSON already.
  Record& disclose_json(std::string_view name, std::string_view json);

  [[nodiscard]] Event event() const { return event_; }
  [[nodiscard]] const std::optional<MessageId>& message() const { return message_; }
  [[nodiscard]] const std::optional<RecipientId>& recipient() const { return recipient_; }
  /// What is wrong with it, or empty.
  [[nodiscard]] const std::string& defect() const { return defect_; }

 private:
  friend class Composer;
  Record& fact_json(std::string_view name, std::string_view json);
  Record& fact_integer(std::string_view name, std::string digits);

  Event event_;
  std::optional<MessageId> message_;
  std::optional<RecipientId> recipient_;
  std::vector<std::string> fact_names_;
  std::string facts_;                     ///< `"level":"verified","port":25`
  std::vector<std::string> disclosures_;  ///< base64url(JSON [salt, name, value])
  std::string defect_;
};

}  // namespace sm::audit
