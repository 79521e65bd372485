#include "batch/ends.h"

namespace sm::batch {

using delivery::Reason;

Summary Ends::close() {
  ended_.close();
  if (thread_.joinable()) thread_.join();
  return std::exchange(summary_, {});
}

void Ends::serve() {
  constexpr std::size_t kTogether = 512;
  for (;;) {
    const auto taken = ended_.take(kTogether);
    if (taken.empty()) return;
    std::vector<KeyEnd> ends;
    std::vector<ItemPtr> claimed;
    for (const auto& item : taken) {
      if (item->first == WallTime()) continue;  // it never had its key
      ends.push_back({item->organisation->id, item->key, item->result.status});
      claimed.push_back(item);
    }
    auto kept = ends.empty() ? Result<void>() : journal_.end(ends, flight_.run());
    if (!kept) {
      add_gap(kept.error());
      traffic_.give_up(fail(kept.error(), "the journal of keys").error);
    }
    for (const auto& item : taken)
      tell(*item);
    if (!kept) continue;
    for (const auto& item : claimed)
      flight_.give_back(item->slot);
    traffic_.leave(claimed);
  }
}

void Ends::tell(const Item& item) {
  summary_.rows += 1;
  summary_.ends[item.result.status] += 1;
  if (item.result.reason == Reason::done_before) summary_.repeated += 1;
  auto result = item.result;
  if (item.is_repeated && result.detail.empty()) {
    result.detail = "an earlier attempt is uncertain: sent again with the same Message-ID";
  }
  const std::lock_guard lock(hearing_);
  if (auto heard = listener_.ended(item.row, result); !heard) {
    traffic_.give_up(std::move(heard).error());
  }
}

void Ends::warn(const Error& warning) {
  const std::lock_guard lock(hearing_);
  listener_.warn(warning);
}

void Ends::add_gap(Error gap) {
  const std::lock_guard lock(gaps_);
  if (summary_.gaps.size() < kMostGaps) summary_.gaps.push_back(std::move(gap));
}

}  // namespace sm::batch
