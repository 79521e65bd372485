#pragma once
// Sealing a large file in several attempts. A nonce must never meet two plaintexts, so an attempt
// may go on under the salt of the one before only if the file is the same: its device, inode, size
// and times are what they were when that salt was drawn (made durable before the first chunk was
// sealed, under a MAC of the message key's), and every byte that is on disk already comes out
// again. Anything else: a fresh salt, from chunk 0.

#include <string>

#include "base/result.h"
#include "envelope/draft.h"

namespace sm::envelope {

struct SealedFile {
  std::uint64_t size = 0;  ///< of plaintext
  crypto::ChunkedPrefix prefix{};
  std::uint64_t kept = 0;  ///< sealed bytes that were on disk already and stayed
};

/// Seals part n from the regular file `fd` into the file `target` (made where missing), beside
/// which
/// `<target>.resume` says what was begun. Durable on return. Errc::malformed: the file changed
/// while it was being sealed.
Result<SealedFile> seal_file_resumably(const MessageKey& mk, const EnvelopeId& id, std::size_t n,
                                       int fd, const std::string& name, const std::string& target);

/// The record's file name.
std::string resume_record(const std::string& target);

}  // namespace sm::envelope
