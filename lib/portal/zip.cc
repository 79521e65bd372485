#include "portal/zip.h"

#include <algorithm>
#include <cstring>

#include <zlib.h>

namespace sm::portal {
namespace {

constexpr std::uint32_t kLocal = 0x04034b50;
constexpr std::uint32_t kDescriptor = 0x08074b50;
constexpr std::uint32_t kCentral = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50;
constexpr std::uint32_t kLocator64 = 0x07064b50;
constexpr std::uint16_t kFlags = 0x0808;  // sizes and check sum follow; names are UTF-8
constexpr std::uint16_t kVersion64 = 45;
constexpr std::uint32_t kInExtra = 0xffffffff;

void put16(std::string& out, std::uint64_t value) {
  for (int i = 0; i < 2; ++i)
    out += static_cast<char>(value >> (8 * i));
}
void put32(std::string& out, std::uint64_t value) {
  for (int i = 0; i < 4; ++i)
    out += static_cast<char>(value >> (8 * i));
}
void put64(std::string& out, std::uint64_t value) {
  for (int i = 0; i < 8; ++i)
    out += static_cast<char>(value >> (8 * i));
}

}  // namespace

// Every entry is written as ZIP64: one form for all sizes, which all readers of today know.

ZipWriter::ZipWriter(std::vector<Entry> entries, std::chrono::sys_seconds time, Read read)
    : entries_(std::move(entries)), written_(entries_.size()), read_(std::move(read)) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  dos_time_ = static_cast<std::uint16_t>(
      clock.hours().count() << 11 | clock.minutes().count() << 5 | clock.seconds().count() / 2);
  const int year = std::clamp(static_cast<int>(date.year()), 1980, 2107) - 1980;
  dos_date_ = static_cast<std::uint16_t>(year << 9 | static_cast<int>(unsigned(date.month())) << 5 |
                                         static_cast<int>(unsigned(date.day())));
  for (std::size_t n = 0; n < entries_.size(); ++n) {
    written_[n].offset = size_;
    size_ += local_header(n).size() + entries_[n].size + descriptor(n).size();
  }
  central_offset_ = size_;
  for (std::size_t n = 0; n < entries_.size(); ++n)
    central_size_ += central_header(n).size();
  size_ += central_size_ + ending().size();
  advance();
}

std::string ZipWriter::local_header(std::size_t n) const {
  const auto& name = entries_[n].name;
  std::string out;
  put32(out, kLocal);
  put16(out, kVersion64);
  put16(out, kFlags);
  put16(out, 0);  // stored
  put16(out, dos_time_);
  put16(out, dos_date_);
  put32(out, 0);  // check sum: after the content
  put32(out, kInExtra);
  put32(out, kInExtra);
  put16(out, name.size());
  put16(out, 20);
  out += name;
  put16(out, 1);  // ZIP64: both sizes
  put16(out, 16);
  put64(out, entries_[n].size);
  put64(out, entries_[n].size);
  return out;
}

std::string ZipWriter::descriptor(std::size_t n) const {
  std::string out;
  put32(out, kDescriptor);
  put32(out, written_[n].crc);
  put64(out, entries_[n].size);
  put64(out, entries_[n].size);
  return out;
}

std::string ZipWriter::central_header(std::size_t n) const {
  const auto& name = entries_[n].name;
  std::string out;
  put32(out, kCentral);
  put16(out, 3 << 8 | kVersion64);  // made by: Unix
  put16(out, kVersion64);
  put16(out, kFlags);
  put16(out, 0);
  put16(out, dos_time_);
  put16(out, dos_date_);
  put32(out, written_[n].crc);
  put32(out, kInExtra);
  put32(out, kInExtra);
  put16(out, name.size());
  put16(out, 28);
  put16(out, 0);                             // comment
  put16(out, 0);                             // disk
  put16(out, 0);                             // internal attributes
  put32(out, std::uint64_t{0100600} << 16);  // a regular file, its owner's
  put32(out, kInExtra);
  out += name;
  put16(out, 1);
  put16(out, 24);
  put64(out, entries_[n].size);
  put64(out, entries_[n].size);
  put64(out, written_[n].offset);
  return out;
}

std::string ZipWriter::ending() const {
  std::string out;
  put32(out, kEnd64);
  put64(out, 44);
  put16(out, 3 << 8 | kVersion64);
  put16(out, kVersion64);
  put32(out, 0);
  put32(out, 0);
  put64(out, entries_.size());
  put64(out, entries_.size());
  put64(out, central_size_);
  put64(out, central_offset_);
  put32(out, kLocator64);
  put32(out, 0);
  put64(out, central_offset_ + central_size_);
  put32(out, 1);
  put32(out, kEnd);
  put16(out, 0);
  put16(out, 0);
  const auto count = std::min<std::uint64_t>(entries_.size(), 0xffff);
  put16(out, count);
  put16(out, count);
  put32(out, std::min<std::uint64_t>(central_size_, kInExtra));
  put32(out, std::min<std::uint64_t>(central_offset_, kInExtra));
  put16(out, 0);
  return out;
}

/// To the next piece of header or content.
void ZipWriter::advance() {
  if (is_in_content_) {
    pending_ = descriptor(entry_);
    is_in_content_ = false;
    ++entry_;
  }
  if (entry_ < entries_.size()) {
    pending_ += local_header(entry_);
    position_ = 0;
    is_in_content_ = true;
    return;
  }
  for (std::size_t n = 0; n < entries_.size(); ++n)
    pending_ += central_header(n);
  pending_ += ending();
  is_ended_ = true;
}

Result<std::size_t> ZipWriter::next(std::span<std::uint8_t> into) {
  std::size_t given = 0;
  while (given < into.size()) {
    if (!pending_.empty()) {
      const auto fits = std::min(pending_.size(), into.size() - given);
      std::memcpy(into.data() + given, pending_.data(), fits);
      pending_.erase(0, fits);
      given += fits;
      continue;
    }
    if (is_ended_) break;
    const auto left = entries_[entry_].size - position_;
    if (left == 0) {
      advance();
      continue;
    }
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(left, into.size() - given));
    auto read = read_(entry_, position_, into.subspan(given, wanted));
    if (!read) return read;
    if (*read == 0) return fail(Errc::malformed, "a part is shorter than its manifest says");
    auto& crc = written_[entry_].crc;
    crc = static_cast<std::uint32_t>(
        ::crc32_z(crc, into.data() + given, static_cast<z_size_t>(*read)));
    position_ += *read;
    given += *read;
  }
  return given;
}

}  // namespace sm::portal
