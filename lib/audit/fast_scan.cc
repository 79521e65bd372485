#include "audit/fast_scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "audit/digits.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sm::audit {
namespace {

constexpr std::size_t kMostKeys = 48;  // a multiple of 8

#if defined(__SSE2__)

__m128i load(const char* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

/// The bytes from `low` to `high`, ASCII, as ones.
__m128i in_range(__m128i bytes, char low, char high) {
  const __m128i above = _mm_cmpgt_epi8(bytes, _mm_set1_epi8(static_cast<char>(low - 1)));
  return _mm_and_si128(above, _mm_cmplt_epi8(bytes, _mm_set1_epi8(static_cast<char>(high + 1))));
}

bool all_ones(__m128i bytes) {
  return _mm_movemask_epi8(bytes) == 0xffff;
}

/// The length of the run of plain characters (printable ASCII but quote and backslash) at `at`.
/// Reads up to 15 bytes behind the run.
std::size_t plain_run(const char* at) {
  const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
  const __m128i blank = _mm_set1_epi8(0x20);
  for (std::size_t done = 0;; done += 16) {
    const __m128i bytes = load(at + done);
    // As signed numbers, control characters and bytes beyond ASCII both lie below the blank.
    const __m128i special =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                     _mm_cmplt_epi8(bytes, blank));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
    if (mask != 0) return done + static_cast<std::size_t>(std::countr_zero(mask));
  }
}

/// 64 lower-case hex digits.
bool is_hash_hex(std::string_view text) {
  __m128i good = _mm_set1_epi8(-1);
  for (std::size_t i = 0; i < 64; i += 16) {
    const __m128i bytes = load(text.data() + i);
    good = _mm_and_si128(good, _mm_or_si128(in_range(bytes, '0', '9'), in_range(bytes, 'a', 'f')));
  }
  return text.size() == 64 && all_ones(good);
}

/// "2026-11-21T10:00:00.123456Z", by its shape: the first and the last 16 of 27 characters.
bool has_timestamp_shape(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd.ddddddZ";
  if (text.size() != kShape.size()) return false;
  const auto fits = [&](std::size_t at) {
    const __m128i bytes = load(text.data() + at), shape = load(kShape.data() + at);
    const __m128i digit =
        _mm_and_si128(_mm_cmpeq_epi8(shape, _mm_set1_epi8('d')), in_range(bytes, '0', '9'));
    return all_ones(_mm_or_si128(digit, _mm_cmpeq_epi8(shape, bytes)));
  };
  return fits(0) && fits(kShape.size() - 16) && text.find('d') == text.npos;
}

#else

std::size_t plain_run(const char* at) {
  std::size_t length = 0;
  while (at[length] >= 0x20 && at[length] != '"' && at[length] != '\\')
    ++length;
  return length;
}

bool is_hash_hex(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool has_timestamp_shape(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd.ddddddZ";
  return std::equal(text.begin(), text.end(), kShape.begin(), kShape.end(),
                    [](char c, char s) { return s == 'd' ? c >= '0' && c <= '9' : c == s; });
}

#endif

bool is_digit_at(const char* at) {
  return static_cast<unsigned char>(*at - '0') < 10;
}

/// Goes through a line; every step says whether it was what it had to be. Reading stops at the
/// line's end: what is behind it (its LF, or padding) is never part of a token, since tokens end
/// with a quote or before a comma or brace, and the end is looked at last.
class Walk {
 public:
  explicit Walk(std::string_view line) : at_(line.data()), end_(line.data() + line.size()) {}

  [[nodiscard]] bool is_at_end() const { return at_ == end_; }
  [[nodiscard]] char peek() const { return at_ < end_ ? *at_ : '\0'; }

  bool literal(std::string_view text) {
    if (left() < text.size() || std::memcmp(at_, text.data(), text.size()) != 0) return false;
    at_ += text.size();
    return true;
  }
  /// The rest of a text whose opening quote was read, and its closing quote.
  bool text(std::string_view& into) {
    if (at_ >= end_) return false;
    const std::size_t length = plain_run(at_);
    if (length >= left() || at_[length] != '"') return false;
    into = {at_, length};
    at_ += length + 1;
    return true;
  }
  bool text_of(std::size_t size, std::string_view& into) {
    return text(into) && into.size() == size;
  }
  /// RFC 8259 §6: no leading zero. At most 2^53.
  bool number(std::uint64_t& into) {
    const char* const begin = at_;
    std::uint64_t value = 0;
    while (at_ < end_ && is_digit_at(at_) && at_ - begin < 17)
      value = value * 10 + static_cast<std::uint64_t>(*at_++ - '0');
    into = value;
    return at_ > begin && value <= kMostExact && (*begin != '0' || at_ - begin == 1) &&
           !(at_ < end_ && is_digit_at(at_));
  }
  bool texts(std::vector<std::string_view>& into) {
    if (!literal("[")) return false;
    if (literal("]")) return true;
    do {
      if (!literal("\"") || !text(into.emplace_back())) return false;
    } while (literal(","));
    return literal("]");
  }
  /// A value of which only the form matters.
  bool any() {
    std::string_view ignored;
    std::uint64_t number_ignored = 0;
    switch (peek()) {
      case '"':
        ++at_;
        return text(ignored);
      case 't':
        return literal("true");
      case 'f':
        return literal("false");
      case 'n':
        return literal("null");
      case '[':
        return any_texts();
      default:
        return number(number_ignored);
    }
  }

 private:
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  bool any_texts() {
    std::string_view ignored;
    if (!literal("[")) return false;
    if (literal("]")) return true;
    do {
      if (!literal("\"") || !text(ignored)) return false;
    } while (literal(","));
    return literal("]");
  }
  const char* at_;
  const char* end_;
};

bool take_head_fast(Walk& walk, RecordView& record) {
  std::string_view event;
  if (!walk.literal("{\"v\":1,\"seq\":") || !walk.number(record.seq) ||
      !walk.literal(",\"prev\":\"") || !walk.text_of(64, record.prev) ||
      !is_hash_hex(record.prev) || !walk.literal(",\"ts\":\"") || !walk.text(record.ts) ||
      !has_timestamp_shape(record.ts) || !is_possible_time(record.ts) ||
      !walk.literal(",\"event\":\"") || !walk.text(event)) {
    return false;
  }
  const auto known = parse_event(event);
  if (!known) return false;
  record.event = *known;
  record.message = record.recipient = {};
  if (walk.literal(",\"message\":\"") &&
      (!walk.text_of(16, record.message) || !consists_of(record.message, kBase64UrlDigits))) {
    return false;
  }
  if (walk.literal(",\"recipient\":\"") &&
      (!walk.text_of(8, record.recipient) || !consists_of(record.recipient, kBase64UrlDigits))) {
    return false;
  }
  return walk.literal(",\"tool\":\"") && walk.text(record.tool) && walk.literal(",\"host\":\"") &&
         walk.text(record.host) && walk.literal(",\"boot\":\"") && walk.text(record.boot) &&
         walk.literal(",\"mono\":") && walk.number(record.mono);
}

/// Four characters and the length: equal keys have equal marks.
constexpr std::uint32_t mark_of(std::string_view key) {
  std::uint32_t mark = static_cast<std::uint32_t>(key.size());
  for (std::size_t i = 0; i < std::min<std::size_t>(key.size(), 4); ++i) {
    mark = mark * 257 + static_cast<unsigned char>(key[i]);
  }
  return mark;
}

bool take_value(Walk& walk, std::string_view key, RecordView& record) {
  switch (record.event) {
    case Event::erased:
      if (key == "digests") return walk.texts(record.digests) && are_digests(record.digests);
      break;
    case Event::submitted:
      if (key == "recipients") return walk.texts(record.recipients);
      break;
    case Event::epoch_ended:
      if (key == "next") return walk.literal("\"") && walk.text(record.next);
      break;
    default:
      break;
  }
  if (key == "outcome") return walk.literal("\"") && walk.text(record.outcome);
  return walk.any();
}

}  // namespace

/// The keys of a record, to see that none stands twice. The fields before the facts are in it.
class FastScanner::Keys {
 public:
  Keys() {
    for (std::size_t i = 0; i < kFixed.size(); ++i) {
      marks_[i] = kFixedMarks[i];
      keys_[i] = kFixed[i];
    }
  }
  /// Forgets the facts of the line before.
  void begin() { count_ = kFixed.size(); }
  /// False for a key that was there, or when there are too many to remember.
  bool add(std::string_view key) {
    const std::uint32_t mark = mark_of(key);
    if (is_marked(mark)) {
      for (std::size_t i = 0; i < count_; ++i) {
        if (marks_[i] == mark && keys_[i] == key) return false;
      }
    }
    if (count_ == kMostKeys) return false;
    marks_[count_] = mark;
    keys_[count_++] = key;
    return true;
  }

 private:
  /// Whether the mark may be there. Marks of the line before, behind count_, may say so, too.
  [[nodiscard]] bool is_marked(std::uint32_t mark) const {
    const std::uint32_t* const marks = marks_.data();
    std::uint32_t is_there = 0;
    for (std::size_t i = 0; i < count_; i += 8) {
      for (std::size_t j = 0; j < 8; ++j) {
        is_there |= marks[i + j] == mark ? 1u : 0u;
      }
    }
    return is_there != 0;
  }
  static constexpr std::array kFixed = {
      std::string_view("v"),         std::string_view("seq"),   std::string_view("prev"),
      std::string_view("ts"),        std::string_view("event"), std::string_view("message"),
      std::string_view("recipient"), std::string_view("tool"),  std::string_view("host"),
      std::string_view("boot"),      std::string_view("mono"),
  };
  static constexpr auto kFixedMarks = [] {
    std::array<std::uint32_t, kFixed.size()> marks{};
    for (std::size_t i = 0; i < marks.size(); ++i) {
      marks[i] = mark_of(kFixed[i]);
    }
    return marks;
  }();
  std::size_t count_ = kFixed.size();
  std::array<std::uint32_t, kMostKeys> marks_{};
  std::array<std::string_view, kMostKeys> keys_;
};

FastScanner::FastScanner() : keys_(std::make_unique<Keys>()) {}
FastScanner::~FastScanner() = default;

namespace {

template <class Keys>
bool take_facts_fast(Walk& walk, Keys& keys, RecordView& record) {
  record.sd.clear();
  record.digests.clear();
  record.recipients.clear();
  record.next = record.outcome = {};
  keys.begin();
  std::string_view key;
  while (walk.literal(",\"")) {
    if (!walk.text(key) || !walk.literal(":")) return false;
    if (key == "_sd") {
      if (!walk.texts(record.sd) || !are_digests(record.sd)) return false;
      break;  // it is the last
    }
    if (!keys.add(key) || !take_value(walk, key, record)) return false;
  }
  return walk.literal("}") && walk.is_at_end();
}

}  // namespace

bool FastScanner::scan(std::string_view line, RecordView& into) {
  Walk walk(line);
  return take_head_fast(walk, into) && take_facts_fast(walk, *keys_, into);
}

bool scan_disclosures_fast(std::string_view line, DisclosureScanner::View& into) {
  Walk walk(line);
  into.disclosures.clear();
  return walk.literal("{\"seq\":") && walk.number(into.seq) && walk.literal(",\"d\":") &&
         walk.texts(into.disclosures) && walk.literal("}") && walk.is_at_end();
}

}  // namespace sm::audit
