#include "dns/unbound_engine.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace sm::dns {
namespace {

/// Blocks all signals while threads are made, so that they reach the main thread only.
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

UnboundEngine::UnboundEngine(UbContext context, std::chrono::milliseconds timeout,
                             unsigned parallel)
    : context_(std::move(context)), timeout_(timeout), parallel_(std::max(1u, parallel)) {
  start();
}

UnboundEngine::~UnboundEngine() {
  if (!dispatcher_.joinable()) return;
  const std::uint64_t one = 1;
  while (::write(stop_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  dispatcher_.join();
}

void UnboundEngine::start() {
  stop_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (!stop_) {
    start_failure_ = std::string("no descriptor for the resolver: ") + std::strerror(errno);
    return;
  }
  const SignalsBlocked blocked;
  try {
    dispatcher_ = std::thread([this] { dispatch(); });
  } catch (const std::system_error& error) {
    start_failure_ = std::string("no thread for the resolver: ") + error.what();
  }
}

/// libunbound sets itself up, for a millisecond, at the first question: one that it answers by
/// itself (RFC 6761 §6.3) has that done while the tool still reads its input.
void UnboundEngine::warm_up() {
  warm_up_job_.engine = this;
  warm_up_job_.changed = &warm_;
  {
    // Beyond the limit if need be: the dispatcher, who frees slots, cannot wait for one.
    const std::lock_guard lock(mutex_);
    ++under_way_;
  }
  submit({*name::DnsName::parse("localhost"), Type::a}, warm_up_job_);
}

void UnboundEngine::dispatch() {
  warm_up();
  pollfd watched[] = {{ub_fd(context_.get()), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  for (;;) {
    if (::poll(watched, 2, -1) < 0)
      continue;  // EINTR: signals are blocked, but a debugger's are not
    if (watched[1].revents != 0) return;
    // An error means that libunbound's thread is gone; whoever waits runs into the timeout.
    if (watched[0].revents != 0 && ub_process(context_.get()) != 0) return;
  }
}

void UnboundEngine::on_result(void* job_pointer, int error, ub_result* result) {
  auto& job = *static_cast<Job*>(job_pointer);
  UnboundEngine& engine = *job.engine;
  const std::lock_guard lock(engine.mutex_);
  job.error = error;
  job.result.reset(result);
  job.is_done = true;
  --engine.under_way_;
  engine.slot_free_.notify_one();
  job.changed->notify_one();  // under the lock: the batch may end as soon as it is released
}

bool UnboundEngine::try_take_slot() {
  const std::lock_guard lock(mutex_);
  if (under_way_ >= parallel_) return false;
  ++under_way_;
  return true;
}

void UnboundEngine::wait_for_slot() {
  std::unique_lock lock(mutex_);
  slot_free_.wait(lock, [this] { return under_way_ < parallel_; });
  ++under_way_;
}

void UnboundEngine::submit(const Question& question, Job& job) {
  job.until = std::chrono::steady_clock::now() + timeout_;
  constexpr int kClassIn = 1;
  const SignalsBlocked blocked;  // the first call makes libunbound's thread
  const int error =
      ub_resolve_async(context_.get(), question.name.text().c_str(),
                       static_cast<int>(question.type), kClassIn, &job, &on_result, &job.id);
  if (error == 0) return;
  const std::lock_guard lock(mutex_);
  job.error = error;
  job.is_done = true;
  --under_way_;
  slot_free_.notify_one();
}

void UnboundEngine::await(Job& job) {
  std::unique_lock lock(mutex_);
  if (job.changed->wait_until(lock, job.until, [&] { return job.is_done; })) return;
  lock.unlock();
  // Once cancelled, the callback is not called. UB_NOID: it is being called at this moment.
  const bool is_arriving = ub_cancel(context_.get(), job.id) == UB_NOID;
  lock.lock();
  if (is_arriving) {
    job.changed->wait(lock, [&] { return job.is_done; });
    return;
  }
  --under_way_;
  slot_free_.notify_one();
}

}  // namespace sm::dns
