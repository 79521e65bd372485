#pragma once
// Runs a function in a child process with its own stdin, stdout and stderr, and tells how it ended:
// for code that changes its process (signals, limits, descriptors).

#include <array>
#include <csignal>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sm::test {

struct Ended {
  int status = -1;  ///< exit status, or 128 + the signal that ended it
  std::string out;
  std::string err;
};

struct Streams {
  std::string out_path;             ///< stdout goes to this file; empty: captured
  std::function<void()> prepare{};  ///< runs in the child first, its streams in place
};

/// The child's status is what `body` returns.
inline Ended run_forked(const std::function<int()>& body, const Streams& streams = {}) {
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (::pipe(out.data()) != 0 || ::pipe(err.data()) != 0) throw std::runtime_error("pipe");
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child == 0) {
    const int in = ::open("/dev/null", O_RDONLY);
    const int to = streams.out_path.empty() ? out[1] : ::open(streams.out_path.c_str(), O_WRONLY);
    ::dup2(in, 0);
    ::dup2(to, 1);
    ::dup2(err[1], 2);
    for (int fd = 3; fd < 64; ++fd)
      ::close(fd);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGABRT, SIGSEGV})
      ::signal(signal, SIG_DFL);  // Catch2's handlers would report in the parent's name
    if (streams.prepare) streams.prepare();
    ::_exit(body());
  }
  ::close(out[1]);
  ::close(err[1]);
  Ended ended;
  std::array<std::pair<int, std::string*>, 2> reading = {std::pair{out[0], &ended.out},
                                                         std::pair{err[0], &ended.err}};
  for (int open = 2; open > 0;) {
    std::array<pollfd, 2> wait = {pollfd{reading[0].first, POLLIN, 0},
                                  pollfd{reading[1].first, POLLIN, 0}};
    if (::poll(wait.data(), wait.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < wait.size(); ++i) {
      if (wait[i].revents == 0) continue;
      std::array<char, 4096> block{};
      const ssize_t n = ::read(wait[i].fd, block.data(), block.size());
      if (n > 0) {
        reading[i].second->append(block.data(), static_cast<std::size_t>(n));
      } else {
        ::close(std::exchange(reading[i].first, -1));
        --open;
      }
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ended;
}

}  // namespace sm::test
