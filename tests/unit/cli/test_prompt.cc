#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/process.h"
#include "cli/prompt.h"

namespace {

struct Seen {
  std::string terminal;  ///< all that the terminal showed
  int status = -1;
  bool has_echo = false;  ///< afterwards
};

/// Runs `body` on a terminal of its own and types each line once the terminal shows "? ".
Seen on_terminal(const std::vector<std::string>& typed, int (*body)()) {
  sm::UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(master);
  REQUIRE(::grantpt(master.get()) == 0);
  REQUIRE(::unlockpt(master.get()) == 0);
  const std::string name = ::ptsname(master.get());
  // Kept open here, so that the child's end does not read as a hang-up before we looked.
  const sm::UniqueFd slave(::open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::setsid();
    const int terminal = ::open(name.c_str(), O_RDWR);
    (void)::ioctl(terminal, TIOCSCTTY, 0);
    ::signal(SIGINT, SIG_DFL);
    ::_exit(body());
  }
  Seen seen;
  std::size_t next = 0;
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    pollfd wait{master.get(), POLLIN, 0};
    if (::poll(&wait, 1, 20) <= 0) continue;
    std::array<char, 256> block{};
    const auto n = ::read(master.get(), block.data(), block.size());
    if (n > 0) seen.terminal.append(block.data(), static_cast<std::size_t>(n));
    if (seen.terminal.ends_with("? : ") || seen.terminal.ends_with("again: ")) {
      if (next < typed.size()) {
        (void)!::write(master.get(), typed[next].data(), typed[next].size());
        ++next;
      }
    }
  }
  seen.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  termios after{};
  REQUIRE(::tcgetattr(slave.get(), &after) == 0);
  seen.has_echo = (after.c_lflag & ECHO) != 0;
  return seen;
}

int ask() {
  const auto secret = sm::cli::prompt_secret("password ? ");
  return secret && sm::as_text(secret->reveal()) == "correct horse" ? 0 : 1;
}

int ask_twice() {
  const auto secret = sm::cli::prompt_new_secret("password ? ");
  if (secret) return sm::as_text(secret->reveal()) == "one" ? 0 : 1;
  return sm::exit_status(secret.error().code);
}

}  // namespace

TEST_CASE("a secret is read from the terminal and never shown on it", "[cli]") {
  const auto seen = on_terminal({"correct horse\n"}, ask);
  CHECK(seen.status == 0);
  CHECK(seen.terminal.find("horse") == std::string::npos);
  CHECK(seen.has_echo);
}

TEST_CASE("a new secret is asked for twice and the two must agree", "[cli]") {
  CHECK(on_terminal({"one\n", "one\n"}, ask_twice).status == 0);
  CHECK(on_terminal({"one\n", "two\n"}, ask_twice).status == 64);
}

TEST_CASE("a signal during the prompt gives the terminal its echo back", "[cli]") {
  const auto seen = on_terminal({"\x03"}, [] {
    sm::cli::end_cleanly_on_signals();
    return ask();
  });
  CHECK(seen.status == 128 + SIGINT);
  CHECK(seen.has_echo);
}

TEST_CASE("without a terminal there is nobody to ask", "[cli]") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::setsid();
    const auto secret = sm::cli::prompt_secret("password");
    ::_exit(secret ? 0 : sm::exit_status(secret.error().code));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 69);
}
