#include "envelope/stream.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

namespace sm::envelope {
namespace {

bool is_regular(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/// Where a regular file stands now; nothing for pipes, terminals and devices.
std::optional<std::uint64_t> regular_offset(int fd) {
  if (!is_regular(fd)) return std::nullopt;
  const off_t at = ::lseek(fd, 0, SEEK_CUR);
  if (at < 0) return std::nullopt;
  return static_cast<std::uint64_t>(at);
}

/// A pipe that holds a batch costs a fraction of the wake-ups of one that holds 64 KiB. Refused
/// where the user has too many large pipes; nothing is lost by that.
void widen_pipe(int fd) {
  constexpr int kPipeSize = 1 << 20;
  (void)::fcntl(fd, F_SETPIPE_SZ, kPipeSize);
}

}  // namespace

FdSource::FdSource(int fd, std::string name) : fd_(fd), name_(std::move(name)) {
  struct stat status {};
  const auto at = regular_offset(fd);
  // Files of /proc say that they are empty and are not: what says so is read as a stream.
  if (!at || ::fstat(fd, &status) != 0 || status.st_size == 0) {
    widen_pipe(fd);
    return;
  }
  start_ = at;
  const auto end = static_cast<std::uint64_t>(status.st_size);
  size_ = end > *at ? end - *at : 0;
}

Result<std::size_t> FdSource::read_at(std::uint64_t offset, std::span<std::uint8_t> into) {
  if (start_) return pread_full(fd_, into.data(), into.size(), *start_ + offset, name_);
  return read_full(fd_, into.data(), into.size(), name_);
}

Result<std::size_t> MemorySource::read_at(std::uint64_t offset, std::span<std::uint8_t> into) {
  if (offset >= bytes_.size()) return std::size_t{0};
  const std::size_t n = std::min<std::uint64_t>(into.size(), bytes_.size() - offset);
  std::copy_n(bytes_.data() + offset, n, into.data());
  return n;
}

Result<std::size_t> PartialSource::read_at(std::uint64_t offset, std::span<std::uint8_t> into) {
  if (size_) {
    const std::uint64_t rest = offset < *size_ ? *size_ - offset : 0;
    into = into.first(std::min<std::uint64_t>(into.size(), rest));
  }
  if (into.empty()) return std::size_t{0};
  return whole_.read_at(start_ + offset, into);
}

FdSink::FdSink(int fd, std::string name) : fd_(fd), name_(std::move(name)) {
  if (!is_regular(fd)) widen_pipe(fd);
}

Result<void> FdSink::write(Bytes bytes) {
  auto written = write_all(fd_, bytes, name_);
  if (!written) written.error().code = Errc::io;
  return written;
}

Result<void> SecretSink::write(Bytes bytes) {
  if (bytes.size() > most_ - bytes_.size()) {
    return fail(Errc::malformed, "more bytes than there can be");
  }
  bytes_.append(bytes);
  return {};
}

}  // namespace sm::envelope
