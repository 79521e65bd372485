#pragma once
// What a receipt needs of a log of millions of records without reading it: for each full segment,
// which never changes any more, the roots of its 256 subtrees of 256 leaves, where their lines
// begin, and which records are about which message. A cache (.cache/<segment>.index): built where
// it is missing, and nothing is believed that comes out of it until a signed root agrees.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audit/layout.h"
#include "audit/record.h"
#include "audit/tree.h"
#include "base/result.h"

namespace sm::audit {

/// A record's place and its line.
struct Found {
  std::uint64_t seq = 0;
  std::string line;
};

struct SegmentIndex;

class LogIndex {
 public:
  explicit LogIndex(Layout layout);
  LogIndex(const LogIndex&) = delete;
  LogIndex& operator=(const LogIndex&) = delete;
  ~LogIndex();

  /// Reads the first `size` records' index, building what is missing on `threads` cores.
  Result<void> load(std::uint64_t size, unsigned threads = 0);
  /// Throws the cache away and builds it anew.
  Result<void> rebuild();

  /// The records of a message, in order; those behind `size`, too.
  Result<std::vector<Found>> find(const MessageId& message);
  /// The root over the leaves [begin, end), end ≤ size.
  Result<Hash> range_root(std::uint64_t begin, std::uint64_t end);

 private:
  Result<const std::vector<Hash>*> leaves_of_chunk(std::uint64_t chunk);
  Result<Hash> perfect_root(std::uint64_t begin, std::uint64_t count);
  Result<void> load_full(unsigned threads);
  Result<void> load_partial();

  Layout layout_;
  std::uint64_t size_ = 0;
  std::vector<SegmentIndex> full_;
  std::map<std::uint64_t, std::vector<Hash>> chunks_;  ///< leaves of chunks of 256
  std::vector<Hash> partial_;                          ///< leaves of the last, short segment
};

/// Builds the index of a segment that is full, where it is missing: after a rotation, by whoever
/// has the time. Failing does no harm.
void index_segment(const Layout& layout, std::uint64_t number);

}  // namespace sm::audit
