#include "portal/lanes.h"

#include <system_error>

namespace sm::portal {

WorkLane::~WorkLane() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_)
    thread.join();
}

bool WorkLane::submit(Task task) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= most_queued_) return false;
  if (idle_ <= queue_.size() && threads_.size() < most_threads_) {
    try {
      threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      if (threads_.empty()) return false;  // the others do it
    }
  }
  queue_.push_back(std::move(task));
  wake_.notify_one();
  return true;
}

void WorkLane::work() {
  std::unique_ptr<Staff> staff;
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [&] { return is_ending_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    const Task task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    if (!staff) {
      auto hired = Staff::hire(house_);
      if (hired) {
        staff = std::move(*hired);
      } else {
        house_.complain(hired.error());
      }
    }
    task(staff.get());
    lock.lock();
  }
}

}  // namespace sm::portal
