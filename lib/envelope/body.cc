#include "envelope/body.h"

#include <algorithm>

#include "envelope/conveyor.h"

namespace sm::envelope {
namespace {

using crypto::ChunkCipher;
using crypto::ChunkedKeys;
using crypto::kChunkedPrefixSize;
using crypto::kChunkSize;
using crypto::kSealedChunkSize;
using crypto::kTagSize;

/// Fits the second-level cache beside its ciphertext, and makes a system call cheap.
constexpr std::size_t kChunksInBatch = 16;
constexpr std::size_t kBatch = kChunksInBatch * kChunkSize;
constexpr std::size_t kSealedBatch = kChunksInBatch * kSealedChunkSize;

Unexpected truncated() {
  return fail(Errc::malformed, "truncated envelope: a part ends before its end");
}
Unexpected damaged(std::uint64_t chunk) {
  return fail(Errc::malformed, "damaged envelope: chunk " + std::to_string(chunk) +
                                   " of a part is not what was sealed");
}
Unexpected too_long() {
  return fail(Errc::malformed, "a part is longer than 4 PiB");
}

/// What is known to be short is not worth looking for the faster cipher.
crypto::Amount amount_of(std::optional<std::uint64_t> size) {
  constexpr std::uint64_t kShort = 1 << 20;
  return size.value_or(kShort) < kShort ? crypto::Amount::small : crypto::Amount::bulk;
}

/// Seals a batch's chunks. Only the last batch is not full, and it ends in a short chunk, which may
/// be empty.
Bytes seal_batch(ChunkCipher& cipher, std::uint64_t batch, Bytes plaintext,
                 std::span<std::uint8_t> out) {
  const std::size_t chunks = std::min(plaintext.size() / kChunkSize + 1, kChunksInBatch);
  std::size_t done = 0;
  for (std::size_t i = 0; i < chunks; ++i) {
    const Bytes piece = plaintext.first(std::min(plaintext.size(), kChunkSize));
    cipher.seal(batch * kChunksInBatch + i, piece, out.subspan(done, piece.size() + kTagSize));
    done += piece.size() + kTagSize;
    plaintext = plaintext.subspan(piece.size());
  }
  return out.first(done);
}

/// Opens whole chunks, the first of which has the number `chunk`.
Result<Bytes> open_chunks(ChunkCipher& cipher, std::uint64_t chunk, Bytes sealed,
                          std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (!sealed.empty()) {
    const Bytes piece = sealed.first(std::min(sealed.size(), kSealedChunkSize));
    if (piece.size() < kTagSize) return truncated();
    const auto plaintext = out.subspan(done, piece.size() - kTagSize);
    if (!cipher.open(chunk, piece, plaintext)) return damaged(chunk);
    done += plaintext.size();
    sealed = sealed.subspan(piece.size());
    ++chunk;
  }
  return Bytes(out.first(done));
}

/// Hands on only what lies in a range of the plaintext that it is given from `position` on.
class Window {
 public:
  Window(Sink& sink, Range range, std::uint64_t position)
      : sink_(sink), range_(range), position_(position) {}

  Result<void> write(Bytes plaintext) {
    const std::uint64_t start = std::max(position_, range_.first);
    const std::uint64_t end = position_ + plaintext.size();
    const std::uint64_t stop =
        range_.size > end - std::min(end, range_.first) ? end : range_.first + range_.size;
    const std::uint64_t at = position_;
    position_ = end;
    if (start >= stop) return {};
    written_ += stop - start;
    return sink_.write(plaintext.subspan(start - at, stop - start));
  }
  [[nodiscard]] std::uint64_t written() const { return written_; }

 private:
  Sink& sink_;
  Range range_;
  std::uint64_t position_;
  std::uint64_t written_ = 0;
};

/// Which chunks of a body are to be opened.
struct Selection {
  std::uint64_t first_chunk = 0;
  std::optional<std::uint64_t> sealed_bytes;  ///< from the first chunk on; unset: to the end
};

/// The chunks in which `range` lies, of a sealed body of that size; an empty range takes one chunk.
Selection select(std::uint64_t sealed, const Range& range) {
  const std::uint64_t all = sealed - kChunkedPrefixSize;
  const std::uint64_t first = range.first / kChunkSize;
  const std::uint64_t last =
      (range.first + std::max<std::uint64_t>(range.size, 1) - 1) / kChunkSize;
  const std::uint64_t start = first * kSealedChunkSize;
  return {first, std::min(all, (last + 1) * kSealedChunkSize) - start};
}

Result<void> open_selection(const ChunkedKeys& keys, Source& in, const Selection& selection,
                            Window& out) {
  const std::uint64_t start = kChunkedPrefixSize + selection.first_chunk * kSealedChunkSize;
  Conveyor conveyor;
  conveyor.in_size = kSealedBatch;
  conveyor.out_size = kBatch;
  if (selection.sealed_bytes) {
    conveyor.batches = (*selection.sealed_bytes + kSealedBatch - 1) / kSealedBatch;
  }
  conveyor.loads_anywhere = in.is_positioned();
  conveyor.load = [&](std::uint64_t batch, std::span<std::uint8_t> into) -> Result<std::size_t> {
    const std::uint64_t at = batch * kSealedBatch;
    if (!selection.sealed_bytes) return in.read_at(start + at, into);
    into = into.first(std::min<std::uint64_t>(into.size(), *selection.sealed_bytes - at));
    const auto size = in.read_at(start + at, into);
    if (size && *size < into.size()) return truncated();
    return size;
  };
  conveyor.make_work = [&]() -> Work {
    const auto amount = amount_of(selection.sealed_bytes);
    return [cipher = std::make_shared<ChunkCipher>(keys, amount), &selection](
               std::uint64_t batch, Bytes sealed, bool is_last,
               std::span<std::uint8_t> into) -> Result<Bytes> {
      // A body of unknown size must end in a short chunk: a full or missing one was cut.
      const std::size_t rest = sealed.size() % kSealedChunkSize;
      if (!selection.sealed_bytes && is_last && rest < kTagSize) return truncated();
      return open_chunks(*cipher, selection.first_chunk + batch * kChunksInBatch, sealed, into);
    };
  };
  conveyor.store = [&](Bytes plaintext) { return out.write(plaintext); };
  return run(conveyor);
}

/// A source that knew its size must end there.
Result<void> check_end(Source& in) {
  std::uint8_t more = 0;
  if (!in.size()) return {};
  const auto got = in.read_at(*in.size(), {&more, 1});
  if (!got) return fail(got.error());
  if (*got == 0) return {};
  return fail(Errc::temporary, "the input grew while it was being sealed");
}

}  // namespace

Result<std::uint64_t> seal_body(const ChunkedKeys& keys, Source& in, Sink& out) {
  const auto size = in.size();
  if (size.value_or(0) > crypto::kMaxChunkedSize) return too_long();
  if (auto written = out.write(keys.prefix()); !written) return fail(std::move(written).error());

  std::uint64_t total = 0;
  Conveyor conveyor;
  conveyor.in_size = kBatch;
  conveyor.out_size = kSealedBatch;
  if (size) conveyor.batches = *size / kBatch + 1;
  conveyor.loads_anywhere = size && in.is_positioned();
  conveyor.load = [&](std::uint64_t batch, std::span<std::uint8_t> into) -> Result<std::size_t> {
    const std::uint64_t at = batch * kBatch;
    if (at > crypto::kMaxChunkedSize) return too_long();
    if (size) into = into.first(std::min<std::uint64_t>(into.size(), *size - at));
    const auto loaded = in.read_at(at, into);
    if (loaded && size && *loaded < into.size()) {
      return fail(Errc::temporary, "the input shrank while it was being sealed");
    }
    return loaded;
  };
  conveyor.make_work = [&]() -> Work {
    return [cipher = std::make_shared<ChunkCipher>(keys, amount_of(size))](
               std::uint64_t batch, Bytes plaintext, bool,
               std::span<std::uint8_t> into) -> Result<Bytes> {
      return seal_batch(*cipher, batch, plaintext, into);
    };
  };
  conveyor.store = [&](Bytes sealed) {
    total += sealed.size() - kTagSize * ((sealed.size() + kSealedChunkSize - 1) / kSealedChunkSize);
    return out.write(sealed);
  };
  if (auto done = run(conveyor); !done) return fail(std::move(done).error());
  if (auto ended = check_end(in); !ended) return fail(std::move(ended).error());
  return total;
}

Result<crypto::ChunkedPrefix> read_prefix(Source& in) {
  crypto::ChunkedPrefix prefix{};
  const auto size = in.read_at(0, prefix);
  if (!size) return fail(size.error());
  if (*size < prefix.size()) return truncated();
  return prefix;
}

Result<std::uint64_t> open_body(const ChunkedKeys& keys, Source& in, Sink& out,
                                std::optional<Range> range) {
  const auto sealed = in.size();
  const Range all{0, UINT64_MAX};
  Selection selection;
  if (sealed) {
    const auto size = crypto::plaintext_size(*sealed);
    if (!size) return truncated();
    selection.sealed_bytes = *sealed - kChunkedPrefixSize;
    if (range && (range->first > *size || range->size > *size - range->first)) {
      return fail(Errc::usage, "the range ends beyond the part");
    }
    if (range && in.is_positioned()) selection = select(*sealed, *range);
  }
  Window window(out, range.value_or(all), selection.first_chunk * kChunkSize);
  if (auto done = open_selection(keys, in, selection, window); !done) {
    return fail(std::move(done).error());
  }
  return window.written();
}

BodyReader::BodyReader(const ChunkedKeys& keys, Source& in, std::uint64_t size)
    : cipher_(keys), in_(in), size_(size) {}

Result<std::size_t> BodyReader::read(std::uint64_t offset, std::span<std::uint8_t> into) {
  std::size_t done = 0;
  while (done < into.size() && offset + done < size_) {
    const std::uint64_t at = offset + done;
    if (auto loaded = load(at / kChunkSize); !loaded) return fail(std::move(loaded).error());
    const Bytes rest = plaintext_.reveal().subspan(at % kChunkSize);
    const std::size_t n = std::min(rest.size(), into.size() - done);
    std::copy_n(rest.begin(), n, into.begin() + static_cast<std::ptrdiff_t>(done));
    done += n;
  }
  return done;
}

Result<void> BodyReader::load(std::uint64_t chunk) {
  if (loaded_ == chunk) return {};
  const std::uint64_t size = std::min<std::uint64_t>(kChunkSize, size_ - chunk * kChunkSize);
  std::array<std::uint8_t, kSealedChunkSize> sealed;
  const auto wanted = std::span(sealed).first(size + kTagSize);
  const auto got = in_.read_at(kChunkedPrefixSize + chunk * kSealedChunkSize, wanted);
  if (!got) return fail(got.error());
  if (*got < wanted.size()) return truncated();
  loaded_.reset();
  plaintext_.resize(size);
  if (!cipher_.open(chunk, wanted, plaintext_.writable())) return damaged(chunk);
  loaded_ = chunk;
  return {};
}

}  // namespace sm::envelope
