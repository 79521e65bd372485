#include "cli/process.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/main.h"

namespace sm::cli {
namespace {

constexpr std::array kEndingSignals = {SIGTERM, SIGINT, SIGHUP};

// What the signal handler sees. It may take no lock, so these are plain memory and atomics.
constinit std::atomic<const SignalAnswer*> signal_answer{nullptr};
constinit std::atomic<int> silenced_terminal{-1};
constinit termios terminal_before{};

void restore_terminal() {
  const int fd = silenced_terminal.exchange(-1);
  if (fd >= 0) (void)::tcsetattr(fd, TCSAFLUSH, &terminal_before);
}

extern "C" void end_by_signal(int signal) {
  restore_terminal();
  remove_unpublished_files();
  if (const auto* answer = signal_answer.load(); answer != nullptr) {
    if (answer->line != nullptr) {
      (void)!::write(STDOUT_FILENO, answer->line, std::strlen(answer->line));
    }
    ::_exit(answer->status);
  }
  (void)::raise(signal);  // SA_RESETHAND and SA_NODEFER: ends the process here
}

std::optional<std::string> variable(const char* name) {
  const char* value = ::secure_getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

/// The variable's value, wiped where it stood (/proc/<pid>/environ shows that memory) and unset.
std::optional<Secret> take_secret_variable(const char* name) {
  char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  const std::size_t size = std::strlen(value);
  std::optional<Secret> secret;
  // In a set-id program the variable comes from whoever ran it; it is removed and not used.
  if (size != 0 && ::secure_getenv(name) != nullptr) {
    secret.emplace(as_bytes(std::string_view(value, size)));
  }
  wipe(value, size);
  (void)::unsetenv(name);
  return secret;
}

}  // namespace

void answer_signals_with(const SignalAnswer* answer) {
  signal_answer.store(answer);
}

void keep_standard_descriptors_open() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free number is this one, since those below it are open by now.
    const int flags = fd == 0 ? O_WRONLY : O_RDONLY;
    if (::open("/dev/null", flags | O_NOCTTY) != fd) ::_exit(exit_status(Errc::io));
  }
}

void forbid_core_dumps() {
#ifndef SM_SANITIZED
  const rlimit none{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
  (void)::prctl(PR_SET_DUMPABLE, 0);
#endif
}

void leave(int status) {
#ifdef SM_SANITIZED
  std::exit(status);  // looks for leaks
#else
  std::_Exit(status);
#endif
}

void end_cleanly_on_signals() {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  (void)::sigaction(SIGPIPE, &ignore, nullptr);
  for (const int signal : kEndingSignals) {
    struct sigaction before {};
    if (::sigaction(signal, nullptr, &before) != 0 || before.sa_handler == SIG_IGN) continue;
    struct sigaction end {};
    end.sa_handler = end_by_signal;
    end.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    (void)::sigaction(signal, &end, nullptr);
  }
}

Result<Environment> take_environment() {
  Environment environment;
  environment.master_key = take_secret_variable("SECURE_MAIL_MASTER_KEY");
  environment.config = variable("SMTOOLS_CONFIG");
  environment.state = variable("SMTOOLS_STATE");
  environment.credentials_directory = variable("CREDENTIALS_DIRECTORY");
  environment.user_config_folder = variable("XDG_CONFIG_HOME");
  if (!environment.user_config_folder) {
    if (const auto home = variable("HOME")) environment.user_config_folder = *home + "/.config";
  }
  if (const auto enabled = variable("SECURE_MAIL_ENABLED")) {
    if (*enabled != "true" && *enabled != "false") {
      return fail(Errc::configuration, "SECURE_MAIL_ENABLED is neither true nor false",
                  "set it to true or false, or unset it");
    }
    environment.is_sealing_enabled = *enabled == "true";
  }
  return environment;
}

Result<TerminalGuard> TerminalGuard::without_echo(int fd) {
  termios before{};
  if (::tcgetattr(fd, &before) != 0) {
    return fail_errno(Errc::unavailable, "asking on the terminal", errno);
  }
  terminal_before = before;
  silenced_terminal.store(fd);
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHOE | ECHOK | ECHONL);
  silent.c_lflag |= ICANON | ISIG;
  if (::tcsetattr(fd, TCSAFLUSH, &silent) != 0) {
    restore_terminal();
    return fail_errno(Errc::unavailable, "turning the terminal's echo off", errno);
  }
  return TerminalGuard(fd);
}

TerminalGuard::TerminalGuard(TerminalGuard&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

TerminalGuard::~TerminalGuard() {
  if (fd_ >= 0) restore_terminal();
}

}  // namespace sm::cli
