#pragma once
// The keys of batches, as far as others than batches look at them (lib/batch/journal.h).

#include <cstddef>

#include "base/clock.h"
#include "store/index.h"

namespace sm::store {

class BatchTable {
 public:
  explicit BatchTable(Index& index) : index_(&index) {}
  /// Forgets at most `most` keys that no batch has now and nothing happened to since then; how many
  /// that were. Such a key may be sent again.
  Result<std::size_t> forget(WallTime before, std::size_t most);

 private:
  Index* index_;
};

}  // namespace sm::store
