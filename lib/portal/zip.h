#pragma once
// A ZIP archive (APPNOTE 6.3.10) made while it is sent: entries stored as they are, their check
// sums after them, names in UTF-8, ZIP64 where sizes or offsets ask for it. How long it will be is
// known before, so that a browser shows how far it has come and notices when something is missing.

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace sm::portal {

class ZipWriter {
 public:
  struct Entry {
    std::string name;
    std::uint64_t size;
  };
  /// Fills `into` with what entry `n` has at `offset`; fewer bytes only at its end.
  using Read = std::function<Result<std::size_t>(std::size_t n, std::uint64_t offset,
                                                 std::span<std::uint8_t> into)>;

  ZipWriter(std::vector<Entry> entries, std::chrono::sys_seconds time, Read read);

  /// Of the whole archive.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// The next bytes; 0 at the end. Errc::malformed: an entry is shorter than was said.
  Result<std::size_t> next(std::span<std::uint8_t> into);

 private:
  struct Written {
    std::uint64_t offset = 0;
    std::uint32_t crc = 0;
  };
  [[nodiscard]] std::string local_header(std::size_t n) const;
  [[nodiscard]] std::string descriptor(std::size_t n) const;
  [[nodiscard]] std::string central_header(std::size_t n) const;
  [[nodiscard]] std::string ending() const;
  void advance();
  std::vector<Entry> entries_;
  std::vector<Written> written_;
  std::uint16_t dos_time_;
  std::uint16_t dos_date_;
  Read read_;
  std::uint64_t size_ = 0;
  std::uint64_t central_offset_ = 0;
  std::uint64_t central_size_ = 0;
  std::size_t entry_ = 0;       ///< the one that is being written
  std::uint64_t position_ = 0;  ///< in its content
  bool is_in_content_ = false;
  bool is_ended_ = false;
  std::string pending_;  ///< of headers
};

}  // namespace sm::portal
