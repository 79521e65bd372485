#include "sealing/command.h"

#include <array>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

namespace sm::sealing {
namespace {

CodeSent failed(std::string detail) {
  return {CodeSent::State::failed, "gateway-failed", std::move(detail)};
}

class Actions {
 public:
  Actions() { ::posix_spawn_file_actions_init(&actions_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  ~Actions() { ::posix_spawn_file_actions_destroy(&actions_); }
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

/// A child that cannot be left behind: killed and waited for where it has not ended.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  /// Its status, or nothing when the time is up.
  std::optional<int> wait(const Deadline& deadline) {
    const UniqueFd watched(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!watched) return std::nullopt;
    while (!deadline.has_passed()) {
      pollfd entry{watched.get(), POLLIN, 0};
      const int ready = ::poll(&entry, 1, static_cast<int>(deadline.remaining().count()));
      if (ready < 0 && errno != EINTR) return std::nullopt;
      if (ready <= 0) continue;
      int status = 0;
      if (::waitpid(pid_, &status, 0) != pid_) return std::nullopt;
      pid_ = -1;
      return status;
    }
    return std::nullopt;
  }

 private:
  pid_t pid_;
};

/// The text waits in a pipe: it is far smaller than what one holds (pipe(7)).
Result<UniqueFd> filled_pipe(Bytes text) {
  constexpr std::size_t kMostText = 4096;
  std::array<int, 2> ends{};
  if (text.size() > kMostText) return fail(Errc::malformed, "a text message is too long");
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno("making a pipe", errno);
  UniqueFd in(ends[0]);
  const UniqueFd out(ends[1]);
  if (auto written = write_all(out.get(), text, "the pipe"); !written) {
    return fail(std::move(written).error());
  }
  return in;
}

}  // namespace

CodeSent run_gateway(const config::SmsGateway& gateway, const std::string& phone, Bytes text) {
  const Deadline deadline(system_clock(), gateway.timeout);
  auto in = filled_pipe(text);
  if (!in) return failed(in.error().what);
  std::vector<std::string> words = gateway.command;
  words.push_back(phone);
  std::vector<char*> arguments;
  for (auto& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::string path = "PATH=/usr/local/bin:/usr/bin:/bin";
  std::array<char*, 2> environment = {path.data(), nullptr};

  Actions actions;
  ::posix_spawn_file_actions_adddup2(actions.get(), in->get(), 0);
  ::posix_spawn_file_actions_addopen(actions.get(), 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(actions.get(), 2, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, gateway.command.front().c_str(), actions.get(), nullptr,
                                  arguments.data(), environment.data());
  if (error != 0) return failed("the command could not be started");
  const auto status = Child(pid).wait(deadline);
  if (!status) return {CodeSent::State::uncertain, "gateway-silent", "the command did not end"};
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return {};
  return failed("the command ended with " + (WIFEXITED(*status)
                                                 ? "status " + std::to_string(WEXITSTATUS(*status))
                                                 : "signal " + std::to_string(WTERMSIG(*status))));
}

}  // namespace sm::sealing
