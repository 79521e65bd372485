#include "store/batch_table.h"

#include "store/query.h"

namespace sm::store {

Result<std::size_t> BatchTable::forget(WallTime before, std::size_t most) {
  auto gone = change(*index_,
                     "DELETE FROM batch_key WHERE (org, key) IN"
                     " (SELECT org, key FROM batch_key WHERE run = '' AND changed < ? LIMIT ?)",
                     before.time_since_epoch().count(), most);
  if (!gone) return fail(std::move(gone).error());
  return static_cast<std::size_t>(*gone);
}

}  // namespace sm::store
