#pragma once
// Bodies: sealing and opening one part with Cobblestone-256 (crypto/chunked.h), as fast as the
// machine goes and in constant memory. Batches of chunks go through as many threads as there are
// cores; what comes out in order comes out in order. A plaintext byte leaves only after its chunk
// was verified.

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "crypto/chunked.h"
#include "envelope/stream.h"

namespace sm::envelope {

/// Seals `in` to its end: salt ‖ commitment, then the chunks. Returns the bytes of plaintext. The
/// keys must never seal anything else. Errc::malformed: `in` said that it has a size and ended
/// before; or it is beyond 4 PiB.
Result<std::uint64_t> seal_body(const crypto::ChunkedKeys& keys, Source& in, Sink& out);

/// A part of a body's plaintext: `size` bytes from `first` on.
struct Range {
  std::uint64_t first = 0;
  std::uint64_t size = 0;
};

/// salt ‖ commitment at the start of a sealed body. Errc::malformed where it ends before.
Result<crypto::ChunkedPrefix> read_prefix(Source& in);

/// Opens a body whose prefix was read and matched: `in` is the whole sealed body and, where it is
/// not positioned, stands after the prefix. Where its size is known nothing but the chunks in
/// `range` is opened; where it is not, it is read to its end.
/// Returns the bytes of plaintext written. Errc::malformed: damaged, truncated, or longer than it
/// may be; what came out before is verified, and is not all.
Result<std::uint64_t> open_body(const crypto::ChunkedKeys& keys, Source& in, Sink& out,
                                std::optional<Range> range = std::nullopt);

/// Random access, for one thread: opens the chunk in which a byte lies and keeps it for the next
/// read.
class BodyReader {
 public:
  /// `in` is the whole sealed body, positioned, and outlives the reader. `size` is its plaintext's.
  BodyReader(const crypto::ChunkedKeys& keys, Source& in, std::uint64_t size);
  /// Fills `into` from `offset` on; fewer bytes only at the end. Errc::malformed: damaged.
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into);
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  Result<void> load(std::uint64_t chunk);
  crypto::ChunkCipher cipher_;
  Source& in_;
  std::uint64_t size_;
  std::optional<std::uint64_t> loaded_;
  Secret plaintext_;
};

}  // namespace sm::envelope
