#pragma once
// What is under way in a batch, bounded by count and octets, and why nothing more may begin.

#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "batch/flight.h"
#include "batch/intake.h"

namespace sm::batch {

class Traffic {
 public:
  static constexpr std::size_t kMostItems = 2000;             // below Flight::kSlots
  static constexpr std::uint64_t kMostOctets = 128ULL << 20;  // of messages
  static_assert(kMostItems + Intake::kChunk < Flight::kSlots);

  /// Takes the first of these for which there is room, at least one; waits for it.
  std::vector<ItemPtr> admit(std::vector<ItemPtr>& items) {
    const auto fits = [&](const Item& item) {
      return items_ == 0 || (items_ < kMostItems && octets_ + item.octets <= kMostOctets);
    };
    std::unique_lock lock(mutex_);
    left_.wait(lock, [&] { return fits(*items.front()) || trouble_; });
    std::vector<ItemPtr> admitted;
    for (const auto& item : items) {
      if (!admitted.empty() && !fits(*item)) break;
      items_ += 1;
      octets_ += item->octets;
      admitted.push_back(item);
    }
    items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(admitted.size()));
    return admitted;
  }
  /// They have their end.
  void leave(const std::vector<ItemPtr>& items) {
    const std::lock_guard lock(mutex_);
    for (const auto& item : items) {
      items_ -= 1;
      octets_ -= item->octets;
    }
    left_.notify_all();
  }
  /// Until all that was admitted has left, or something is wrong.
  void wait_until_empty() {
    std::unique_lock lock(mutex_);
    left_.wait(lock, [&] { return items_ == 0 || trouble_; });
  }
  [[nodiscard]] bool is_empty() const {
    const std::lock_guard lock(mutex_);
    return items_ == 0;
  }

  /// Nothing more is begun; the first reason counts.
  void give_up(Error error) {
    const std::lock_guard lock(mutex_);
    if (!trouble_) trouble_ = std::move(error);
    left_.notify_all();
  }
  [[nodiscard]] std::optional<Error> trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable left_;
  std::size_t items_ = 0;
  std::uint64_t octets_ = 0;
  std::optional<Error> trouble_;
};

}  // namespace sm::batch
