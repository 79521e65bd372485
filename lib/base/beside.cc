#include "base/beside.h"

#include <cerrno>
#include <csignal>

#include <sched.h>

namespace sm {
namespace {

class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

void* run(void* argument) {
  const std::unique_ptr<std::function<void()>> work(static_cast<std::function<void()>*>(argument));
  (*work)();
  return nullptr;
}

/// On another processor than this one, though not bound to it: should this one be free sooner, it
/// may come back. An errno where that is not possible or not allowed.
int create_elsewhere(pthread_t& thread, void* argument) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return errno;
  cpu_set_t others = allowed;
  const int here = sched_getcpu();
  if (here >= 0) CPU_CLR(here, &others);
  if (CPU_COUNT(&others) == 0) return EINVAL;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  int error = pthread_attr_setaffinity_np(&attributes, sizeof others, &others);
  if (error == 0) error = pthread_create(&thread, &attributes, run, argument);
  pthread_attr_destroy(&attributes);
  if (error == 0) pthread_setaffinity_np(thread, sizeof allowed, &allowed);
  return error;
}

}  // namespace

Result<Beside> Beside::start(std::function<void()> work) {
  auto kept = std::make_unique<std::function<void()>>(std::move(work));
  const SignalsBlocked blocked;
  pthread_t thread{};
  int error = create_elsewhere(thread, kept.get());
  if (error != 0) error = pthread_create(&thread, nullptr, run, kept.get());
  if (error != 0) return fail_errno(Errc::temporary, "starting a thread", error);
  static_cast<void>(kept.release());  // the thread's
  return Beside(thread);
}

void Beside::Join::operator()(pthread_t* thread) const {
  pthread_join(*thread, nullptr);
  delete thread;
}

Beside::~Beside() = default;

}  // namespace sm
