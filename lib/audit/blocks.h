#pragma once
// A log's bytes in blocks of whole lines, for several threads to work on: from the segments of a
// folder, one file, or a pipe.

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace sm::audit {

struct Block {
  std::uint64_t number = 0;  ///< blocks are counted from 0, in order
  std::vector<char> bytes;   ///< whole lines with their LF, then padding
  std::size_t size = 0;      ///< without the padding
  /// A line that is longer than any record stands here; its bytes are left out.
  bool has_overlong_line = false;
  /// Set in the first block of a segment.
  std::optional<std::uint64_t> begins_segment;
  /// Set in the last block of a segment or file: bytes after the last LF.
  std::uint64_t torn_bytes = 0;
  bool ends_segment = false;
};

class BlockSource {
 public:
  /// Segment files in the order given, each named by its number; of the last one only the first
  /// `last_size` bytes.
  static BlockSource of_segments(const std::string& folder, std::vector<std::uint64_t> numbers,
                                 std::uint64_t last_size);
  /// One file or pipe, already open.
  static BlockSource of_stream(UniqueFd fd, std::string name);

  /// The next block, into a buffer that was used before; false at the end. For one thread at a
  /// time.
  Result<bool> next(Block& block);

 private:
  BlockSource() = default;
  Result<bool> open_next();
  Result<std::size_t> read_into(Block& block);

  std::string folder_;
  std::vector<std::uint64_t> numbers_;  ///< those that are still to be opened, last first
  std::uint64_t last_size_ = 0;
  UniqueFd fd_;
  std::uint64_t left_ = std::uint64_t(-1);  ///< bytes that may still be read from fd_
  std::string name_;
  std::vector<char> carry_;  ///< the beginning of a line whose end was not read yet
  std::optional<std::uint64_t> begins_segment_;
  std::uint64_t next_number_ = 0;
};

}  // namespace sm::audit
