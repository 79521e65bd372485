#include "audit/tar.h"

#include <array>
#include <cstdio>
#include <numeric>

namespace sm::audit {
namespace {

constexpr std::size_t kTarBlock = 512;
constexpr std::size_t kMostFiles = 64;

// Offsets and sizes of the header's fields (POSIX.1, pax, "ustar Interchange Format").
struct Field {
  std::size_t at, size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12},
    kTime{136, 12}, kCheck{148, 8}, kType{156, 1}, kFormat{257, 8};

void put_field(std::string& header, const Field& field, std::string_view text) {
  header.replace(field.at, text.size(), text);
}

std::string octal(std::uint64_t value, std::size_t digits) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%0*llo", static_cast<int>(digits),
                      static_cast<unsigned long long>(value));
  return text.data();
}

/// The sum of the header's bytes, its own field counted as blanks.
std::uint64_t check_sum(std::string header) {
  put_field(header, kCheck, std::string(kCheck.size, ' '));
  return std::accumulate(
      header.begin(), header.end(), std::uint64_t{0},
      [](std::uint64_t sum, char c) { return sum + static_cast<unsigned char>(c); });
}

std::string header_of(const std::string& name, std::size_t size) {
  std::string header(kTarBlock, '\0');
  put_field(header, kName, name);
  put_field(header, kMode, "0000644");
  put_field(header, kUid, "0000000");
  put_field(header, kGid, "0000000");
  put_field(header, kSize, octal(size, kSize.size - 1));
  put_field(header, kTime, octal(0, kTime.size - 1));
  put_field(header, kType, "0");
  put_field(header, kFormat,
            std::string_view("ustar\0"
                             "00",
                             8));
  put_field(header, kCheck, octal(check_sum(header), 6) + std::string("\0 ", 2));
  return header;
}

std::optional<std::uint64_t> from_octal(std::string_view field) {
  const auto end = field.find_first_of(std::string_view("\0 ", 2));
  const std::string_view digits = field.substr(0, end);
  if (digits.empty() || digits.size() > 12) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

std::string_view field_of(std::string_view header, const Field& field) {
  return header.substr(field.at, field.size);
}

std::string name_of(std::string_view header) {
  std::string name(field_of(header, kName));
  name.resize(name.find('\0') == name.npos ? name.size() : name.find('\0'));
  if (name.starts_with("./")) name.erase(0, 2);
  return name;
}

}  // namespace

std::string write_tar(const TarFiles& files) {
  std::string tar;
  for (const auto& [name, content] : files) {
    tar += header_of(name, content.size()) + content;
    tar.resize((tar.size() + kTarBlock - 1) / kTarBlock * kTarBlock, '\0');
  }
  tar.resize(tar.size() + 2 * kTarBlock, '\0');
  return tar;
}

std::optional<TarFiles> read_tar(std::string_view bytes) {
  TarFiles files;
  while (bytes.size() >= kTarBlock && bytes[0] != '\0') {
    const std::string_view header = bytes.substr(0, kTarBlock);
    const auto size = from_octal(field_of(header, kSize));
    const auto check = from_octal(field_of(header, kCheck));
    const std::string name = name_of(header);
    const char type = header[kType.at];
    if (!size || !check || *check != check_sum(std::string(header))) return std::nullopt;
    const std::size_t padded = (*size + kTarBlock - 1) / kTarBlock * kTarBlock;
    if (padded > bytes.size() - kTarBlock) return std::nullopt;
    const bool is_folder = type == '5' && *size == 0;  // "tar -c ." puts one in front
    if (!is_folder) {
      const bool is_plain = (type == '0' || type == '\0') && !name.empty() &&
                            name.find('/') == name.npos && files.size() < kMostFiles;
      if (!is_plain || !files.emplace(name, bytes.substr(kTarBlock, *size)).second)
        return std::nullopt;
    }
    bytes.remove_prefix(kTarBlock + padded);
  }
  if (files.empty()) return std::nullopt;
  return files;
}

}  // namespace sm::audit
