#include "audit/blocks.h"

#include <algorithm>
#include <cstring>

#include "audit/layout.h"
#include "audit/scan.h"

namespace sm::audit {
namespace {
constexpr std::size_t kBlock = std::size_t{512} * 1024;
}

BlockSource BlockSource::of_segments(const std::string& folder, std::vector<std::uint64_t> numbers,
                                     std::uint64_t last_size) {
  BlockSource source;
  source.last_size_ = last_size;
  source.folder_ = folder;
  source.numbers_ = std::move(numbers);
  std::reverse(source.numbers_.begin(), source.numbers_.end());
  return source;
}

BlockSource BlockSource::of_stream(UniqueFd fd, std::string name) {
  BlockSource source;
  source.fd_ = std::move(fd);
  source.name_ = std::move(name);
  return source;
}

Result<bool> BlockSource::open_next() {
  if (numbers_.empty()) return false;
  const std::uint64_t number = numbers_.back();
  numbers_.pop_back();
  name_ = Layout{folder_}.segment(number);
  auto fd = open_regular(name_);
  if (!fd) return fail(std::move(fd).error());
  fd_ = std::move(*fd);
  left_ = numbers_.empty() ? last_size_ : std::uint64_t(-1);
  begins_segment_ = number;
  return true;
}

Result<std::size_t> BlockSource::read_into(Block& block) {
  if (block.bytes.size() < kBlock + kPadding) block.bytes.resize(kBlock + kPadding);
  std::copy(carry_.begin(), carry_.end(), block.bytes.begin());
  const std::size_t had = carry_.size();
  auto* const into = reinterpret_cast<std::uint8_t*>(block.bytes.data()) + had;
  const auto n = read_full(fd_.get(), into, std::min<std::uint64_t>(kBlock - had, left_), name_);
  if (!n) return n;
  left_ -= *n;
  carry_.clear();
  return had + *n;
}

Result<bool> BlockSource::next(Block& block) {
  block.size = 0;
  block.has_overlong_line = block.ends_segment = false;
  block.torn_bytes = 0;
  block.begins_segment.reset();
  if (!fd_) {
    const auto opened = open_next();
    if (!opened || !*opened) return opened;
  }
  block.number = next_number_++;
  block.begins_segment = std::exchange(begins_segment_, std::nullopt);
  for (;;) {
    const auto read = read_into(block);
    if (!read) return fail(read.error());
    const bool is_end = *read < kBlock;
    const auto* const lf =
        static_cast<const char*>(*read == 0 ? nullptr : ::memrchr(block.bytes.data(), '\n', *read));
    const std::size_t whole =
        lf == nullptr ? 0 : static_cast<std::size_t>(lf - block.bytes.data()) + 1;
    if (is_end) {
      block.size = whole;
      block.torn_bytes = *read - whole;
      block.ends_segment = true;
      fd_.reset();
      return true;
    }
    if (lf != nullptr) {
      block.size = whole;
      carry_.assign(block.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                    block.bytes.begin() + static_cast<std::ptrdiff_t>(*read));
      return true;
    }
    block.has_overlong_line = true;  // goes on until its LF comes, or the file's end
  }
}

}  // namespace sm::audit
