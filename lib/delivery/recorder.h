#pragma once
// A thread that writes ends to audit logs for many that deliver: while it syncs, more come, and all
// that have come are written together, with one append a log.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "audit/log.h"
#include "base/result.h"

namespace sm::delivery {

class Recorder {
 public:
  struct Entry {
    audit::Log* log = nullptr;
    std::string prepared{};  ///< audit::Log::prepare; empty: there is nothing to record
    audit::Reservation reservation{};
    /// On the recorder's thread, once it is durable, or could not be written twice in a row.
    std::function<void(Result<void>)> recorded{};
  };
  Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  /// Writes all that was added.
  ~Recorder();

  void add(Entry entry);

 private:
  void serve();
  static void write(std::vector<Entry>& entries);

  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<Entry> waiting_;
  bool is_closing_ = false;
  std::jthread thread_;
};

}  // namespace sm::delivery
