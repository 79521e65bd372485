#include "reading/plain.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/text.h"
#include "message/addresses.h"
#include "message/encoded_word.h"
#include "message/header.h"

namespace sm::reading {
namespace {

/// At a character's boundary, with a sign that something is missing.
std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;
  return text.substr(0, end) + "\xe2\x80\xa6";
}

/// Overrides and embeddings U+202A to U+202E, isolates U+2066 to U+2069: three octets each.
bool is_direction(std::string_view character) {
  if (character.size() < 3 || character[0] != '\xe2') return false;
  const auto last = static_cast<unsigned char>(character[2]);
  return (character[1] == '\x80' && last >= 0xaa && last <= 0xae) ||
         (character[1] == '\x81' && last >= 0xa6 && last <= 0xa9);
}

bool is_c1(std::string_view character) {
  return character.size() >= 2 && character[0] == '\xc2' &&
         static_cast<unsigned char>(character[1]) < 0xa0;
}

std::string on_one_line(std::string_view text) {
  const auto valid = to_valid_utf8(text);
  std::string line;
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const auto rest = std::string_view(valid).substr(i);
    const auto octet = static_cast<unsigned char>(valid[i]);
    if (is_direction(rest)) {
      i += 2;
    } else if (is_c1(rest)) {
      i += 1;
    } else if (octet < 0x20 || octet == 0x7f) {
      line += ' ';
    } else {
      line += valid[i];
    }
  }
  return std::string(trimmed(line));
}

struct FlowedLine {
  std::string_view text;  ///< without quote marks and stuffing
  std::size_t quotes = 0;
  bool is_flowed = false;
};

FlowedLine read_flowed(std::string_view line) {
  FlowedLine read;
  while (read.quotes < line.size() && line[read.quotes] == '>')
    ++read.quotes;
  read.text = line.substr(read.quotes);
  if (read.text.starts_with(' ')) read.text.remove_prefix(1);
  read.is_flowed = read.text.ends_with(' ') && read.text != "-- ";
  return read;
}

int month_of(std::string_view name) {
  constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                        "jul", "aug", "sep", "oct", "nov", "dec"};
  const auto found = std::find(kMonths.begin(), kMonths.end(), to_lower(name));
  return found == kMonths.end() ? 0 : static_cast<int>(found - kMonths.begin()) + 1;
}

std::optional<int> number(std::string_view digits, std::size_t most_digits) {
  if (digits.empty() || digits.size() > most_digits) return std::nullopt;
  int value = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// "+0130"; names of zones (RFC 5322 §4.3), unknown ones as UTC.
std::optional<std::chrono::minutes> zone_of(std::string_view text) {
  if (text.size() == 5 && (text[0] == '+' || text[0] == '-')) {
    const auto hours = number(text.substr(1, 2), 2);
    const auto minutes = number(text.substr(3), 2);
    if (!hours || !minutes || *minutes > 59) return std::nullopt;
    const std::chrono::minutes offset{*hours * 60 + *minutes};
    return text[0] == '-' ? -offset : offset;
  }
  struct Zone {
    std::string_view name;
    int hours;
  };
  constexpr std::array kZones = {Zone{"EST", -5}, Zone{"EDT", -4}, Zone{"CST", -6},
                                 Zone{"CDT", -5}, Zone{"MST", -7}, Zone{"MDT", -6},
                                 Zone{"PST", -8}, Zone{"PDT", -7}};
  for (const auto& zone : kZones) {
    if (zone.name == text) return std::chrono::hours(zone.hours);
  }
  return std::chrono::minutes(0);
}

struct TimeOfDay {
  int hours, minutes, seconds;
};

std::optional<TimeOfDay> time_of(std::string_view text) {
  const auto pieces = split(text, ':');
  if (pieces.size() < 2 || pieces.size() > 3) return std::nullopt;
  const auto hours = number(pieces[0], 2);
  const auto minutes = number(pieces[1], 2);
  const auto seconds = pieces.size() == 3 ? number(pieces[2], 2) : 0;
  if (!hours || !minutes || !seconds) return std::nullopt;
  if (*hours > 23 || *minutes > 59 || *seconds > 60) return std::nullopt;
  return TimeOfDay{*hours, *minutes, *seconds};
}

std::vector<std::string> words_of(std::string_view value) {
  std::string line = message::unfolded(value);
  line.resize(std::min(line.find('('), line.size()));  // the zone's name, a comment
  if (const auto comma = line.find(','); comma != line.npos) line.erase(0, comma + 1);
  std::vector<std::string> words;
  for (const auto word : split(line, ' ')) {
    if (const auto text = trimmed(word); !text.empty()) words.emplace_back(text);
  }
  return words;
}

}  // namespace

std::string text_of_charset(std::string_view octets, std::string_view charset) {
  constexpr std::string_view kWestern = "windows-1252";
  const auto name = to_lower(trimmed(charset));
  // What calls itself Latin 1 has quotes and dashes of Windows (WHATWG Encoding §4.2).
  if (name == "iso-8859-1" || name == "latin1") return message::to_utf8(octets, kWestern);
  if (!name.empty() && name != "us-ascii" && name != "ascii") {
    auto text = message::to_utf8(octets, name);
    if (!text.empty() || octets.empty()) return text;
  }
  return is_utf8(octets) ? std::string(octets) : message::to_utf8(octets, kWestern);
}

std::string with_plain_lines(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    if (text[i] == '\r') {
      if (i + 1 == text.size() || text[i + 1] != '\n') out += '\n';
    } else if (text[i] == '\f') {
      out += '\n';
    } else if (octet >= 0x20 ? octet != 0x7f : text[i] == '\n' || text[i] == '\t') {
      out += text[i];
    }
  }
  return out;
}

std::string unflowed(std::string_view text, bool deletes_space) {
  std::string out;
  bool is_open = false;  // the line before goes on
  std::size_t quotes = 0;
  for (auto& each : split(text.ends_with('\n') ? text.substr(0, text.size() - 1) : text, '\n')) {
    const auto line = read_flowed(each);
    const bool continues = is_open && line.quotes == quotes && line.text != "-- ";
    if (is_open && !continues) out += '\n';
    if (!continues && line.quotes > 0) out += std::string(line.quotes, '>') + ' ';
    const bool drops_last = line.is_flowed && deletes_space;
    out += drops_last ? line.text.substr(0, line.text.size() - 1) : line.text;
    if (!line.is_flowed) out += '\n';
    is_open = line.is_flowed;
    quotes = line.quotes;
  }
  if (is_open) out += '\n';
  return out;
}

std::string shown_value(std::string_view value, std::size_t most) {
  // What is cut below is not worth decoding.
  const auto line = message::unfolded(value.substr(0, most * 20));
  return cut(on_one_line(message::decode_words(line)), most);
}

std::string shown_addresses(std::string_view value, std::size_t most) {
  const auto list = message::parse_address_list(value);
  if (!list || list->addresses.empty()) return shown_value(value, most);
  std::string shown;
  for (const auto& address : list->addresses) {
    if (shown.size() > most) break;
    if (!shown.empty()) shown += ", ";
    const auto name = on_one_line(address.display_name);
    const auto mailbox = address.mailbox.text();
    shown += name.empty() || name == mailbox ? mailbox : name + " <" + mailbox + ">";
  }
  return cut(std::move(shown), most);
}

std::optional<ParsedDate> parse_date(std::string_view value) {
  const auto words = words_of(value.substr(0, 200));
  if (words.size() < 4) return std::nullopt;
  const auto day = number(words[0], 2);
  const int month = month_of(words[1]);
  auto year = number(words[2], 4);
  const auto time = time_of(words[3]);
  const auto offset = words.size() > 4 ? zone_of(words[4]) : std::chrono::minutes(0);
  if (!day || month == 0 || !year || !time || !offset) return std::nullopt;
  if (words[2].size() == 2) *year += *year < 50 ? 2000 : 1900;
  if (words[2].size() == 3) *year += 1900;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const auto local = std::chrono::sys_days(date) + std::chrono::hours(time->hours) +
                     std::chrono::minutes(time->minutes) + std::chrono::seconds(time->seconds);
  return ParsedDate{local - *offset, *offset};
}

}  // namespace sm::reading
