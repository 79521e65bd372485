#include "base/file_name.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace sm {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

/// The bytes of the character at the start of well-formed, non-empty UTF-8.
std::size_t character_size(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

bool is_refused(std::string_view character) {
  constexpr std::string_view kReserved = "<>:\"|?*";  // by Windows
  if (character.size() == 1 && kReserved.find(character[0]) != kReserved.npos) return true;
  return character == kReplacement || printable(character) != character;
}

/// At most `most` bytes, cut at a character boundary.
std::string_view cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80)
    --most;
  return text.substr(0, most);
}

std::string_view extension_of(std::string_view name) {
  constexpr std::size_t kLongest = 16;
  const auto dot = name.rfind('.');
  if (dot == name.npos || dot == 0 || name.size() - dot > kLongest) return {};
  return name.substr(dot);
}

/// CON, NUL, COM1 and their like, with any extension.
bool is_device(std::string_view name) {
  const auto stem = trimmed(name.substr(0, name.find('.')), " ");
  constexpr std::array<std::string_view, 4> kDevices{"con", "prn", "aux", "nul"};
  for (const auto device : kDevices) {
    if (equal_ignoring_case(stem, device)) return true;
  }
  return stem.size() == 4 && is_digit(stem[3]) &&
         (starts_with_ignoring_case(stem, "com") || starts_with_ignoring_case(stem, "lpt"));
}

}  // namespace

std::string safe_file_name(std::string_view name, std::size_t most) {
  const auto slash = name.find_last_of("/\\");
  if (slash != name.npos) name.remove_prefix(slash + 1);
  const std::string valid = to_valid_utf8(name);
  std::string safe;
  for (std::string_view rest = valid; !rest.empty();) {
    const auto character = rest.substr(0, character_size(rest));
    safe += is_refused(character) ? std::string_view("_") : character;
    rest.remove_prefix(character.size());
  }
  safe = trimmed(safe, " ");
  while (safe.ends_with('.') || safe.ends_with(' '))
    safe.pop_back();
  if (safe.starts_with('.') || safe.starts_with('-')) safe[0] = '_';
  if (is_device(safe)) safe.insert(0, "_");
  if (safe.size() > most) {
    const std::string extension(extension_of(safe));
    safe = std::string(cut(safe, most - std::min(most, extension.size()))) + extension;
    while (safe.ends_with('.') || safe.ends_with(' '))
      safe.pop_back();
  }
  return safe;
}

}  // namespace sm
