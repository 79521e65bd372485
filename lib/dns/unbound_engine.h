#pragma once
// One libunbound context and the two threads around it: libunbound's own, which works, and the
// dispatcher, which waits for its results and wakes whoever asked. What an answer means is told by
// unbound_resolver.cc; here lookups are put under way and awaited, each with a time-out.

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <unbound.h>

#include "base/file.h"
#include "dns/answer.h"

namespace sm::dns {

struct FreeUbResult {
  void operator()(ub_result* result) const { ub_resolve_free(result); }
};
using UbResult = std::unique_ptr<ub_result, FreeUbResult>;

struct FreeUbContext {
  void operator()(ub_ctx* context) const { ub_ctx_delete(context); }
};
using UbContext = std::unique_ptr<ub_ctx, FreeUbContext>;

class UnboundEngine {
 public:
  /// One lookup. It stays where it is, and its engine lives, until it has been awaited.
  struct Job {
    UnboundEngine* engine = nullptr;
    std::condition_variable* changed = nullptr;  ///< of whoever awaits it
    int id = 0;                                  ///< libunbound's number for it
    bool is_done = false;                        ///< after await: false when the time was up
    int error = 0;                               ///< a ub_ctx_err, or 0
    UbResult result{};
    std::chrono::steady_clock::time_point until{};
  };

  UnboundEngine(UbContext context, std::chrono::milliseconds timeout, unsigned parallel);
  UnboundEngine(const UnboundEngine&) = delete;
  UnboundEngine& operator=(const UnboundEngine&) = delete;
  /// Nobody may be waiting any more.
  ~UnboundEngine();

  /// Why nothing can be asked, or nothing.
  [[nodiscard]] const std::optional<std::string>& start_failure() const { return start_failure_; }
  /// False when `parallel` lookups are under way.
  bool try_take_slot();
  void wait_for_slot();
  /// Puts the job under way, or ends it at once with job.error. A slot is taken already.
  void submit(const Question& question, Job& job);
  /// Until the job is done or its time is up.
  void await(Job& job);

 private:
  void start();
  void dispatch();
  void warm_up();
  static void on_result(void* job, int error, ub_result* result);

  UbContext context_;
  std::chrono::milliseconds timeout_;
  unsigned parallel_;

  std::optional<std::string> start_failure_;
  UniqueFd stop_;
  std::thread dispatcher_;

  std::mutex mutex_;
  std::condition_variable slot_free_;
  unsigned under_way_ = 0;

  std::condition_variable warm_;
  Job warm_up_job_{};
};

}  // namespace sm::dns
