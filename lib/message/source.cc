#include "message/source.h"

#include <algorithm>
#include <vector>

#include "base/file.h"

namespace sm::message {
namespace {

constexpr std::size_t kBlock = 65536;

class DescriptorSource final : public Source {
 public:
  DescriptorSource(int fd, std::string name) : fd_(fd), name_(std::move(name)), block_(kBlock) {}
  ~DescriptorSource() override { wipe(block_.data(), block_.size()); }

  Result<Bytes> next() override {
    if (has_ended_) return Bytes();
    const auto size = read_some(fd_, block_.data(), block_.size(), name_);
    if (!size) return fail(size.error());
    has_ended_ = *size == 0;
    return Bytes(block_.data(), *size);
  }

 private:
  int fd_;
  std::string name_;
  std::vector<std::uint8_t> block_;
  bool has_ended_ = false;
};

class MemorySource final : public Source {
 public:
  MemorySource(std::string_view bytes, std::size_t block)
      : rest_(bytes), block_(std::clamp<std::size_t>(block, 1, kBlock)) {}

  Result<Bytes> next() override {
    const auto piece = rest_.substr(0, block_);
    rest_.remove_prefix(piece.size());
    return as_bytes(piece);
  }

 private:
  std::string_view rest_;
  std::size_t block_;
};

}  // namespace

std::unique_ptr<Source> read_descriptor(int fd, std::string name) {
  return std::make_unique<DescriptorSource>(fd, std::move(name));
}

std::unique_ptr<Source> read_memory(std::string_view bytes, std::size_t block) {
  return std::make_unique<MemorySource>(bytes, block);
}

Result<std::string> read_all(Source& source, std::size_t most) {
  std::string all;
  for (;;) {
    const auto block = source.next();
    if (!block) return fail(block.error());
    if (block->empty()) return all;
    if (block->size() > most - all.size()) {
      return fail(Errc::malformed, "more than " + std::to_string(most) + " bytes");
    }
    all += as_text(*block);
  }
}

}  // namespace sm::message
