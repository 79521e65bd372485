// smsend-drop: puts what comes on stdin into the drop, whole or not at all, and prints nothing.
//
// It is the only program of smtools with rights of its own: setgid to smtools-submit, the group
// that may write into the drop and cannot list it. So it does nothing else: no configuration, no
// environment, no arguments, no libraries beyond the system's. What it writes is sealed already,
// and whoever takes it up believes nothing of it (lib/queue/drop.h); who submitted is who owns the
// file.
//
// Without those rights (a test, an installation in a folder of its own) it takes the folder as its
// only argument. Exit status: 0 stored durably; 64 usage, 69 no drop, 75 try again, 77 denied.

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace {

constexpr char kSystemDrop[] = "/var/lib/smtools/drop";
constexpr std::uint64_t kMostBytes = 128'000'000;
constexpr std::uint64_t kLeastFree = 64'000'000;  // octets that users leave to everybody else
constexpr int kNameLength = 24;

enum Status { kDone = 0, kUsage = 64, kUnavailable = 69, kTemporary = 75, kDenied = 77 };

std::array<char, kNameLength + 2> g_temporary{};  // "." and the name
volatile sig_atomic_t g_has_temporary = 0;
int g_folder = -1;

void remove_temporary() {
  if (g_has_temporary != 0) ::unlinkat(g_folder, g_temporary.data(), 0);
  g_has_temporary = 0;
}

[[noreturn]] void end(Status status) {
  remove_temporary();
  ::_exit(status);
}

void on_signal(int) {
  end(kTemporary);
}

Status status_of(int error) {
  if (error == EACCES || error == EPERM) return kDenied;
  return error == ENOENT || error == ENOTDIR || error == ELOOP ? kUnavailable : kTemporary;
}

/// 24 characters of base64url.
void draw_name(char* into) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<unsigned char, kNameLength> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    end(kTemporary);
  }
  for (int i = 0; i < kNameLength; ++i)
    into[i] = kAlphabet[random[static_cast<std::size_t>(i)] & 63U];
  into[kNameLength] = '\0';
}

bool has_room() {
  struct statvfs facts {};
  return ::fstatvfs(g_folder, &facts) == 0 &&
         static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize >= kLeastFree;
}

void write_all(int fd, const unsigned char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(fd, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) end(kTemporary);
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
}

/// All of stdin; the number of bytes.
std::uint64_t copy_stdin(int fd) {
  static std::array<unsigned char, 65536> block;
  std::uint64_t total = 0;
  for (;;) {
    const ssize_t read = ::read(STDIN_FILENO, block.data(), block.size());
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) end(kTemporary);
    if (read == 0) return total;
    total += static_cast<std::uint64_t>(read);
    if (total > kMostBytes) end(kDenied);
    write_all(fd, block.data(), static_cast<std::size_t>(read));
    if (total % 4'194'304 < block.size() && !has_room()) end(kTemporary);
  }
}

void be_safe() {
  // The user who started this chose descriptors, limits, signals, mask and environment.
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != fd) ::_exit(kTemporary);
  }
  ::clearenv();
  ::umask(0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGXCPU, SIGALRM})
    ::sigaction(signal, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // then write(2) says EFBIG
  sigset_t nothing;
  ::sigemptyset(&nothing);
  ::sigprocmask(SIG_SETMASK, &nothing, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  be_safe();
  const bool has_rights = ::getauxval(AT_SECURE) != 0;
  if (argc > 2 || (has_rights && argc != 1)) return kUsage;
  const char* folder = argc == 2 ? argv[1] : kSystemDrop;
  g_folder = ::open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (g_folder < 0) return status_of(errno);
  if (!has_room()) return kTemporary;

  g_temporary[0] = '.';
  draw_name(&g_temporary[1]);
  // Readable by whoever takes it up; the folder lets nobody else near, and it is sealed.
  const int fd = ::openat(g_folder, g_temporary.data(),
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return status_of(errno);
  g_has_temporary = 1;
  if (copy_stdin(fd) == 0) end(kUsage);
  if (::fsync(fd) != 0) end(kTemporary);
  if (::renameat(g_folder, g_temporary.data(), g_folder, &g_temporary[1]) != 0) end(kTemporary);
  g_has_temporary = 0;
  // The group may not open the folder to read it, so it cannot be synced by itself: the name
  // becomes durable with the file system.
  return ::syncfs(fd) == 0 ? kDone : kTemporary;
}
