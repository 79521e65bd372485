#pragma once
// Lanes: threads that do one kind of work, and the queue before them. What takes long (passwords,
// mail going out, replies coming in) has a lane of its own and never stands before a page.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "portal/staff.h"

namespace sm::portal {

class WorkLane {
 public:
  /// Gets null where nobody could be hired (no descriptors, no database): it must answer so.
  using Task = std::function<void(Staff*)>;
  /// Threads are started when first needed, at most `threads`; at most `queue` tasks wait.
  WorkLane(const House& house, std::size_t threads, std::size_t queue)
      : house_(house), most_threads_(threads), most_queued_(queue) {}
  WorkLane(const WorkLane&) = delete;
  WorkLane& operator=(const WorkLane&) = delete;
  /// Does what is queued, then ends.
  ~WorkLane();

  /// False: the queue is full.
  [[nodiscard]] bool submit(Task task);

 private:
  void work();
  const House& house_;
  const std::size_t most_threads_;
  const std::size_t most_queued_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> queue_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool is_ending_ = false;
};

}  // namespace sm::portal
