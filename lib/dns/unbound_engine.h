#pragma once
// One libunbound context and the thread that does its work: an event loop, which takes questions,
// serves libunbound's sockets and timers, and wakes whoever asked. What an answer means is told by
// unbound_resolver.cc; here lookups are put under way and awaited, each with a time-out.
//
// libunbound has a thread of its own to offer too, and speaks with it through pipes. Two more
// threads to wake for each answer are slower, and a write to such a pipe that a signal interrupts
// loses a question.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <event2/event.h>
#include <unbound.h>

#include "base/beside.h"
#include "base/file.h"
#include "base/result.h"
#include "dns/answer.h"

namespace sm::dns {

struct FreeEventBase {
  void operator()(event_base* base) const { event_base_free(base); }
};
struct FreeEvent {
  void operator()(event* one) const { event_free(one); }
};
struct FreeUbContext {
  void operator()(ub_ctx* context) const { ub_ctx_delete(context); }
};

/// A context and the loop that it lives on; made together, used by one thread.
struct UbContext {
  std::unique_ptr<event_base, FreeEventBase> loop;
  std::unique_ptr<ub_ctx, FreeUbContext> context;  ///< goes first
};

/// What libunbound tells of one lookup.
struct UbResult {
  int error = 0;  ///< a ub_ctx_err: it could not even ask
  int rcode = 0;  ///< RFC 1035 §4.1.1: why there is no message
  bool is_secure = false;
  bool is_bogus = false;
  std::string why_bogus{};
  std::vector<std::uint8_t> message{};  ///< the response; empty where there is none
};

class UnboundEngine {
  struct Errand;

 public:
  struct Job;
  /// A thread that awaits its jobs, one after the other. Shared, since it may be woken, and gone,
  /// before the loop has finished waking it.
  struct Waiter {
    std::condition_variable changed;
    std::atomic<const Job*> awaited{nullptr};  ///< the others wake nobody
  };
  /// One lookup. It stays where it is, and its engine lives, until it has been awaited.
  struct Job {
    UnboundEngine* engine = nullptr;
    std::shared_ptr<Waiter> waiter{};
    bool is_done = false;  ///< after await: false when the time was up
    UbResult result{};
    std::chrono::steady_clock::time_point until{};
    Errand* errand = nullptr;  ///< the engine's, while it is not done
  };

  using MakeContext = std::function<Result<UbContext>()>;

  /// Begins to set itself up, on its thread: by `make`, whose Errors await_setup() tells.
  UnboundEngine(MakeContext make, std::chrono::milliseconds timeout, unsigned parallel);
  UnboundEngine(const UnboundEngine&) = delete;
  UnboundEngine& operator=(const UnboundEngine&) = delete;
  /// Nobody may be waiting any more.
  ~UnboundEngine();

  /// Until it is known whether anything can be asked. Where nothing can, all lookups come to
  /// UB_INITFAIL.
  Result<void> await_setup();
  /// False when `parallel` lookups are under way.
  bool try_take_slot();
  void wait_for_slot();
  /// Puts the job under way. A slot is taken already.
  void submit(const Question& question, Job& job);
  /// Puts a lookup under way that nobody awaits: its answer is for the cache, and for `then`, which
  /// is called on the loop's thread unless all is over by then.
  using Then = std::function<void(const UbResult&)>;
  void submit(const Question& question, Then then);
  /// Until the job is done or its time is up.
  void await(Job& job);

 private:
  /// A question on its way through the loop, and whoever still wants to know.
  struct Errand {
    UnboundEngine* engine;
    Question question;
    Job* job;
    Then then{};
    std::list<Errand>::iterator self{};
  };

  void start(MakeContext make);
  Result<void> set_up(const MakeContext& make);
  void tell(Result<void> setup);
  void refuse_waiting();
  void hand_over(const Question& question, Job* job, Then then);
  void wake();
  void serve(const MakeContext& make);
  void take_up();
  void ask(Errand& errand);
  void end(Errand& errand, UbResult result);
  bool is_over();
  static void on_wake(evutil_socket_t descriptor, short events, void* engine) noexcept;
  static void on_result(void* errand, int rcode, void* message, int size, int security,
                        char* why_bogus, int was_limited) noexcept;

  UbContext context_{};
  std::chrono::milliseconds timeout_;
  unsigned parallel_;

  UniqueFd waker_;
  std::unique_ptr<event, FreeEvent> woken_;
  std::optional<Beside> thread_;

  std::mutex mutex_;
  std::optional<Result<void>> setup_;  ///< once it is known
  std::condition_variable setup_known_;
  std::condition_variable slot_free_;
  unsigned under_way_ = 0;
  bool is_over_ = false;
  std::list<Errand> waiting_;  ///< for the loop
  std::list<Errand> asked_;    ///< of libunbound
};

}  // namespace sm::dns
