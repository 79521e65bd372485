#pragma once
// c2sp.org/tlog-proof: that one entry stands in a log, in a file that checks offline: its index,
// the inclusion proof, and the signed checkpoint it leads to.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/note.h"
#include "audit/tree.h"

namespace sm::audit {

struct TlogProof {
  std::uint64_t index = 0;
  std::vector<Hash> path;  ///< from the leaf's sibling up (RFC 6962 §2.1.1)
  Checkpoint checkpoint;

  /// Nothing when the syntax is broken. An `extra` line is allowed and means nothing.
  static std::optional<TlogProof> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  /// Whether `leaf` is entry number `index` of the checkpoint's tree. The signature is another
  /// question: checkpoint.verify().
  [[nodiscard]] bool includes(const Hash& leaf) const;
};

}  // namespace sm::audit
