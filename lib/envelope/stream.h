#pragma once
// Where bytes come from and go to. Plaintext and ciphertext move between Sources and Sinks: files,
// pipes, memory. A Source that is positioned can be read at any offset by several threads at once
// (a regular file), the others only from front to end. A Sink takes its bytes in order.

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace sm::envelope {

class Source {
 public:
  virtual ~Source() = default;
  /// Fills `into` with what stands at `offset`; fewer bytes only at the end. A source that is not
  /// positioned is asked without gaps, from one thread at a time.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) = 0;
  [[nodiscard]] virtual bool is_positioned() const = 0;
  /// How many bytes there are, where that is known beforehand.
  [[nodiscard]] virtual std::optional<std::uint64_t> size() const = 0;
};

class Sink {
 public:
  virtual ~Sink() = default;
  /// Writes all of `bytes`, after those that were written before.
  virtual Result<void> write(Bytes bytes) = 0;
};

/// A descriptor, the caller's: a regular file from its current offset on, or a pipe. A file that
/// says it is empty counts as a pipe.
class FdSource final : public Source {
 public:
  FdSource(int fd, std::string name);
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override;
  [[nodiscard]] bool is_positioned() const override { return start_.has_value(); }
  [[nodiscard]] std::optional<std::uint64_t> size() const override { return size_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  int fd_;
  std::string name_;
  std::optional<std::uint64_t> start_;  ///< offset in the file where the source begins
  std::optional<std::uint64_t> size_;
};

/// Bytes of the caller, which outlive it.
class MemorySource final : public Source {
 public:
  explicit MemorySource(Bytes bytes) : bytes_(bytes) {}
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override;
  [[nodiscard]] bool is_positioned() const override { return true; }
  [[nodiscard]] std::optional<std::uint64_t> size() const override { return bytes_.size(); }

 private:
  Bytes bytes_;
};

/// `size` bytes of another source from `start` on; it, too, is used from front to end where the
/// other is not positioned.
class PartialSource final : public Source {
 public:
  PartialSource(Source& whole, std::uint64_t start, std::optional<std::uint64_t> size)
      : whole_(whole), start_(start), size_(size) {}
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override;
  [[nodiscard]] bool is_positioned() const override { return whole_.is_positioned(); }
  [[nodiscard]] std::optional<std::uint64_t> size() const override { return size_; }

 private:
  Source& whole_;
  std::uint64_t start_;
  std::optional<std::uint64_t> size_;
};

/// A descriptor, the caller's. Every failure to write is Errc::io.
class FdSink final : public Sink {
 public:
  FdSink(int fd, std::string name);
  Result<void> write(Bytes bytes) override;

 private:
  int fd_;
  std::string name_;
};

/// Takes everything and keeps nothing: for verifying.
class NullSink final : public Sink {
 public:
  Result<void> write(Bytes) override { return {}; }
};

/// Keeps what it gets in memory that is wiped: for the manifest, and parts known to be small. More
/// than `most` bytes are Errc::malformed.
class SecretSink final : public Sink {
 public:
  explicit SecretSink(std::size_t most) : most_(most) {}
  Result<void> write(Bytes bytes) override;
  [[nodiscard]] const Secret& bytes() const { return bytes_; }

 private:
  std::size_t most_;
  Secret bytes_;
};

}  // namespace sm::envelope
