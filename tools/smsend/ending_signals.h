#pragma once
// The end that a signal asks for, of what takes long: a batch, a run of the queue.

#include <atomic>
#include <csignal>
#include <thread>

#include "base/file.h"

namespace sm::smsend {

/// The first SIGTERM, SIGINT or SIGHUP asks for an end: what is under way is settled. A second one
/// ends the process. Made before any other thread, so that all of them leave the signals to it.
class EndingSignals {
 public:
  EndingSignals();
  EndingSignals(const EndingSignals&) = delete;
  EndingSignals& operator=(const EndingSignals&) = delete;
  ~EndingSignals();
  [[nodiscard]] bool have_come() const { return have_come_.load(); }
  /// Readable once they have come, for poll(2); not to be read. Negative where there is none.
  [[nodiscard]] int descriptor() const { return come_.get(); }

 private:
  void watch();
  sigset_t signals_{};
  std::atomic<bool> have_come_{false};
  UniqueFd come_;
  UniqueFd over_;  ///< nobody waits any more
  std::thread watcher_;
};

}  // namespace sm::smsend
