#include "envelope/conveyor.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include <sched.h>

namespace sm::envelope {
namespace {

/// 64 KiB to 512 KiB a worker: more cores than this gain nothing that memory bandwidth allows.
constexpr unsigned kMostWorkers = 16;

unsigned usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return static_cast<unsigned>(std::clamp(CPU_COUNT(&cores), 1, static_cast<int>(kMostWorkers)));
}

class Belt {
 public:
  explicit Belt(const Conveyor& conveyor) : conveyor_(conveyor) {
    if (conveyor_.batches) end_ = *conveyor_.batches;
  }

  void work() {
    Secret in(conveyor_.in_size);
    Secret out(conveyor_.out_size);
    const Work work = conveyor_.make_work();
    while (const auto loaded = load(in.writable())) {
      const auto [batch, size, is_last] = *loaded;
      const auto made = work(batch, in.reveal().first(size), is_last, out.writable());
      if (!made) {
        stop(batch, made.error());
        return;
      }
      if (!store(batch, *made)) return;
    }
  }

  Result<void> outcome() {
    if (failure_) return fail(std::move(*failure_));
    return {};
  }

 private:
  struct Loaded {
    std::uint64_t batch;
    std::size_t size;
    bool is_last;
  };

  /// The next batch, or nothing when there is none or somebody failed before it.
  std::optional<Loaded> load(std::span<std::uint8_t> in) {
    std::unique_lock loading(loading_);
    const std::uint64_t batch = next_;
    if (batch >= end()) return std::nullopt;
    ++next_;
    if (conveyor_.loads_anywhere) loading.unlock();
    const auto size = conveyor_.load(batch, in);
    if (!size) {
      stop(batch, size.error());
      return std::nullopt;
    }
    if (conveyor_.batches) return Loaded{batch, *size, batch + 1 == *conveyor_.batches};
    const bool is_last = *size < in.size();
    if (is_last) end_at(batch + 1);
    return Loaded{batch, *size, is_last};
  }

  /// Waits for the batch's turn. False: somebody failed before it, or storing did.
  bool store(std::uint64_t batch, Bytes bytes) {
    {
      std::unique_lock lock(mutex_);
      turn_changed_.wait(lock, [&] { return turn_ == batch || end_ <= batch; });
      if (end_ <= batch) return false;
    }
    if (auto stored = conveyor_.store(bytes); !stored) {
      stop(batch, stored.error());
      return false;
    }
    const std::lock_guard lock(mutex_);
    ++turn_;
    turn_changed_.notify_all();
    return true;
  }

  /// The failure of the earliest batch counts; later ones may only be its consequence.
  void stop(std::uint64_t batch, const Error& error) {
    const std::lock_guard lock(mutex_);
    if (batch < failed_at_) {
      failed_at_ = batch;
      failure_ = error;
    }
    end_ = std::min(end_, batch);
    turn_changed_.notify_all();
  }

  void end_at(std::uint64_t end) {
    const std::lock_guard lock(mutex_);
    end_ = std::min(end_, end);
  }
  std::uint64_t end() {
    const std::lock_guard lock(mutex_);
    return end_;
  }

  const Conveyor& conveyor_;
  std::mutex loading_;
  std::uint64_t next_ = 0;  ///< under loading_
  std::mutex mutex_;        ///< all that follows
  std::condition_variable turn_changed_;
  std::uint64_t turn_ = 0;
  std::uint64_t end_ = UINT64_MAX;  ///< no batch from here on
  std::uint64_t failed_at_ = UINT64_MAX;
  std::optional<Error> failure_;
};

}  // namespace

Result<void> run(const Conveyor& conveyor) {
  Belt belt(conveyor);
  const std::uint64_t most = conveyor.batches.value_or(UINT64_MAX);
  const auto helpers = static_cast<unsigned>(std::min<std::uint64_t>(usable_cores(), most)) - 1;
  {
    std::vector<std::jthread> threads;
    try {
      for (unsigned i = 0; i < helpers; ++i)
        threads.emplace_back([&] { belt.work(); });
    } catch (const std::system_error&) {
      // No more threads to be had: those that are there, and this one, do the work.
    }
    belt.work();
  }
  return belt.outcome();
}

}  // namespace sm::envelope
