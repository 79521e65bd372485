#include "audit/extent.h"

#include <cerrno>

#include <sys/stat.h>

#include "audit/log_lock.h"

namespace sm::audit {
namespace {

Result<std::uint64_t> size_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return static_cast<std::uint64_t>(status.st_size);
  return errno == ENOENT ? Result<std::uint64_t>(0) : fail_errno("looking at " + path, errno);
}

Result<std::map<std::uint64_t, std::uint64_t>> inodes_of(const Layout& layout) {
  std::map<std::uint64_t, std::uint64_t> inodes;
  const auto is_there = exists(layout.disclosures_folder());
  if (!is_there) return fail(is_there.error());
  if (!*is_there) return inodes;
  const auto numbers = segments_in(layout.disclosures_folder());
  if (!numbers) return fail(numbers.error());
  for (const std::uint64_t number : *numbers) {
    struct stat status {};
    if (::stat(layout.disclosures(number).c_str(), &status) == 0) inodes[number] = status.st_ino;
  }
  return inodes;
}

}  // namespace

Result<Extent> Extent::look(const Layout& layout) {
  const ReaderLock lock(layout.lock());
  auto segments = segments_in(layout.folder);
  if (!segments) return fail(std::move(segments).error());
  auto inodes = inodes_of(layout);
  if (!inodes) return fail(std::move(inodes).error());
  Extent extent{std::move(*segments), 0, 0, std::move(*inodes)};
  if (extent.segments.empty()) return extent;
  const auto records = size_of(layout.segment(extent.segments.back()));
  if (!records) return fail(records.error());
  const auto disclosures = size_of(layout.disclosures(extent.segments.back()));
  if (!disclosures) return fail(disclosures.error());
  extent.last_records = *records;
  extent.last_disclosures = *disclosures;
  return extent;
}

bool Extent::was_rewritten(const Layout& layout) const {
  const auto now = inodes_of(layout);
  if (!now) return true;
  for (const auto& [number, inode] : disclosures) {
    const auto found = now->find(number);
    if (found == now->end() || found->second != inode) return true;
  }
  return false;
}

}  // namespace sm::audit
