#pragma once
// Verifying a log: that every line is a record, that the chain holds, that the lines are those that
// the checkpoints were signed over, by keys that might sign them, that the disclosures are those
// that the lines commit to, and that every submitted message reached an end. Works on several
// cores; its memory grows only with the messages that are still open.
//
// It asks nobody and trusts nobody: without a key or a checkpoint from outside, a log that was
// rewritten whole, keys and all, looks good, and the answer says so (origin_unproven,
// tail_not_proven).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/anchor.h"
#include "audit/epochs.h"
#include "audit/findings.h"
#include "audit/note.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

namespace sm::audit {

struct VerifyRequest {
  std::vector<NamedCheckpoint> checkpoints;  ///< from outside
  std::vector<VerifierKey> keys;             ///< from outside
  unsigned threads = 0;                      ///< 0: as many as there are cores
  const Clock* clock = nullptr;              ///< for the age of anchors; required
  std::string tsa_ca;                        ///< PEM roots of the anchors' authority; empty: none
};

struct VerifyReport {
  std::uint64_t records = 0;
  std::uint64_t signed_size = 0;  ///< covered by a good checkpoint
  /// Size of the largest outside checkpoint that the log agrees with.
  std::optional<std::uint64_t> outside_checkpoint;
  std::uint64_t first_seq = 0;  ///< not 0 for a raw file that begins later
  std::optional<AnchorAge> anchor;
  std::vector<Finding> findings;
  [[nodiscard]] bool is_intact() const;
  /// As --strict takes it: no notices either.
  [[nodiscard]] bool is_perfect() const;
};

/// A log's folder. Errors only where it cannot be read.
Result<VerifyReport> verify_folder(const std::string& folder, const VerifyRequest& request);
/// A file of records, or a pipe: everything but the disclosures.
Result<VerifyReport> verify_stream(UniqueFd fd, const std::string& name,
                                   const VerifyRequest& request);

}  // namespace sm::audit
