#include "message/scratch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/random.h"

namespace sm::message {
namespace {

constexpr std::size_t kStored = Scratch::kChunk + crypto::kTagSize;
constexpr std::string_view kName = "the spool file";

/// The chunk's number as a nonce: under a key of its own, no number comes twice.
std::array<std::uint8_t, crypto::kGcmNonceSize> nonce_of(std::uint64_t number) {
  std::array<std::uint8_t, crypto::kGcmNonceSize> nonce{};
  for (std::size_t i = 0; i < 8; ++i)
    nonce[nonce.size() - 1 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return nonce;
}

/// For file systems without O_TMPFILE: a name for a moment, before anything is written.
Result<UniqueFd> open_and_unlink(const std::string& folder) {
  std::string pattern = folder + "/.smtools-XXXXXX";
  UniqueFd file(::mkostemp(pattern.data(), O_CLOEXEC));
  if (!file) return fail_errno("making a spool file in " + folder, errno);
  if (::unlink(pattern.c_str()) != 0) return fail_errno("unlinking " + pattern, errno);
  return file;
}

Result<UniqueFd> open_nameless(const std::string& folder) {
  UniqueFd file(::open(folder.c_str(), O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) return open_and_unlink(folder);
  return fail_errno("making a spool file in " + folder, errno);
}

}  // namespace

/// Reads chunk after chunk; each thread has its own, with its own cipher.
class ScratchSource final : public Source {
 public:
  ScratchSource(const Scratch& scratch, std::uint64_t begin, std::uint64_t end)
      : scratch_(scratch), at_(begin), end_(end) {
    if (!scratch.file_) return;
    cipher_ = std::make_unique<crypto::Aes256Gcm>(*scratch.key_);
    buffer_.resize(kStored);
  }

  Result<Bytes> next() override {
    if (at_ >= end_) return Bytes();
    const std::uint64_t number = at_ / Scratch::kChunk;
    const auto chunk = scratch_.file_ ? read_chunk(number) : Result<Bytes>(chunk_in_memory(number));
    if (!chunk) return fail(chunk.error());
    const std::uint64_t chunk_begin = number * Scratch::kChunk;
    const std::size_t from = at_ - chunk_begin;
    const std::size_t to = std::min<std::uint64_t>(end_ - chunk_begin, chunk->size());
    at_ = chunk_begin + to;
    return chunk->subspan(from, to - from);
  }

 private:
  [[nodiscard]] Bytes chunk_in_memory(std::uint64_t number) const {
    const auto& chunks = scratch_.chunks_;
    return number < chunks.size() ? chunks[number].reveal() : scratch_.tail_.reveal();
  }

  Result<Bytes> read_chunk(std::uint64_t number) {
    const std::size_t plain =
        std::min<std::uint64_t>(Scratch::kChunk, scratch_.size_ - number * Scratch::kChunk);
    const std::span<std::uint8_t> stored = buffer_.writable().first(plain + crypto::kTagSize);
    const auto read =
        pread_full(scratch_.file_.get(), stored.data(), stored.size(), number * kStored, kName);
    if (!read) return fail(read.error());
    if (*read != stored.size() ||
        !cipher_->open(nonce_of(number), {}, stored, stored.first(plain))) {
      return fail(Errc::io, "the spool file was changed while it was in use");
    }
    return Bytes(stored.first(plain));
  }

  const Scratch& scratch_;
  std::uint64_t at_;
  std::uint64_t end_;
  std::unique_ptr<crypto::Aes256Gcm> cipher_;
  Secret buffer_;
};

Scratch::Scratch(ScratchSpace space) : space_(std::move(space)) {}
Scratch::Scratch(Scratch&&) noexcept = default;
Scratch& Scratch::operator=(Scratch&&) noexcept = default;
Scratch::~Scratch() = default;

Result<void> Scratch::append(Bytes bytes) {
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kChunk - tail_.size()));
    tail_.append(piece);
    size_ += piece.size();
    bytes = bytes.subspan(piece.size());
    if (tail_.size() < kChunk) continue;
    if (auto flushed = flush_chunk(); !flushed) return flushed;
  }
  return {};
}

Result<void> Scratch::finish() {
  if (!file_ || tail_.empty()) return {};
  auto written = write_chunk(size_ / kChunk, tail_.reveal());
  tail_ = Secret();
  return written;
}

Result<void> Scratch::flush_chunk() {
  if (!file_ && size_ > space_.memory) {
    if (auto moved = move_to_disk(); !moved) return moved;
  }
  if (!file_) {
    chunks_.push_back(std::move(tail_));
    tail_ = Secret();
    return {};
  }
  auto written = write_chunk(size_ / kChunk - 1, tail_.reveal());
  tail_.resize(0);
  return written;
}

Result<void> Scratch::move_to_disk() {
  auto file = open_nameless(space_.folder);
  if (!file) return fail(std::move(file).error());
  file_ = *std::move(file);
  key_ = std::make_unique<crypto::AeadKey>(crypto::random_key<32>());
  cipher_ = std::make_unique<crypto::Aes256Gcm>(*key_);
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    if (auto written = write_chunk(i, chunks_[i].reveal()); !written) return written;
  }
  chunks_.clear();
  return {};
}

Result<void> Scratch::write_chunk(std::uint64_t number, Bytes plaintext) {
  std::vector<std::uint8_t> stored(plaintext.size() + crypto::kTagSize);
  cipher_->seal(nonce_of(number), {}, plaintext, stored);
  return pwrite_all(file_.get(), stored, number * kStored, kName);
}

std::unique_ptr<Source> Scratch::open(std::uint64_t begin, std::uint64_t end) const {
  return std::make_unique<ScratchSource>(*this, begin, std::min(end, size_));
}

}  // namespace sm::message
