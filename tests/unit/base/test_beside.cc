#include <catch2/catch.hpp>
#include <csignal>
#include <future>
#include <thread>

#include <sched.h>

#include "base/beside.h"

using namespace sm;

TEST_CASE("a thread beside does its work, and its end is waited for", "[beside]") {
  std::thread::id by;
  {
    const auto thread = Beside::start([&] { by = std::this_thread::get_id(); });
    REQUIRE(thread);
  }
  CHECK(by != std::thread::id());
  CHECK(by != std::this_thread::get_id());
}

TEST_CASE("a thread beside takes no signals, and its maker goes on taking them", "[beside]") {
  sigset_t before, inside, after;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  REQUIRE(Beside::start([&] { pthread_sigmask(SIG_SETMASK, nullptr, &inside); }));
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  CHECK(sigismember(&inside, SIGTERM) == 1);
  CHECK(sigismember(&inside, SIGCHLD) == 1);
  CHECK(sigismember(&after, SIGTERM) == sigismember(&before, SIGTERM));
}

TEST_CASE("a thread beside may run wherever its maker may", "[beside]") {
  cpu_set_t mine, its;
  REQUIRE(sched_getaffinity(0, sizeof mine, &mine) == 0);
  std::promise<void> go;
  {
    const auto thread = Beside::start([&] {
      go.get_future().wait();
      sched_getaffinity(0, sizeof its, &its);
    });
    REQUIRE(thread);
    go.set_value();
  }
  CHECK(CPU_EQUAL(&mine, &its));
}

TEST_CASE("where there is one processor, a thread begins on that", "[beside]") {
  cpu_set_t before, one;
  REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  bool has_run = false;
  {
    REQUIRE(Beside::start([&] { has_run = true; }));
  }
  sched_setaffinity(0, sizeof before, &before);
  CHECK(has_run);
}
