#pragma once
// Bytes that are pulled in blocks, so that no one holds a whole message in memory.
//
// A Source is read once, front to back, by one thread. What can be read again gives a new Source
// each time it is opened (Scratch::open, PreparedMessage::open); several may be read at once.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace sm::message {

class Source {
 public:
  virtual ~Source() = default;
  /// The next block, never larger than 64 KiB; empty at the end, and after the end. The bytes stay
  /// valid until the next call. After an error the Source is of no further use.
  virtual Result<Bytes> next() = 0;
};

/// Reads a descriptor, which stays the caller's: a pipe, a terminal or a file.
std::unique_ptr<Source> read_descriptor(int fd, std::string name);

/// Reads bytes in memory, which must outlive the Source, in blocks of at most `block`.
std::unique_ptr<Source> read_memory(std::string_view bytes, std::size_t block = 65536);

/// Everything that is left, at most `most` bytes (more: Errc::malformed).
Result<std::string> read_all(Source& source, std::size_t most);

}  // namespace sm::message
