#pragma once
// What verifying a log can find. Some mean that the log is not intact; the others say what was not
// proven, or what an operator should look at.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sm::audit {

enum class FindingKind {
  altered,                  ///< a line that is no record, or that its successor does not follow
  chain_break,              ///< a line whose prev or seq does not follow from the line before
  tree_mismatch,            ///< the lines are not those that a checkpoint was signed over
  shorter_than_checkpoint,  ///< fewer records than a checkpoint was signed over
  key_out_of_epoch,         ///< a checkpoint by a key that may not sign that size
  torn_tail,                ///< the last line has no end: a crash, before any appender came by
  disclosure_mismatch,      ///< a disclosure without its digest, or the other way round
  // From here on: notices.
  unsigned_tail,
  anchor_age,
  lifecycle_incomplete,
  origin_unproven,
  tail_not_proven,
};

/// "chain-break".
std::string_view text(FindingKind kind);
/// Whether it means that the log is not intact.
constexpr bool is_damage(FindingKind kind) {
  return kind < FindingKind::unsigned_tail;
}

struct Finding {
  FindingKind kind{};
  std::optional<std::uint64_t> seq;  ///< the first record it is about
  std::uint64_t count = 1;           ///< how often it was found
  std::string detail;                ///< of the first
  /// A notice that --strict does not count (a fresh anchor's age).
  bool is_mere_information = false;
};

/// Findings by kind: the first of each with the number of all.
class Findings {
 public:
  void add(FindingKind kind, std::optional<std::uint64_t> seq, std::string detail,
           std::uint64_t count = 1);
  void add(Finding finding);
  /// In the order of FindingKind.
  [[nodiscard]] std::vector<Finding> all() const;

 private:
  std::vector<Finding> found_;
};

}  // namespace sm::audit
