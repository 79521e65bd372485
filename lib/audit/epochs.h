#pragma once
// Which key may sign which checkpoint. Epoch i's key signs sizes up to the seq + 1 of the i-th
// `epoch_ended`, that size included; greater ones only its successor, which that record names. A
// key is trusted because it came from outside (--key), or because a trusted key signed the
// checkpoint that ends with its naming.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "audit/findings.h"
#include "audit/note.h"

namespace sm::audit {

/// An `epoch_ended` record.
struct EpochEnd {
  std::uint64_t seq = 0;
  std::string next;  ///< verifier key
};

/// A checkpoint and where it came from.
struct NamedCheckpoint {
  std::string name;
  Checkpoint checkpoint;
  bool is_outside = false;         ///< given by the auditor, not found in the folder
  bool has_matching_root = false;  ///< filled in by who has the tree
};

struct EpochQuestion {
  std::span<const VerifierKey> listed;   ///< log.vkey, in order
  std::span<const VerifierKey> trusted;  ///< --key; empty: none was given
  std::span<const EpochEnd> ends;        ///< in order
  std::span<const NamedCheckpoint> checkpoints;
  bool is_folder = false;  ///< the folder's own checkpoints are all there
};

struct EpochAnswer {
  std::uint64_t signed_size = 0;  ///< of the largest checkpoint with a good signature and root
  bool is_origin_proven = false;  ///< a trusted key vouches for what was signed
};

/// Judges the signatures of all checkpoints; findings are added.
EpochAnswer judge_epochs(const EpochQuestion& question, Findings& findings);

}  // namespace sm::audit
