#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "portal/inflow.h"

using namespace sm;
using namespace sm::portal;

namespace {

class CountingValve final : public Valve {
 public:
  void stop() override {
    const std::lock_guard lock(mutex_);
    is_open_ = false;
    ++stops;
  }
  void start() override {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  void await_open() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return is_open_; });
  }
  int stops = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = true;
};

}  // namespace

TEST_CASE("what is poured in one thread is drunk in another, in order, in bounded memory",
          "[portal]") {
  CountingValve valve;
  Inflow inflow(valve);
  constexpr std::size_t kSize = std::size_t{8} << 20;
  std::uint64_t sum = 0;
  std::size_t total = 0;
  std::thread worker([&] {
    std::vector<std::uint8_t> block(50'000);
    for (;;) {
      auto got = inflow.read(block);
      if (!got || *got == 0) break;
      for (std::size_t i = 0; i < *got; ++i)
        sum = sum * 31 + block[i];
      total += *got;
    }
    inflow.done();
  });
  std::uint64_t expected = 0;
  std::vector<std::uint8_t> all(kSize);
  for (std::size_t i = 0; i < kSize; ++i) {
    all[i] = static_cast<std::uint8_t>(i * 7919 >> 4);
    expected = expected * 31 + all[i];
  }
  Bytes left(all);
  while (!left.empty()) {
    valve.await_open();
    left = left.subspan(inflow.pour(left.first(std::min<std::size_t>(left.size(), 30'000))));
  }
  valve.await_open();
  if (!inflow.end()) valve.await_open();
  worker.join();
  CHECK(total == kSize);
  CHECK(sum == expected);
}

TEST_CASE("a client that goes away is an error, not an end", "[portal]") {
  CountingValve valve;
  Inflow inflow(valve);
  REQUIRE(inflow.pour(as_bytes("abc")) == 3);
  std::vector<std::uint8_t> block(10);
  CHECK(inflow.read(block).value() == 3);
  std::thread client([&] { inflow.abort(); });
  const auto got = inflow.read(block);
  client.join();
  REQUIRE_FALSE(got);
  CHECK(got.error().code == Errc::temporary);
}

TEST_CASE("after the worker is done the rest is poured away and nobody waits", "[portal]") {
  CountingValve valve;
  Inflow inflow(valve);
  inflow.done();
  const std::vector<std::uint8_t> much(std::size_t{1} << 20);
  CHECK(inflow.pour(much) == much.size());
  CHECK(inflow.end());
  CHECK(valve.stops == 0);
}
