#include <catch2/catch.hpp>
#include <filesystem>

#include <sys/stat.h>

#include "base/file.h"
#include "support/temp_dir.h"

using namespace sm;
namespace fs = std::filesystem;

TEST_CASE("an unpublished file leaves nothing behind", "[file]") {
  const test::TempDir dir;
  {
    auto file = AtomicFile::create(dir / "out");
    REQUIRE(file);
    REQUIRE(file->write(as_bytes("half")));
  }
  CHECK(fs::is_empty(dir.path()));
}

TEST_CASE("a published file is whole and has its mode whatever the umask", "[file]") {
  const test::TempDir dir;
  const auto before = ::umask(0777);
  const auto published = publish_file(dir / "out", as_bytes("whole"), 0640);
  ::umask(before);
  REQUIRE(published);
  CHECK(read_file(dir / "out", 100).value() == "whole");
  CHECK((fs::status(dir / "out").permissions() & fs::perms::mask) == fs::perms(0640));
}

TEST_CASE("keep never replaces what is there", "[file]") {
  const test::TempDir dir;
  REQUIRE(publish_file(dir / "out", as_bytes("one")));
  CHECK_FALSE(publish_file(dir / "out", as_bytes("two"), 0600, AtomicFile::Existing::keep));
  CHECK(read_file(dir / "out", 100).value() == "one");
}

TEST_CASE("a secret file that others can read is refused", "[file]") {
  const test::TempDir dir;
  REQUIRE(publish_file(dir / "key", as_bytes("secret"), 0644));
  const auto secret = read_secret_file(dir / "key", 100);
  REQUIRE_FALSE(secret);
  CHECK(secret.error().code == Errc::denied);
  REQUIRE(publish_file(dir / "key", as_bytes("secret"), 0600));
  CHECK(as_text(read_secret_file(dir / "key", 100).value().reveal()) == "secret");
}

TEST_CASE("a lock that another holds is told apart from a failure", "[file]") {
  const test::TempDir dir;
  auto held = FileLock::acquire(dir / "lock");
  REQUIRE(held);
  auto second = FileLock::try_acquire(dir / "lock");
  REQUIRE(second);
  CHECK_FALSE(second->has_value());
  CHECK_FALSE(FileLock::try_acquire(dir / "no/such/lock"));
}
