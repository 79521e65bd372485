#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>

#include "portal/zip.h"
#include "support/temp_dir.h"

using namespace sm;
using namespace sm::portal;

namespace {

Result<std::string> whole(const std::vector<std::string>& contents,
                          const std::vector<std::string>& names, std::size_t block) {
  std::vector<ZipWriter::Entry> entries;
  for (std::size_t i = 0; i < contents.size(); ++i)
    entries.push_back({names[i], contents[i].size()});
  ZipWriter zip(entries, std::chrono::sys_days(std::chrono::year{2026} / 11 / 28),
                [&](std::size_t n, std::uint64_t offset,
                    std::span<std::uint8_t> into) -> Result<std::size_t> {
                  const auto given = std::min(into.size(), contents[n].size() - offset);
                  std::memcpy(into.data(), contents[n].data() + offset, given);
                  return given;
                });
  std::string out;
  std::vector<std::uint8_t> buffer(block);
  for (;;) {
    auto got = zip.next(buffer);
    if (!got) return fail(got.error());
    if (*got == 0) break;
    out.append(reinterpret_cast<const char*>(buffer.data()), *got);
  }
  CHECK(out.size() == zip.size());
  return out;
}

}  // namespace

TEST_CASE("an archive is as long as it said, and python3 opens it", "[portal]") {
  const std::vector<std::string> contents = {"", std::string(100'000, 'x'), "\0\1\2", "last"};
  const std::vector<std::string> names = {"empty.txt", "long.bin", "sc\u00e4n.pdf", "a b.txt"};
  const test::TempDir dir;
  for (const std::size_t block : {1UL, 1000UL, 65536UL}) {
    auto zip = whole(contents, names, block);
    REQUIRE(zip);
    std::ofstream(dir / "a.zip", std::ios::binary) << *zip;
    const std::string command =
        "python3 -c 'import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is "
        "None;"
        "assert z.namelist()==[\"empty.txt\",\"long.bin\",\"sc\\u00e4n.pdf\",\"a b.txt\"];"
        "assert z.read(\"long.bin\")==b\"x\"*100000' " +
        (dir / "a.zip");
    CHECK(std::system(command.c_str()) == 0);  // NOLINT: a fixed command
  }
}

TEST_CASE("an entry that is shorter than it said breaks the archive", "[portal]") {
  ZipWriter zip({{"a", 10}}, {}, [](std::size_t, std::uint64_t offset, std::span<std::uint8_t>) {
    return Result<std::size_t>(offset == 0 ? std::size_t{4} : std::size_t{0});
  });
  std::vector<std::uint8_t> buffer(1000);
  CHECK_FALSE(zip.next(buffer));
}
