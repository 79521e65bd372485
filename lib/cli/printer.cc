#include "cli/printer.h"

#include <cerrno>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace sm::cli {
namespace {

/// write(2) to the end, across EINTR and non-blocking descriptors. The errno of a failure, or 0.
int write_whole(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd wait{fd, POLLOUT, 0};
      (void)::poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

Printer& Printer::print(std::string_view text) {
  gathered_ += text;
  return *this;
}

Printer& Printer::line(std::string_view text) {
  gathered_ += text;
  gathered_ += '\n';
  return *this;
}

Result<void> Printer::flush() {
  const std::string text = std::exchange(gathered_, {});
  if (!failure_ && !text.empty()) note(write_whole(fd_, text));
  if (failure_) return fail(*failure_);
  return {};
}

void Printer::drop() {
  gathered_.clear();
}

Result<void> Printer::finish() {
  auto flushed = flush();
  // EBADF: it was closed when we came, and nothing was to be written.
  if (::close(fd_) != 0 && errno != EBADF && errno != EINTR) note(errno);
  if (failure_) return fail(*failure_);
  return flushed;
}

void Printer::note(int error_number) {
  if (error_number == 0 || failure_) return;
  lost_its_reader_ = error_number == EPIPE;
  failure_ = fail_errno(Errc::io, "writing to standard output", error_number).error;
}

}  // namespace sm::cli
