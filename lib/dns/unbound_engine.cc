#include "dns/unbound_engine.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

#include <sys/eventfd.h>
#include <unbound-event.h>
#include <unistd.h>

namespace sm::dns {

UnboundEngine::UnboundEngine(MakeContext make, std::chrono::milliseconds timeout, unsigned parallel)
    : timeout_(timeout), parallel_(std::max(1u, parallel)) {
  start(std::move(make));
}

UnboundEngine::~UnboundEngine() {
  if (thread_) {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    wake();
    thread_.reset();
  }
  context_.context.reset();  // calls back for all that is still under way
}

void UnboundEngine::start(MakeContext make) {
  waker_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!waker_) return tell(fail_errno(Errc::temporary, "no descriptor for the resolver", errno));
  auto thread = Beside::start([this, make = std::move(make)] { serve(make); });
  if (!thread) return tell(fail(std::move(thread).error()));
  thread_.emplace(std::move(*thread));
}

void UnboundEngine::tell(Result<void> setup) {
  {
    const std::lock_guard lock(mutex_);
    setup_ = std::move(setup);
  }
  setup_known_.notify_all();
}

// ---- on the loop's thread

Result<void> UnboundEngine::set_up(const MakeContext& make) {
  auto made = make();
  if (!made) return fail(std::move(made).error());
  context_ = std::move(*made);
  woken_.reset(event_new(context_.loop.get(), waker_.get(), EV_READ | EV_PERSIST, &on_wake, this));
  if (woken_ && event_add(woken_.get(), nullptr) == 0) return {};
  return fail(Errc::temporary, "the resolver's loop could not be set up");
}

void UnboundEngine::serve(const MakeContext& make) {
  auto done = set_up(make);
  const bool is_good = bool(done);
  tell(std::move(done));
  if (!is_good) return refuse_waiting();
  // libunbound sets itself up, for a millisecond, at the first question: one that it answers by
  // itself (RFC 6761 §6.3) has that done while the tool still reads its input.
  submit({*name::DnsName::parse("localhost"), Type::a}, {});
  // Where the loop fails, whoever waits runs into the time-out.
  event_base_dispatch(context_.loop.get());
}

void UnboundEngine::on_wake(evutil_socket_t, short, void* engine) noexcept {
  static_cast<UnboundEngine*>(engine)->take_up();
}

void UnboundEngine::take_up() {
  std::uint64_t times = 0;
  while (::read(waker_.get(), &times, sizeof times) < 0 && errno == EINTR) {
  }
  while (true) {
    std::unique_lock lock(mutex_);
    if (is_over_) event_base_loopbreak(context_.loop.get());
    if (is_over_ || waiting_.empty()) return;
    asked_.splice(asked_.end(), waiting_, waiting_.begin());
    Errand& next = asked_.back();
    lock.unlock();
    ask(next);
  }
}

void UnboundEngine::ask(Errand& errand) {
  constexpr int kClassIn = 1;
  int id = 0;
  // What it has in its cache comes before the call returns, and the errand is over by then.
  const int error =
      ub_resolve_event(context_.context.get(), errand.question.name.text().c_str(),
                       static_cast<int>(errand.question.type), kClassIn, &errand, &on_result, &id);
  if (error != 0) end(errand, {.error = error});
}

void UnboundEngine::on_result(void* errand_pointer, int rcode, void* message, int size,
                              int security, char* why_bogus, int) noexcept {
  constexpr int kBogus = 1;  // unbound-event.h
  constexpr int kSecure = 2;
  UbResult result{.rcode = rcode, .is_secure = security == kSecure, .is_bogus = security == kBogus};
  if (why_bogus != nullptr) result.why_bogus = why_bogus;
  if (rcode == 0 && message != nullptr && size > 0) {
    const auto* bytes = static_cast<const std::uint8_t*>(message);
    result.message.assign(bytes, bytes + size);
  }
  auto& errand = *static_cast<Errand*>(errand_pointer);
  errand.engine->end(errand, std::move(result));
}

void UnboundEngine::end(Errand& errand, UbResult result) {
  if (errand.then && !is_over()) errand.then(result);
  std::shared_ptr<Waiter> waiter;
  {
    const std::lock_guard lock(mutex_);
    if (Job* job = errand.job) {
      job->result = std::move(result);
      job->is_done = true;
      --under_way_;
      if (job->waiter->awaited == job) waiter = std::move(job->waiter);
    }
    asked_.erase(errand.self);
  }
  slot_free_.notify_one();
  if (waiter) waiter->changed.notify_one();
}

bool UnboundEngine::is_over() {
  const std::lock_guard lock(mutex_);
  return is_over_;
}

// ---- on the threads of those who ask

Result<void> UnboundEngine::await_setup() {
  std::unique_lock lock(mutex_);
  setup_known_.wait(lock, [this] { return setup_.has_value(); });
  if (*setup_) return {};
  return fail(setup_->error());
}

void UnboundEngine::refuse_waiting() {
  while (true) {
    std::unique_lock lock(mutex_);
    if (waiting_.empty()) return;
    asked_.splice(asked_.end(), waiting_, waiting_.begin());
    Errand& next = asked_.back();
    lock.unlock();
    end(next, {.error = UB_INITFAIL});
  }
}

void UnboundEngine::wake() {
  const std::uint64_t one = 1;
  while (::write(waker_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
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

void UnboundEngine::hand_over(const Question& question, Job* job, Then then) {
  std::unique_lock lock(mutex_);
  const bool is_first = waiting_.empty();
  Errand& errand = waiting_.emplace_back(Errand{this, question, job, std::move(then)});
  errand.self = std::prev(waiting_.end());
  if (job != nullptr) job->errand = &errand;
  const bool is_refused = setup_ && !*setup_;
  lock.unlock();
  if (is_refused) return refuse_waiting();
  if (is_first) wake();
}

void UnboundEngine::submit(const Question& question, Job& job) {
  job.until = std::chrono::steady_clock::now() + timeout_;
  hand_over(question, &job, {});
}

void UnboundEngine::submit(const Question& question, Then then) {
  hand_over(question, nullptr, std::move(then));
}

void UnboundEngine::await(Job& job) {
  std::unique_lock lock(mutex_);
  if (job.is_done) return;
  const auto waiter = job.waiter;
  waiter->awaited = &job;
  if (waiter->changed.wait_until(lock, job.until, [&] { return job.is_done; })) return;
  // The answer, should it still come, finds nobody who wants it.
  job.errand->job = nullptr;
  --under_way_;
  slot_free_.notify_one();
}

}  // namespace sm::dns
