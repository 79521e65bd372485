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

struct Task {
  std::function<void()> work;
  cpu_set_t may_run_on;
};

void* run(void* argument) {
  const std::unique_ptr<Task> task(static_cast<Task*>(argument));
  if (CPU_COUNT(&task->may_run_on) > 0) {
    sched_setaffinity(0, sizeof task->may_run_on, &task->may_run_on);
  }
  task->work();
  return nullptr;
}

/// Elsewhere than here. An errno where that is not possible or not allowed.
int create_elsewhere(pthread_t& thread, Task* task) {
  cpu_set_t others = task->may_run_on;
  const int here = sched_getcpu();
  if (here >= 0) CPU_CLR(here, &others);
  if (CPU_COUNT(&others) == 0) return EINVAL;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  int error = pthread_attr_setaffinity_np(&attributes, sizeof others, &others);
  if (error == 0) error = pthread_create(&thread, &attributes, run, task);
  pthread_attr_destroy(&attributes);
  return error;
}

}  // namespace

Result<Beside> Beside::start(std::function<void()> work) {
  auto task = std::make_unique<Task>(Task{std::move(work), {}});
  if (sched_getaffinity(0, sizeof task->may_run_on, &task->may_run_on) != 0) {
    CPU_ZERO(&task->may_run_on);
  }
  const SignalsBlocked blocked;
  pthread_t thread{};
  int error = create_elsewhere(thread, task.get());
  if (error != 0) error = pthread_create(&thread, nullptr, run, task.get());
  if (error != 0) return fail_errno(Errc::temporary, "starting a thread", error);
  static_cast<void>(task.release());  // the thread's
  return Beside(thread);
}

void Beside::Join::operator()(pthread_t* thread) const {
  pthread_join(*thread, nullptr);
  delete thread;
}

Beside::~Beside() = default;

}  // namespace sm
