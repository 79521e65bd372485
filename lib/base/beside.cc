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

}  // namespace

void* Beside::run(void* thread) {
  static_cast<Thread*>(thread)->work();
  return nullptr;
}

/// On another processor than this one, though not bound to it: should this one be free sooner, it
/// may come back. An errno where that is not possible or not allowed.
int Beside::create_elsewhere(Thread& thread) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return errno;
  cpu_set_t others = allowed;
  const int here = sched_getcpu();
  if (here >= 0) CPU_CLR(here, &others);
  if (CPU_COUNT(&others) == 0) return EINVAL;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  int error = pthread_attr_setaffinity_np(&attributes, sizeof others, &others);
  if (error == 0) error = pthread_create(&thread.id, &attributes, run, &thread);
  pthread_attr_destroy(&attributes);
  if (error == 0) pthread_setaffinity_np(thread.id, sizeof allowed, &allowed);
  return error;
}

Result<Beside> Beside::start(std::function<void()> work) {
  auto thread = std::make_unique<Thread>();
  thread->work = std::move(work);
  const SignalsBlocked blocked;
  int error = create_elsewhere(*thread);
  if (error != 0) error = pthread_create(&thread->id, nullptr, run, thread.get());
  if (error != 0) return fail_errno(Errc::temporary, "starting a thread", error);
  return Beside(std::unique_ptr<Thread, Join>(thread.release()));
}

void Beside::Join::operator()(Thread* thread) const {
  pthread_join(thread->id, nullptr);
  delete thread;
}

Beside::~Beside() = default;

}  // namespace sm
