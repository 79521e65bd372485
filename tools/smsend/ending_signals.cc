#include "ending_signals.h"

#include <array>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/main.h"

namespace sm::smsend {

EndingSignals::EndingSignals()
    : come_(::eventfd(0, EFD_CLOEXEC)), over_(::eventfd(0, EFD_CLOEXEC)) {
  ::sigemptyset(&signals_);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    struct sigaction before {};
    const bool is_ignored =
        ::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN;
    if (!is_ignored) ::sigaddset(&signals_, signal);
  }
  (void)::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  watcher_ = std::thread([this] { watch(); });
}

EndingSignals::~EndingSignals() {
  (void)::eventfd_write(over_.get(), 1);
  watcher_.join();
}

void EndingSignals::watch() {
  const UniqueFd arriving(::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK));
  std::array<pollfd, 2> entries{{{arriving.get(), POLLIN, 0}, {over_.get(), POLLIN, 0}}};
  for (;;) {
    if (::poll(entries.data(), entries.size(), -1) < 0) continue;
    if (entries[1].revents != 0) return;
    signalfd_siginfo info{};
    if (::read(arriving.get(), &info, sizeof info) != sizeof info) continue;
    if (have_come_.exchange(true)) {
      remove_unpublished_files();
      ::_exit(static_cast<int>(cli::Verdict::temporary));
    }
    (void)::eventfd_write(come_.get(), 1);
  }
}

}  // namespace sm::smsend
