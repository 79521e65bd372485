#pragma once
// Files: descriptors that close themselves, whole reads and writes across EINTR and short counts,
// locks, and publishing. A published file appears under its name only when all its bytes are on
// disk: temporary file in the same folder, fsync, rename, fsync of the folder. An fsync that failed
// is a failure and is never repeated (the kernel forgets the error with the first report).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/secret.h"

namespace sm {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

/// open(2) with O_CLOEXEC, across EINTR. ENOENT, EACCES, ENOTDIR, ELOOP: Errc::no_input when
/// reading.
Result<UniqueFd> open_file(const std::string& path, int flags, unsigned mode = 0600);

/// Up to `size` bytes: fewer only at the end of input.
Result<std::size_t> read_full(int fd, std::uint8_t* into, std::size_t size, std::string_view name);
/// One read(2) across EINTR; 0 at the end.
Result<std::size_t> read_some(int fd, std::uint8_t* into, std::size_t size, std::string_view name);
Result<void> write_all(int fd, Bytes bytes, std::string_view name);
Result<std::size_t> pread_full(int fd, std::uint8_t* into, std::size_t size, std::uint64_t offset,
                               std::string_view name);
Result<void> pwrite_all(int fd, Bytes bytes, std::uint64_t offset, std::string_view name);
Result<void> sync_file(int fd, std::string_view name);       ///< fsync
Result<void> sync_file_data(int fd, std::string_view name);  ///< fdatasync
Result<void> sync_folder(const std::string& path);           ///< makes renames in it durable
/// All of the file system that holds the open `fd`: one sync for many new files (syncfs(2)). A
/// write that failed since `fd` was opened is an Error: open it before the first write.
Result<void> sync_filesystem(int fd, std::string_view name);

/// The whole file, at most `most` bytes (more: Errc::malformed).
Result<std::string> read_file(const std::string& path, std::size_t most);
/// The same for secrets. Refuses what is not a regular file, or is readable by others (mode & 077,
/// unless its owner is root and it lies in $CREDENTIALS_DIRECTORY, which the caller says).
Result<Secret> read_secret_file(const std::string& path, std::size_t most,
                                bool is_credential = false);

/// Makes the folder and its missing parents (0700 or `mode` for those that it makes).
Result<void> make_folders(const std::string& path, unsigned mode = 0700);
/// The folder part of a path: "." where it has none.
std::string folder_of(const std::string& path);

/// A file that appears whole or not at all.
class AtomicFile {
 public:
  enum class Existing { replace, keep };  ///< keep: publish fails with EEXIST in `what`

  /// Opens a temporary file (O_EXCL|O_NOFOLLOW, `mode`, unaffected by umask) beside `path`.
  static Result<AtomicFile> create(std::string path, unsigned mode = 0600);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();  ///< removes the temporary file unless published

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  Result<void> write(Bytes bytes) { return write_all(fd_.get(), bytes, path_); }
  Result<void> publish(Existing existing = Existing::replace);

 private:
  AtomicFile(std::string path, std::string temporary, UniqueFd fd)
      : path_(std::move(path)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}
  std::string path_;
  std::string temporary_;
  UniqueFd fd_;
};

/// Removes the temporary files of all AtomicFiles that were not published. Async-signal-safe: for
/// a process that a signal is about to end.
void remove_unpublished_files() noexcept;

/// create, write, publish.
Result<void> publish_file(const std::string& path, Bytes bytes, unsigned mode = 0600,
                          AtomicFile::Existing existing = AtomicFile::Existing::replace);

/// An advisory lock on a file of its own (flock(2)), held for the object's life; the kernel drops
/// it when the holder dies, so there is no stale lock.
class FileLock {
 public:
  enum class Kind { shared, exclusive };
  /// Makes the file where missing (0600). Waits for the lock.
  static Result<FileLock> acquire(const std::string& path, Kind kind = Kind::exclusive);
  /// Nothing when another holds it.
  static Result<std::optional<FileLock>> try_acquire(const std::string& path,
                                                     Kind kind = Kind::exclusive);
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace sm
