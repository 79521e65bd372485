#include "audit/log_lock.h"

#include <cerrno>
#include <ctime>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "audit/layout.h"
#include "audit/slots.h"

namespace sm::audit {

Held::~Held() {
  if (fd_ < 0) return;
  (void)::flock(fd_, LOCK_UN);
  slots_->wake_one();  // after the lock is free: who comes up later finds it so
}

Result<std::optional<Held>> LogLock::take(int operation) {
  for (;;) {
    if (!fd_) {
      auto fd = open_shared(path_, O_RDWR);
      if (!fd) return fail(std::move(fd).error());
      fd_ = std::move(*fd);
    }
    while (::flock(fd_.get(), operation) != 0) {
      if (errno == EWOULDBLOCK) return std::optional<Held>();
      if (errno != EINTR) return fail_errno("locking " + path_, errno);
    }
    struct stat opened {
    }, named{};
    if (::fstat(fd_.get(), &opened) == 0 && ::stat(path_.c_str(), &named) == 0 &&
        opened.st_ino == named.st_ino && opened.st_dev == named.st_dev) {
      return std::optional(Held(fd_.get(), slots_));
    }
    fd_.reset();  // somebody removed the file: a lock on it keeps nobody out
  }
}

Result<std::optional<Held>> LogLock::try_take() {
  return take(LOCK_EX | LOCK_NB);
}

Result<Held> LogLock::take() {
  auto held = take(LOCK_EX);
  if (!held) return fail(std::move(held).error());
  return std::move(**held);
}

ReaderLock::ReaderLock(const std::string& path) {
  constexpr int kMostTries = 10'000;
  constexpr timespec kPause{0, 200'000};
  auto fd = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return;
  for (int i = 0; i < kMostTries; ++i) {
    if (::flock(fd->get(), LOCK_SH | LOCK_NB) == 0) {
      fd_ = std::move(*fd);
      return;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) return;
    (void)::nanosleep(&kPause, nullptr);
  }
}

}  // namespace sm::audit
