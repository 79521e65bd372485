#pragma once
// A thread that begins at once: on another processor than the one that its maker keeps busy, where
// a new thread is mostly put, and waits for milliseconds. It may run wherever its maker may. All
// signals are blocked in it: they are for the main thread.

#include <functional>
#include <memory>

#include <pthread.h>

#include "base/result.h"

namespace sm {

class Beside {
 public:
  /// Errc::temporary where no thread is to be had. `work` must not throw.
  static Result<Beside> start(std::function<void()> work);
  Beside(Beside&&) noexcept = default;
  Beside& operator=(Beside&&) = delete;
  /// Waits for its end.
  ~Beside();

 private:
  struct Thread {
    pthread_t id{};
    std::function<void()> work;
  };
  struct Join {
    void operator()(Thread* thread) const;
  };
  explicit Beside(std::unique_ptr<Thread, Join> thread) : thread_(std::move(thread)) {}
  static void* run(void* thread);
  static int create_elsewhere(Thread& thread);
  std::unique_ptr<Thread, Join> thread_;
};

}  // namespace sm
