#pragma once
// A conveyor belt: batches of bytes are loaded, worked on by all cores at once, and stored in the
// order in which they were loaded. A worker takes a ticket, loads its batch, works, waits for its
// turn and stores; memory is two buffers a worker, whatever passes.

#include <cstdint>
#include <functional>
#include <optional>

#include "base/result.h"
#include "base/secret.h"

namespace sm::envelope {

/// What one worker does with a batch; made once for each worker, used by it alone.
using Work = std::function<Result<Bytes>(std::uint64_t batch, Bytes loaded, bool is_last,
                                         std::span<std::uint8_t> out)>;

struct Conveyor {
  std::size_t in_size = 0;   ///< bytes of a full batch as loaded
  std::size_t out_size = 0;  ///< room for what the work makes of it
  /// How many batches there are; unset: until a load comes short, which is the last then.
  std::optional<std::uint64_t> batches;
  /// Whether batches can be loaded by several workers at once, in any order.
  bool loads_anywhere = false;
  std::function<Result<std::size_t>(std::uint64_t batch, std::span<std::uint8_t> in)> load;
  std::function<Work()> make_work;
  std::function<Result<void>(Bytes)> store;
};

/// Runs until all is stored or the first failure, in the order of batches: what stands before a
/// failed batch is stored, nothing after it.
Result<void> run(const Conveyor& conveyor);

}  // namespace sm::envelope
