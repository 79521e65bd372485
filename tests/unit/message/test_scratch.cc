#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message/scratch.h"
#include "support/temp_dir.h"

using namespace sm;
using namespace sm::message;

namespace {

std::string pattern(std::size_t size) {
  std::string bytes(size, 0);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<char>('a' + (i * 7 + i / 4096) % 26);
  return bytes;
}

std::string contents(const Scratch& scratch, std::uint64_t begin = 0,
                     std::uint64_t end = UINT64_MAX) {
  auto all = read_all(*scratch.open(begin, end), SIZE_MAX);
  REQUIRE(all);
  return *all;
}

/// The spool file of this process in a folder: nameless, so found among the open descriptors.
std::string spool_path(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code none;
    const auto target = std::filesystem::read_symlink(entry.path(), none).string();
    if (target.starts_with(folder.string() + "/")) return entry.path();
  }
  return "";
}

}  // namespace

TEST_CASE("scratch gives back what was appended, in memory and on disk", "[scratch]") {
  const test::TempDir folder;
  constexpr std::size_t kLimit = 256 * 1024;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, Scratch::kChunk - 1, Scratch::kChunk, Scratch::kChunk + 1,
        kLimit, kLimit + 1, kLimit + Scratch::kChunk, 5 * kLimit + 77}) {
    for (const std::size_t step : {std::size_t{1000}, Scratch::kChunk, Scratch::kChunk * 3 + 1}) {
      CAPTURE(size, step);
      const auto bytes = pattern(size);
      Scratch scratch({folder.path(), kLimit});
      for (std::size_t i = 0; i < size; i += step)
        REQUIRE(scratch.append(std::string_view(bytes).substr(i, step)));
      REQUIRE(scratch.finish());
      CHECK(scratch.size() == size);
      CHECK(scratch.is_on_disk() == (size >= kLimit + Scratch::kChunk));
      CHECK(contents(scratch) == bytes);
      CHECK(contents(scratch) == bytes);
      if (size > 100) CHECK(contents(scratch, 99, size - 1) == bytes.substr(99, size - 100));
      CHECK(contents(scratch, size, size + 9).empty());
    }
  }
}

TEST_CASE("no plaintext and no name is on the disk", "[scratch]") {
  const test::TempDir folder;
  Scratch scratch({folder.path(), 0});
  const std::string secret = "the patient's diagnosis, in clear words ";
  for (int i = 0; i < 20'000; ++i)
    REQUIRE(scratch.append(secret));
  REQUIRE(scratch.finish());
  REQUIRE(scratch.is_on_disk());
  CHECK(std::filesystem::is_empty(folder.path()));
  const auto path = spool_path(folder.path());
  REQUIRE_FALSE(path.empty());
  struct ::stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  std::ifstream in(path, std::ios::binary);
  const std::string stored{std::istreambuf_iterator<char>(in), {}};
  CHECK(stored.size() >= 20'000 * secret.size());
  CHECK(stored.find("patient") == stored.npos);
  CHECK(stored.find("diag") == stored.npos);
}

TEST_CASE("a spool file that was changed does not open", "[scratch]") {
  const test::TempDir folder;
  constexpr std::size_t kStored = Scratch::kChunk + 16;
  const auto spoil = GENERATE(0, 1, 2, 3);
  Scratch scratch({folder.path(), 0});
  REQUIRE(scratch.append(pattern(4 * Scratch::kChunk + 5)));
  REQUIRE(scratch.finish());
  const int fd = ::open(spool_path(folder.path()).c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(fd >= 0);
  std::string chunk(kStored, 0);
  REQUIRE(::pread(fd, chunk.data(), kStored, kStored) == static_cast<ssize_t>(kStored));
  if (spoil == 0) {  // a bit flipped
    chunk[100] = static_cast<char>(chunk[100] ^ 1);
    REQUIRE(::pwrite(fd, chunk.data(), kStored, kStored) > 0);
  } else if (spoil == 1) {  // a chunk in another's place
    REQUIRE(::pwrite(fd, chunk.data(), kStored, 2 * kStored) > 0);
  } else if (spoil == 2) {  // cut
    REQUIRE(::ftruncate(fd, 3 * kStored + 10) == 0);
  } else {  // the last one gone
    REQUIRE(::ftruncate(fd, 4 * kStored) == 0);
  }
  ::close(fd);
  const auto all = read_all(*scratch.open(), SIZE_MAX);
  REQUIRE_FALSE(all);
  CHECK(all.error().code == Errc::io);
}

TEST_CASE("several threads read one scratch at once", "[scratch]") {
  const test::TempDir folder;
  Scratch scratch({folder.path(), 0});
  const auto bytes = pattern(3'000'000);
  REQUIRE(scratch.append(bytes));
  REQUIRE(scratch.finish());
  std::vector<int> is_same(8, 0);
  std::vector<std::thread> threads;
  for (auto& same : is_same) {
    threads.emplace_back([&] {
      const auto all = read_all(*scratch.open(), SIZE_MAX);
      same = all && *all == bytes;
    });
  }
  for (auto& thread : threads)
    thread.join();
  CHECK(is_same == std::vector<int>(8, 1));
}

TEST_CASE("a scratch folder that is not there is an error, not a file elsewhere", "[scratch]") {
  Scratch scratch({"/nonexistent/folder", 0});
  const auto appended = scratch.append(pattern(200'000));
  REQUIRE_FALSE(appended);
  CHECK(appended.error().what.find("/nonexistent/folder") != std::string::npos);
}
