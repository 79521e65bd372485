// Many processes that write one log at once, and die while they do.

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <ctime>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/erase.h"
#include "audit/layout.h"
#include "audit/log.h"
#include "audit/note.h"
#include "audit/scan.h"
#include "audit/segment_lines.h"
#include "audit/verify.h"
#include "base/clock.h"
#include "support/temp_dir.h"

using namespace sm;
using namespace sm::audit;

namespace {

constexpr std::size_t kProcesses = 64;
constexpr std::size_t kMostAcknowledged = 200'000;

/// What a process was told: its record is in the log, and durable.
struct Acknowledged {
  std::uint64_t seq = 0;
  std::uint64_t who = 0;  ///< 0: killed before it could say so
};

/// Memory that all processes share.
struct Shared {
  std::atomic<bool> is_over = false;
  std::atomic<std::size_t> count = 0;
  std::array<Acknowledged, kMostAcknowledged> acknowledged;
};

class SharedMemory {
 public:
  SharedMemory()
      : memory_(::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                       -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::runtime_error("no shared memory");
    new (memory_) Shared;
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory() { ::munmap(memory_, sizeof(Shared)); }
  Shared* operator->() const { return static_cast<Shared*>(memory_); }

 private:
  void* memory_;
};

LogOptions options() {
  LogOptions made;
  made.tool = "test/0";
  made.host = "mail.example.org";
  return made;
}

/// A child's life: appends, and says what was acknowledged.
int append_until_over(const std::string& state, std::uint64_t child, Shared& shared) {
  auto log = Log::open(state, "default", system_clock(), options());
  if (!log) return 1;
  for (std::uint64_t i = 1; !shared.is_over; ++i) {
    const std::uint64_t who = child * 1'000'000 + i;
    Record record(Event::opened, MessageId::fresh());
    record.fact("who", who).disclose("recipient", std::to_string(who) + "@b.example");
    const auto appended = log->append(record);
    if (!appended) return 2;
    const std::size_t at = shared.count++;
    if (at >= kMostAcknowledged) return 0;
    shared.acknowledged[at] = {appended->first_seq, who};
  }
  return 0;
}

pid_t start(const std::string& state, std::uint64_t child, const SharedMemory& shared) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  for (const int signal : {SIGTERM, SIGINT, SIGABRT, SIGSEGV})
    ::signal(signal, SIG_DFL);  // Catch2's handlers would report in the parent's name
  ::_exit(append_until_over(state, child, *shared.operator->()));
}

VerifyReport verified(const std::string& folder) {
  VerifyRequest request;
  request.clock = &system_clock();
  auto report = verify_folder(folder, request);
  REQUIRE(report);
  for (const Finding& one : report->findings)
    UNSCOPED_INFO(text(one.kind) << ' ' << one.seq.value_or(0) << ' ' << one.detail);
  return std::move(*report);
}

/// `who` of each record, by seq.
std::vector<std::uint64_t> whos_in(const Layout& layout) {
  std::vector<std::uint64_t> whos;
  for (std::uint64_t number = 0;; ++number) {
    auto lines = SegmentLines::open(layout.segment(number));
    if (!lines) return whos;
    for (auto line = lines->next(); line && *line; line = lines->next()) {
      const auto record = parse_record(**line);
      REQUIRE(record);
      REQUIRE(record->seq == whos.size());
      const std::string who = record->fact("who");
      whos.push_back(who.empty() ? 0 : std::stoull(who));
    }
  }
}

}  // namespace

TEST_CASE("A92 F01 F13 64 processes that are killed at random keep one chain and lose nothing",
          "[audit]") {
  test::TempDir dir;
  const std::string state = dir / "state";
  const Layout layout{log_folder(state, "default")};
  { REQUIRE(Log::open(state, "default", system_clock(), options())); }
  const SharedMemory shared;
  std::mt19937 random(1);
  std::uint64_t born = 0;
  std::vector<pid_t> children;
  while (children.size() < kProcesses)
    children.push_back(start(state, ++born, shared));
  for (int killed = 0; killed < 300; ++killed) {
    const timespec moment{0, static_cast<long>(random() % 15'000'000)};
    (void)::nanosleep(&moment, nullptr);
    pid_t& victim = children[random() % children.size()];
    REQUIRE(::kill(victim, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(victim, &status, 0) == victim);
    CHECK(WIFSIGNALED(status));
    victim = start(state, ++born, shared);
    if (killed % 30 != 0) continue;
    // A log that is written to is as intact as one that rests, but for what the killed one left.
    const VerifyReport live = verified(layout.folder);
    for (const Finding& one : live.findings)
      CHECK((!is_damage(one.kind) || one.kind == FindingKind::torn_tail));
  }
  shared->is_over = true;
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  {
    auto log = Log::open(state, "default", system_clock(), options());
    REQUIRE(log);
    REQUIRE(log->append(Record(Event::opened)));
    REQUIRE(log->sign_checkpoint());
  }
  CHECK(verified(layout.folder).is_intact());
  const auto whos = whos_in(layout);
  std::map<std::uint64_t, int> times;
  for (const std::uint64_t who : whos)
    ++times[who];
  const std::size_t count = std::min<std::size_t>(shared->count, kMostAcknowledged);
  std::size_t lost = 0, doubled = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Acknowledged& one = shared->acknowledged[i];
    if (one.who == 0) continue;
    if (one.seq >= whos.size() || whos[one.seq] != one.who) ++lost;
    if (times[one.who] != 1) ++doubled;
  }
  CHECK(count > 100);
  CHECK(lost == 0);
  CHECK(doubled == 0);
}

TEST_CASE("a log that is written to verifies at every moment", "[audit]") {
  test::TempDir dir;
  const std::string state = dir / "state";
  const Layout layout{log_folder(state, "default")};
  auto log = Log::open(state, "default", system_clock(), options());
  REQUIRE(log);
  const SharedMemory shared;
  std::vector<pid_t> children;
  while (children.size() < 4)
    children.push_back(start(state, children.size() + 1, shared));
  for (int i = 0; i < 40; ++i) {
    if (i % 4 == 0) {
      const std::string who = "1" + std::string(5, '0') + std::to_string(i / 4 + 1);
      EraseRequest request{{}, who + "@b.example", "officer", "asked"};
      REQUIRE(log->erase(request));
      REQUIRE(log->sign_checkpoint());
    }
    const VerifyReport report = verified(layout.folder);
    CHECK(report.is_intact());
  }
  REQUIRE(log->end_epoch());
  CHECK(verified(layout.folder).is_intact());
  shared->is_over = true;
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  CHECK(verified(layout.folder).is_intact());
}
