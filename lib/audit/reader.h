#pragma once
// Reading a log in order, for those who show it: each record with the disclosures that are left of
// it. Nothing is verified here but that lines are records; smaudit verify does the rest.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/disclosure.h"
#include "audit/layout.h"
#include "audit/scan.h"
#include "audit/segment_lines.h"
#include "base/result.h"

namespace sm::audit {

/// A record as the reader stands on it; views live until the next one.
struct EntryView {
  std::string_view line;  ///< raw, without LF
  const RecordView* record = nullptr;
  std::vector<std::string> disclosures;  ///< as they stand in the file
};

class LogReader {
 public:
  /// Begins at the segment that holds `seq`.
  static Result<LogReader> open(const std::string& folder, std::uint64_t seq = 0);

  /// The next record; nothing at the end, and the next call looks again (the log may have grown).
  /// Errc::malformed where a line is no record.
  Result<const EntryView*> next();
  /// The same, for lines that `wanted` lets through: the others are not parsed.
  Result<const EntryView*> next(const std::function<bool(std::string_view)>& wanted);

 private:
  explicit LogReader(Layout layout, std::uint64_t segment)
      : layout_(std::move(layout)), segment_(segment), seq_(segment * kSegmentRecords) {}
  Result<bool> open_segment();
  Result<void> read_disclosures(std::uint64_t seq);
  Result<void> find_disclosures(std::uint64_t seq);

  Layout layout_;
  std::uint64_t segment_ = 0;
  std::uint64_t seq_ = 0;  ///< of the next line
  std::optional<SegmentLines> lines_;
  std::optional<SegmentLines> disclosures_;
  std::optional<DisclosureLine> pending_;
  LineScanner scanner_;
  EntryView entry_;
};

/// The disclosures of a record by name, in the order in which they stand.
std::vector<Disclosure> parse_disclosures(const std::vector<std::string>& texts);
/// The text of the first one of that name; empty where there is none (any more).
std::string disclosed(const std::vector<Disclosure>& disclosures, std::string_view name);

}  // namespace sm::audit
