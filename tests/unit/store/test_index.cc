#include <catch2/catch.hpp>
#include <thread>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "store/index.h"
#include "support/temp_dir.h"

using namespace sm;

namespace {

Result<void> put(store::Index& index, const std::string& domain, const std::string& policy) {
  auto statement = index.prepare("INSERT OR REPLACE INTO sts_policy VALUES(?,?,?,?)");
  if (!statement) return fail(statement.error());
  return statement->bind(domain).bind("id").bind(policy).bind(std::int64_t{1}).run();
}

std::int64_t count(store::Index& index) {
  auto statement = index.prepare("SELECT count(*) FROM sts_policy");
  REQUIRE(statement);
  REQUIRE(statement->row().value());
  return statement->number(0);
}

}  // namespace

TEST_CASE("what was committed is there after reopening", "[store]") {
  const test::TempDir dir;
  {
    auto index = store::Index::open(dir / "state");
    REQUIRE(index);
    REQUIRE(put(*index, "a.example", "p"));
  }
  auto index = store::Index::open(dir / "state");
  REQUIRE(index);
  CHECK(count(*index) == 1);
}

TEST_CASE("a transaction that fails leaves nothing", "[store]") {
  const test::TempDir dir;
  auto index = store::Index::open(dir / "state");
  REQUIRE(index);
  const auto done = index->transaction([&]() -> Result<void> {
    if (auto stored = put(*index, "a.example", "p"); !stored) return stored;
    return fail(Errc::temporary, "no");
  });
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::temporary);
  CHECK(count(*index) == 0);
}

TEST_CASE("the database is its owner's alone", "[store]") {
  const test::TempDir dir;
  REQUIRE(store::Index::open(dir / "state"));
  struct stat status {};
  REQUIRE(::stat((dir / "state/index.db").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("a database of a newer version is refused, and so is a damaged one", "[store]") {
  const test::TempDir dir;
  {
    auto index = store::Index::open(dir / "state");
    REQUIRE(index);
    REQUIRE(index->execute("PRAGMA user_version=1000"));
  }
  const auto newer = store::Index::open(dir / "state");
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code == Errc::configuration);
  REQUIRE(make_folders(dir / "other"));
  REQUIRE(publish_file(dir / "other/index.db", as_bytes(std::string(8192, 'x'))));
  const auto damaged = store::Index::open(dir / "other");
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().code == Errc::configuration);
}

TEST_CASE("eight processes open a new database and write at once", "[store]") {
  const test::TempDir dir;
  std::vector<pid_t> children;
  for (int child = 0; child < 8; ++child) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      auto index = store::Index::open(dir / "state");
      bool is_good = index.has_value();
      for (int i = 0; is_good && i < 20; ++i) {
        const std::string domain = std::to_string(child) + "-" + std::to_string(i);
        is_good = put(*index, domain, "p").has_value();
      }
      ::_exit(is_good ? 0 : 1);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
  }
  auto index = store::Index::open(dir / "state");
  REQUIRE(index);
  CHECK(count(*index) == 160);
}

TEST_CASE("what was deleted is overwritten in the file", "[store]") {
  const test::TempDir dir;
  {
    auto index = store::Index::open(dir / "state");
    REQUIRE(index);
    REQUIRE(put(*index, "a.example", "canary-of-a-deleted-policy"));
    REQUIRE(index->execute("DELETE FROM sts_policy"));
    REQUIRE(index->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  }
  const auto bytes = read_file(dir / "state/index.db", 1 << 24);
  REQUIRE(bytes);
  CHECK(bytes->find("canary-of-a-deleted") == std::string::npos);
}

TEST_CASE("another process that ends takes no journal away from a process with several connections",
          "[store]") {
  const test::TempDir dir;
  { REQUIRE(store::Index::open(dir / "state")); }
  int go[2];
  REQUIRE(::pipe(go) == 0);
  const pid_t child = ::fork();  // before anything is open: locks are not inherited
  REQUIRE(child >= 0);
  if (child == 0) {
    char byte = 0;
    if (::read(go[0], &byte, 1) != 1) ::_exit(2);
    auto index = store::Index::open(dir / "state");
    const bool is_put = index && put(*index, "b.example", "p");
    if (!is_put) ::_exit(1);
    { const auto closed = std::move(*index); }
    ::_exit(0);
  }
  auto first = store::Index::open(dir / "state");
  REQUIRE(first);
  CHECK(count(*first) == 0);
  auto second = store::Index::open(dir / "state");
  REQUIRE(second);
  REQUIRE(::write(go[1], "x", 1) == 1);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(::access((dir / "state/index.db-wal").c_str(), F_OK) == 0);
  CHECK(count(*first) == 1);
  CHECK(count(*second) == 1);
  ::close(go[0]);
  ::close(go[1]);
}

TEST_CASE("threads that share an index do not meet in each other's transactions", "[store]") {
  const test::TempDir dir;
  auto index = store::Index::open(dir / "state");
  REQUIRE(index);
  constexpr int kTimes = 200;
  std::thread other([&] {
    for (int i = 0; i < kTimes; ++i)
      (void)put(*index, "other" + std::to_string(i) + ".example", "p");
  });
  for (int i = 0; i < kTimes; ++i) {
    // Rolled back, with nothing of the other thread's in it.
    (void)index->transaction([&]() -> Result<void> {
      auto done = put(*index, "own" + std::to_string(i) + ".example", "p");
      return done ? fail(Errc::temporary, "on second thoughts") : done;
    });
  }
  other.join();
  CHECK(count(*index) == kTimes);
}
