#pragma once
// One thread's share of verifying: what can be said of a block of lines without knowing what came
// before it, and of disclosures against the records that commit to them. Part of verify.h.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/blocks.h"
#include "audit/epochs.h"
#include "audit/findings.h"
#include "audit/lifecycle.h"
#include "audit/scan.h"
#include "audit/tree.h"

namespace sm::audit {

/// 43 base64url characters.
using DigestText = std::array<char, 43>;

/// A set of digests as one sum of keyed hashes: equal sets have equal sums, and who does not know
/// the key, drawn anew for each run, cannot make unequal ones that have.
class DigestSum {
 public:
  using Key = std::array<std::uint8_t, 32>;
  void add(const Key& key, std::string_view digest);
  void add(const DigestSum& other);
  bool operator==(const DigestSum&) const = default;

 private:
  std::array<std::uint64_t, 4> sum_{};
  std::uint64_t count_ = 0;
};

/// How a run goes about disclosures.
struct DisclosureMode {
  bool is_on = false;     ///< a folder's: records' digests are kept for the join
  bool is_exact = false;  ///< second run: name what is missing, instead of summing it up
  DigestSum::Key key{};
};

struct Defect {
  FindingKind kind{};
  std::uint64_t index = 0;  ///< of the line in the block
  std::string detail;
};

struct BlockResult {
  std::uint64_t number = 0;
  std::optional<std::uint64_t> begins_segment;
  bool ends_segment = false;
  std::uint64_t torn_bytes = 0;

  std::vector<Hash> leaves;               ///< of each line
  std::optional<std::uint64_t> base_seq;  ///< what the first line's seq is, by the first good line
  std::string first_prev;                 ///< of the first line; empty when it is no record
  std::uint64_t last_seq = 0;             ///< of the last line, by the last good one
  bool is_last_good = false;
  std::vector<Defect> defects;
  std::vector<LifecycleStep> steps;             ///< their seq is the line's index
  std::vector<std::array<char, 8>> recipients;  ///< of the steps
  std::vector<EpochEnd> epoch_ends;
  DigestSum erased_sum;
  std::vector<std::string> erased;         ///< exact mode
  std::vector<DigestText> digests;         ///< of all lines, one after the other
  std::vector<std::uint32_t> digest_ends;  ///< of each line, in digests
};

class BlockVerifier {
 public:
  explicit BlockVerifier(const DisclosureMode& mode) : mode_(mode) {}
  BlockResult verify(const Block& block);

 private:
  void take(const RecordView& record, std::uint64_t index, BlockResult& result);
  DisclosureMode mode_;
  LineScanner scanner_;
};

/// The disclosures of a block's records.
struct DisclosureJob {
  std::uint64_t first_seq = 0;
  std::vector<DigestText> digests;
  std::vector<std::uint32_t> digest_ends;
  std::string lines;  ///< of the disclosures file, whole lines
};

struct DisclosureResult {
  Findings findings;
  DigestSum missing_sum;
  std::vector<std::pair<std::uint64_t, std::string>> missing;  ///< exact mode: seq and digest
};

class DisclosureVerifier {
 public:
  explicit DisclosureVerifier(const DisclosureMode& mode) : mode_(mode) {}
  DisclosureResult verify(DisclosureJob& job);

 private:
  void match(const DisclosureScanner::View& view, const DisclosureJob& job,
             std::vector<bool>& found, DisclosureResult& result);
  DisclosureMode mode_;
  DisclosureScanner scanner_;
};

}  // namespace sm::audit
