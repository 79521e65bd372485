#pragma once
// The log's lock: flock(2) on a file of its own. Whoever writes holds it alone; whoever only wants
// to know how far the log goes holds it, with others, for that moment. The kernel drops it when its
// holder dies, however that ends: there is no stale lock.

#include <optional>
#include <string>

#include "base/file.h"
#include "base/result.h"

namespace sm::audit {

class Slots;

/// The lock, held while this lives. Whoever waits on the board is then woken.
class Held {
 public:
  Held(int fd, const Slots& slots) : fd_(fd), slots_(&slots) {}
  Held(Held&& other) noexcept : fd_(std::exchange(other.fd_, -1)), slots_(other.slots_) {}
  Held& operator=(Held&&) = delete;
  ~Held();

 private:
  int fd_;
  const Slots* slots_;
};

/// A writer's lock: its file stays open.
class LogLock {
 public:
  /// `slots` must outlive it and what it gives.
  LogLock(std::string path, const Slots& slots) : path_(std::move(path)), slots_(slots) {}
  /// Nothing when another holds it.
  Result<std::optional<Held>> try_take();
  /// Waits.
  Result<Held> take();

 private:
  Result<std::optional<Held>> take(int operation);
  std::string path_;
  const Slots& slots_;
  UniqueFd fd_;
};

/// Keeps writers out for a moment, where that can be had: a copy of a log has no lock, its reader
/// may have no right to it, and a writer that was stopped is waited for only a second or two.
class ReaderLock {
 public:
  explicit ReaderLock(const std::string& path);

 private:
  UniqueFd fd_;  ///< closing it gives the lock back
};

}  // namespace sm::audit
