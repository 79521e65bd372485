#pragma once
// A line of things that wait for a thread: bounded, so that whoever is quicker waits.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

namespace sm::batch {

template <class T>
class Line {
 public:
  explicit Line(std::size_t most) : most_(most) {}

  /// Waits for room.
  void push(T thing) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return things_.size() < most_; });
    things_.push_back(std::move(thing));
    more_.notify_one();
  }
  /// Waits for something, and takes at most `most` of it; empty once it is closed and empty.
  std::vector<T> take(std::size_t most) {
    std::unique_lock lock(mutex_);
    more_.wait(lock, [&] { return !things_.empty() || is_closed_; });
    std::vector<T> taken;
    while (!things_.empty() && taken.size() < most) {
      taken.push_back(std::move(things_.front()));
      things_.pop_front();
    }
    room_.notify_all();
    return taken;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    more_.notify_all();
  }

 private:
  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable room_, more_;
  std::deque<T> things_;
  bool is_closed_ = false;
};

}  // namespace sm::batch
