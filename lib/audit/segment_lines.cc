#include "audit/segment_lines.h"

#include <algorithm>
#include <cstring>

#include <sys/stat.h>

#include "audit/layout.h"
#include "audit/scan.h"

namespace sm::audit {
namespace {
constexpr std::size_t kLineBlock = std::size_t{256} * 1024;
}

Result<LastLine> last_line(int fd, std::uint64_t size, const std::string& path) {
  LastLine last;
  std::string buffer;
  for (std::uint64_t want = 4096;; want *= 4) {
    const std::uint64_t length = std::min(want, size);
    const std::uint64_t base = size - length;
    buffer.resize(length);
    const auto n =
        pread_full(fd, reinterpret_cast<std::uint8_t*>(buffer.data()), length, base, path);
    if (!n) return fail(n.error());
    buffer.resize(*n);
    const auto end = buffer.rfind('\n');
    if (end == buffer.npos) {
      if (base == 0) return last;
      continue;
    }
    const auto before = end == 0 ? buffer.npos : buffer.rfind('\n', end - 1);
    if (before == buffer.npos && base > 0) continue;
    const std::size_t begin = before == buffer.npos ? 0 : before + 1;
    last = {buffer.substr(begin, end - begin), base + begin, base + end + 1};
    return last;
  }
}

SegmentLines::SegmentLines(UniqueFd fd, std::string path, std::uint64_t offset,
                           std::uint64_t file_end)
    : fd_(std::move(fd)),
      path_(std::move(path)),
      buffer_(kLineBlock + kPadding),
      offset_(offset),
      file_end_(file_end) {}

Result<SegmentLines> SegmentLines::open(const std::string& path, std::uint64_t offset,
                                        std::uint64_t end) {
  auto fd = open_regular(path);
  if (!fd) return fail(std::move(fd).error());
  return SegmentLines(std::move(*fd), path, offset, end);
}

bool SegmentLines::was_replaced() const {
  struct stat opened {
  }, named{};
  return ::fstat(fd_.get(), &opened) == 0 && ::stat(path_.c_str(), &named) == 0 &&
         (opened.st_ino != named.st_ino || opened.st_dev != named.st_dev);
}

Result<bool> SegmentLines::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ > kMostBytes) return fail(Errc::malformed, path_ + " holds a line without end");
  if (end_ + kPadding == buffer_.size()) buffer_.resize(buffer_.size() * 2);
  auto* const into = reinterpret_cast<std::uint8_t*>(buffer_.data()) + end_;
  const std::uint64_t left = file_end_ - std::min(file_end_, offset_ + end_);
  const auto n = pread_full(fd_.get(), into, std::min(buffer_.size() - kPadding - end_, left),
                            offset_ + end_, path_);
  if (!n) return fail(n.error());
  end_ += *n;
  return *n > 0;
}

Result<std::optional<std::string_view>> SegmentLines::next() {
  std::size_t searched = begin_;
  for (;;) {
    const char* const from = buffer_.data() + searched;
    const auto* const lf = static_cast<const char*>(std::memchr(from, '\n', end_ - searched));
    if (lf != nullptr) {
      const std::string_view line(buffer_.data() + begin_,
                                  static_cast<std::size_t>(lf - buffer_.data()) - begin_);
      begin_ += line.size() + 1;
      offset_ += line.size() + 1;
      return std::optional(line);
    }
    searched = end_ - begin_;  // fill() moves what is there to the front
    const auto is_more = fill();
    if (!is_more) return fail(is_more.error());
    if (!*is_more) return std::optional<std::string_view>();
  }
}

}  // namespace sm::audit
