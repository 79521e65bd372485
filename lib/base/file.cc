#include "base/file.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encoding.h"

namespace sm {
namespace {

template <class Call>
auto retrying(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR)
    result = call();
  return result;
}

/// A hidden name beside `path` that nobody else has.
std::string temporary_name(const std::string& path) {
  std::array<std::uint8_t, 8> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    random[0] = static_cast<std::uint8_t>(getpid());  // O_EXCL still guards against a collision
  }
  const auto slash = path.rfind('/');
  const std::string name = slash == path.npos ? path : path.substr(slash + 1);
  return folder_of(path) + "/." + name.substr(0, 200) + "." + to_hex(random);
}

/// Names of temporary files for a signal handler, which may take no lock: it empties slots with an
/// atomic exchange, while the threads of the program fill and clear them under the mutex. A file
/// beyond the last slot is only left behind when a signal ends the process.
struct UnpublishedFiles {
  std::mutex mutex;
  std::array<std::atomic<char*>, 64> names{};

  void add(const std::string& name) {
    const std::lock_guard lock(mutex);
    for (auto& slot : names) {
      if (slot.load() != nullptr) continue;
      slot.store(::strdup(name.c_str()));
      return;
    }
  }
  void remove(const std::string& name) {
    const std::lock_guard lock(mutex);
    for (auto& slot : names) {
      char* held = slot.load();
      if (held == nullptr || name != held) continue;
      if (slot.compare_exchange_strong(held, nullptr)) std::free(held);
      return;
    }
  }
};

constinit UnpublishedFiles unpublished_files;

Result<UniqueFd> open_lock(const std::string& path) {
  return open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
}

}  // namespace

void UniqueFd::reset() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<UniqueFd> open_file(const std::string& path, int flags, unsigned mode) {
  const int fd = retrying([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
  if (fd >= 0) return UniqueFd(fd);
  const int error = errno;
  const bool is_reading = (flags & O_ACCMODE) == O_RDONLY;
  const bool is_missing =
      error == ENOENT || error == EACCES || error == ENOTDIR || error == ELOOP || error == EISDIR;
  if (is_reading && is_missing) return fail_errno(Errc::no_input, "opening " + path, error);
  return fail_errno("opening " + path, error);
}

Result<std::size_t> read_some(int fd, std::uint8_t* into, std::size_t size, std::string_view name) {
  const auto n = retrying([&] { return ::read(fd, into, size); });
  if (n < 0) return fail_errno("reading " + std::string(name), errno);
  return static_cast<std::size_t>(n);
}

Result<std::size_t> read_full(int fd, std::uint8_t* into, std::size_t size, std::string_view name) {
  std::size_t done = 0;
  while (done < size) {
    const auto n = read_some(fd, into + done, size - done, name);
    if (!n) return n;
    if (*n == 0) break;
    done += *n;
  }
  return done;
}

Result<void> write_all(int fd, Bytes bytes, std::string_view name) {
  while (!bytes.empty()) {
    const auto n = retrying([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (n < 0) return fail_errno("writing " + std::string(name), errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<std::size_t> pread_full(int fd, std::uint8_t* into, std::size_t size, std::uint64_t offset,
                               std::string_view name) {
  std::size_t done = 0;
  while (done < size) {
    const auto n = retrying(
        [&] { return ::pread(fd, into + done, size - done, static_cast<off_t>(offset + done)); });
    if (n < 0) return fail_errno("reading " + std::string(name), errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Result<void> pwrite_all(int fd, Bytes bytes, std::uint64_t offset, std::string_view name) {
  while (!bytes.empty()) {
    const auto n = retrying(
        [&] { return ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (n < 0) return fail_errno("writing " + std::string(name), errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<void> sync_file(int fd, std::string_view name) {
  if (retrying([&] { return ::fsync(fd); }) == 0) return {};
  return fail_errno(Errc::io, "writing " + std::string(name) + " to disk", errno);
}

Result<void> sync_file_data(int fd, std::string_view name) {
  if (retrying([&] { return ::fdatasync(fd); }) == 0) return {};
  return fail_errno(Errc::io, "writing " + std::string(name) + " to disk", errno);
}

Result<void> sync_filesystem(int fd, std::string_view name) {
  if (::syncfs(fd) == 0) return {};
  return fail_errno("syncing " + std::string(name), errno);
}

Result<void> sync_folder(const std::string& path) {
  auto folder = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!folder) return fail(std::move(folder).error());
  return sync_file(folder->get(), path);
}

Result<std::string> read_file(const std::string& path, std::size_t most) {
  auto file = open_file(path, O_RDONLY);
  if (!file) return fail(std::move(file).error());
  std::string text;
  for (std::size_t room = 4096;; room = 65536) {  // most files are small
    const std::size_t size = text.size();
    text.resize(size + room);
    auto* const into = reinterpret_cast<std::uint8_t*>(text.data()) + size;
    const auto n = read_some(file->get(), into, room, path);
    if (!n) return fail(n.error());
    text.resize(size + *n);
    if (*n == 0) return text;
    if (text.size() > most) {
      return fail(Errc::malformed, path + " is larger than " + std::to_string(most) + " bytes");
    }
  }
}

Result<Secret> read_secret_file(const std::string& path, std::size_t most, bool is_credential) {
  auto file = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!file) return fail(std::move(file).error());
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return fail_errno("reading " + path, errno);
  if (!S_ISREG(status.st_mode)) {
    return fail(Errc::no_input, path + " is not a regular file");
  }
  if ((status.st_mode & 077) != 0 && !is_credential) {
    return fail(Errc::denied, path + " can be read by others than its owner", "chmod 600 " + path);
  }
  Secret secret(most + 1);
  const auto n = read_full(file->get(), secret.writable().data(), most + 1, path);
  if (!n) return fail(n.error());
  if (*n > most) {
    return fail(Errc::malformed, path + " is larger than " + std::to_string(most) + " bytes");
  }
  secret.resize(*n);
  return secret;
}

Result<void> make_folders(const std::string& path, unsigned mode) {
  if (::mkdir(path.c_str(), mode) == 0) return {};
  if (errno == ENOENT && folder_of(path) != path) {
    if (auto parent = make_folders(folder_of(path), mode); !parent) return parent;
    if (::mkdir(path.c_str(), mode) == 0) return {};
  }
  const int error = errno;
  struct stat status {};
  if (error == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
  return fail_errno("making the folder " + path, error);
}

std::string folder_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<AtomicFile> AtomicFile::create(std::string path, unsigned mode) {
  std::string temporary = temporary_name(path);
  // Noted before it exists: a signal may come in any moment.
  unpublished_files.add(temporary);
  auto fd = open_file(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  if (!fd) {
    unpublished_files.remove(temporary);
    return fail(std::move(fd).error());
  }
  AtomicFile file(std::move(path), std::move(temporary), std::move(*fd));
  if (::fchmod(file.fd(), mode) != 0) return fail_errno("making " + file.path_, errno);
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)) {}

AtomicFile::~AtomicFile() {
  if (temporary_.empty()) return;
  ::unlink(temporary_.c_str());
  unpublished_files.remove(temporary_);
}

Result<void> AtomicFile::publish(Existing existing) {
  if (auto synced = sync_file(fd_.get(), path_); !synced) return synced;
  const unsigned flags = existing == Existing::keep ? RENAME_NOREPLACE : 0;
  if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), flags) != 0) {
    return fail_errno("making " + path_, errno);
  }
  unpublished_files.remove(temporary_);
  temporary_.clear();
  return sync_folder(folder_of(path_));
}

void remove_unpublished_files() noexcept {
  for (auto& slot : unpublished_files.names) {
    const char* name = slot.exchange(nullptr);
    if (name != nullptr) ::unlink(name);
  }
}

Result<void> publish_file(const std::string& path, Bytes bytes, unsigned mode,
                          AtomicFile::Existing existing) {
  auto file = AtomicFile::create(path, mode);
  if (!file) return fail(std::move(file).error());
  if (auto written = file->write(bytes); !written) return written;
  return file->publish(existing);
}

Result<FileLock> FileLock::acquire(const std::string& path, Kind kind) {
  auto fd = open_lock(path);
  if (!fd) return fail(std::move(fd).error());
  const int operation = kind == Kind::exclusive ? LOCK_EX : LOCK_SH;
  if (retrying([&] { return ::flock(fd->get(), operation); }) != 0) {
    return fail_errno("locking " + path, errno);
  }
  return FileLock(std::move(*fd));
}

Result<std::optional<FileLock>> FileLock::try_acquire(const std::string& path, Kind kind) {
  auto fd = open_lock(path);
  if (!fd) return fail(std::move(fd).error());
  const int operation = (kind == Kind::exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB;
  if (retrying([&] { return ::flock(fd->get(), operation); }) == 0) {
    return std::optional<FileLock>(FileLock(std::move(*fd)));
  }
  if (errno == EWOULDBLOCK) return std::optional<FileLock>();
  return fail_errno("locking " + path, errno);
}

}  // namespace sm
