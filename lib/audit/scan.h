#pragma once
// Reading one line of the log: strict, and fast enough for a million a second. What a line must be
// is smtools-audit(5); whatever else it is, it was altered.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/event.h"

namespace sm::audit {

/// Bytes that must be readable behind a line handed to LineScanner.
inline constexpr std::size_t kPadding = 64;

/// The fields of a record. Views point into the scanner and live until its next scan().
struct RecordView {
  std::uint64_t seq = 0;
  std::string_view prev;  ///< 64 hex digits
  std::string_view ts;
  Event event{};
  std::string_view message;    ///< empty where it does not apply
  std::string_view recipient;  ///< the same
  std::string_view tool, host, boot;
  std::uint64_t mono = 0;
  std::vector<std::string_view> sd;          ///< digests, 43 characters each
  std::vector<std::string_view> digests;     ///< `erased`: what it lists
  std::vector<std::string_view> recipients;  ///< `submitted`: the recipient ids
  std::string_view next;                     ///< `epoch_ended`: the next verifier key
  std::string_view outcome;
};

class LineScanner {
 public:
  LineScanner();
  LineScanner(LineScanner&&) noexcept;
  ~LineScanner();
  /// The record, or null, and then defect() says why. kPadding bytes behind the line must be
  /// readable, whatever they are.
  const RecordView* scan(std::string_view line);
  [[nodiscard]] const char* defect() const { return defect_; }
  /// The same by the long way alone, for tests: through a JSON parser.
  const RecordView* scan_slowly(std::string_view line);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  const char* defect_ = "";
};

/// The same for the lines of a disclosures file, which may be longer.
class DisclosureScanner {
 public:
  struct View {
    std::uint64_t seq = 0;
    std::vector<std::string_view> disclosures;
  };
  DisclosureScanner();
  DisclosureScanner(DisclosureScanner&&) noexcept;
  ~DisclosureScanner();
  /// Null when the line is not one. kPadding bytes behind it must be readable.
  const View* scan(std::string_view line);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

/// A fact of a record, for those who show it.
struct Fact {
  std::string name;
  std::string json;  ///< minified
  std::string text;  ///< for people: a string's content, any other value's JSON
};

/// A record that owns what it says, for those who are not in a hurry.
struct ParsedRecord {
  std::string line;  ///< raw, without LF
  std::uint64_t seq = 0;
  std::string prev, ts;
  Event event{};
  std::string message, recipient, tool, host, boot;
  std::uint64_t mono = 0;
  std::vector<Fact> facts;  ///< without `_sd`
  std::vector<std::string> sd;
  /// A fact's text; empty where there is none.
  [[nodiscard]] std::string fact(std::string_view name) const;
};
/// Nothing when the line is not a record.
std::optional<ParsedRecord> parse_record(std::string_view line);

/// What an erasure that is on its way says: disclosures/.erasing, one JSON object.
struct ErasurePlan {
  std::uint64_t seq = 0;  ///< the log's size when it was made
  std::string message;    ///< or empty
  std::string authorised_by, ground;
  std::vector<std::string> digests;  ///< sorted
  static std::optional<ErasurePlan> parse(std::string_view text);
};

}  // namespace sm::audit
