#pragma once
// How far a log goes at one moment. Whoever reads a log that others write to reads up to there:
// what comes behind was not finished yet when the reading began, and is no damage.

#include <cstdint>
#include <map>
#include <vector>

#include "audit/layout.h"
#include "base/result.h"

namespace sm::audit {

struct Extent {
  std::vector<std::uint64_t> segments;  ///< their numbers, in order; gaps are the caller's to see
  std::uint64_t last_records = 0;       ///< bytes of the last segment
  std::uint64_t last_disclosures = 0;   ///< bytes of its disclosures
  std::map<std::uint64_t, std::uint64_t> disclosures;  ///< inode of each disclosures file by number

  /// Looks, with writers kept out for that moment where that can be had.
  static Result<Extent> look(const Layout& layout);
  /// Whether an erasure replaced a file meanwhile, so that what was read of it means nothing.
  [[nodiscard]] bool was_rewritten(const Layout& layout) const;
};

}  // namespace sm::audit
