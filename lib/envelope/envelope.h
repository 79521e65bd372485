#pragma once
// An envelope that is there, and opening it: a `.sme` file, a pipe that carries one, or a folder of
// the store, whose files one after the other are the same bytes.
//
// Opening goes in a fixed order, and each failure has words of its own: the header's syntax and
// caps; a stanza opens (else Errc::denied: wrong key); part 0 is the one that the header names; the
// manifest's syntax; a part's salt and commitment are the manifest's; every chunk (all of these
// Errc::malformed: damaged or truncated).

#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "envelope/body.h"
#include "envelope/draft.h"
#include "envelope/header.h"
#include "envelope/manifest.h"
#include "envelope/wrap.h"

namespace sm::envelope {

/// One part of an unlocked envelope, its salt and commitment already compared.
class OpenPart {
 public:
  /// Plaintext into `out`; every chunk is verified before it goes there.
  Result<std::uint64_t> copy_to(Sink& out, std::optional<Range> range = std::nullopt);
  /// Random access, where the envelope is no pipe: fills `into` from `offset` on, fewer bytes only
  /// at the end. For one thread.
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into);
  /// Bytes of plaintext; unset only for the last part of a pipe.
  [[nodiscard]] std::optional<std::uint64_t> size() const { return size_; }

 private:
  friend class Envelope;
  OpenPart(std::shared_ptr<Source> whole, std::unique_ptr<Source> body, crypto::ChunkedKeys keys,
           std::optional<std::uint64_t> size);
  std::shared_ptr<Source> whole_;  ///< what `body_` reads from
  std::unique_ptr<Source> body_;
  crypto::ChunkedKeys keys_;
  std::optional<std::uint64_t> size_;
  std::unique_ptr<BodyReader> reader_;
};

class Envelope {
 public:
  /// A `.sme` file or a folder of the store. Errc::no_input where there is none.
  static Result<Envelope> open(const std::string& path);
  /// From a descriptor, the caller's: a pipe, or a regular file from where it stands.
  static Result<Envelope> read(int fd, const std::string& name);

  [[nodiscard]] const Header& header() const { return header_; }

  /// Finds the message key and opens the manifest.
  Result<void> unlock(const OpeningKeys& keys);
  /// With a message key that was kept from before.
  Result<void> unlock(MessageKey mk);

  // After unlock().
  [[nodiscard]] const MessageKey& message_key() const { return *mk_; }
  [[nodiscard]] const Manifest& manifest() const { return manifest_; }
  /// Part n, from 1 on. Of a pipe the parts can be had in ascending order only, each read to its
  /// end before the next.
  Result<OpenPart> part(std::size_t n);
  /// Nothing stands after the last part. A pipe is read to its end.
  Result<void> check_end();
  [[nodiscard]] bool is_pipe() const { return whole_ && !whole_->is_positioned(); }

 private:
  Envelope(Header header, std::shared_ptr<Source> whole, std::uint64_t header_size,
           std::string folder)
      : header_(std::move(header)),
        whole_(std::move(whole)),
        header_size_(header_size),
        folder_(std::move(folder)) {}
  static Result<Envelope> open_folder(const std::string& path);
  static Result<Envelope> from_source(std::shared_ptr<Source> whole);

  struct Body {
    std::shared_ptr<Source> whole;
    std::unique_ptr<Source> source;
  };
  Result<Body> body(std::size_t n, std::optional<std::uint64_t> sealed_size);
  Result<void> skip_to(std::uint64_t offset);
  [[nodiscard]] std::uint64_t offset_of(std::size_t n) const;
  Result<void> check_length();

  Header header_;
  std::shared_ptr<Source> whole_;  ///< null for a folder
  std::uint64_t header_size_;
  std::string folder_;
  std::uint64_t position_ = 0;  ///< of a pipe: up to where it is promised to be read
  std::optional<MessageKey> mk_;
  Manifest manifest_;
};

}  // namespace sm::envelope
