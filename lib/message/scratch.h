#pragma once
// Scratch space for the bytes of a message: no plaintext ever reaches a disk.
//
// Up to a limit the bytes stay in memory. What is more goes to a file that has no name (O_TMPFILE,
// or unlinked at once), in chunks of 64 KiB under AES-256-GCM with a key that is drawn at random
// and lives in this object only; the chunk's number is the nonce, and no chunk is written twice.
// When the object dies, so do key and file. A chunk that was changed, moved or cut on the disk
// fails to open.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "message/source.h"

namespace sm::message {

/// Where and when a Scratch goes to disk.
struct ScratchSpace {
  std::string folder = "/tmp";       ///< must exist
  std::size_t memory = 1024 * 1024;  ///< bytes held in memory before the file is made
};

/// Append, finish, then read as often and by as many threads as needed.
class Scratch {
 public:
  static constexpr std::size_t kChunk = 65536;

  explicit Scratch(ScratchSpace space = {});
  Scratch(Scratch&&) noexcept;
  Scratch& operator=(Scratch&&) noexcept;
  ~Scratch();

  /// Errc::temporary where the disk is full, Errc::io for other failures of the file.
  Result<void> append(Bytes bytes);
  Result<void> append(std::string_view text) { return append(as_bytes(text)); }
  /// Nothing is appended after this.
  Result<void> finish();

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] bool is_on_disk() const { return static_cast<bool>(file_); }

  /// Reads [begin, end), after finish(); `end` beyond size() means size(). The Source must not
  /// outlive the Scratch. Safe from several threads.
  [[nodiscard]] std::unique_ptr<Source> open(std::uint64_t begin = 0,
                                             std::uint64_t end = UINT64_MAX) const;

 private:
  friend class ScratchSource;
  Result<void> flush_chunk();
  Result<void> move_to_disk();
  Result<void> write_chunk(std::uint64_t number, Bytes plaintext);

  ScratchSpace space_;
  std::uint64_t size_ = 0;
  std::vector<Secret> chunks_;  ///< whole chunks, while in memory
  Secret tail_;                 ///< what does not fill a chunk yet; the last chunk once finished
  std::unique_ptr<crypto::AeadKey> key_;
  std::unique_ptr<crypto::Aes256Gcm> cipher_;
  UniqueFd file_;
};

}  // namespace sm::message
