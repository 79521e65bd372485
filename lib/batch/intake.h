#pragma once
// The way in of a batch: rows are read and composed, a few dozen at a time.

#include <memory>
#include <vector>

#include "base/result.h"
#include "batch/item.h"
#include "batch/rows.h"

namespace sm::batch {

using ItemPtr = std::shared_ptr<Item>;

class Intake {
 public:
  static constexpr std::size_t kChunk = 64;  ///< rows together

  /// Errc::malformed for what is wrong before the first row is read, the template or the columns:
  /// then nothing is sent at all. All must outlive it.
  static Result<Intake> open(RowReader& rows, const Setting& setting, Senders& senders);

  /// At most so many; empty at the end. Items that are refused have a result already.
  Result<std::vector<ItemPtr>> next(std::uint64_t most);
  [[nodiscard]] bool is_over() const { return is_over_; }

  static bool is_refused(const Item& item);

 private:
  Intake(RowReader& rows, std::vector<Composer> composers)
      : rows_(&rows), composers_(std::move(composers)) {}
  RowReader* rows_;
  std::vector<Composer> composers_;  ///< one a thread
  bool is_over_ = false;
};

}  // namespace sm::batch
