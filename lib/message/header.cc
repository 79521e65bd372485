#include "message/header.h"

#include <algorithm>

#include "base/text.h"

namespace sm::message {
namespace {

constexpr std::string_view kFieldBlanks = " \t";

/// RFC 5322 §3.6.8 ftext: printable ASCII but the colon.
bool is_name_character(char c) {
  return c > 32 && c < 127 && c != ':';
}

bool is_field_blank(char c) {
  return c == ' ' || c == '\t';
}

/// One pass over header bytes, line by line.
class FieldParser {
 public:
  FieldParser(std::string_view bytes, Syntax syntax) : bytes_(bytes), syntax_(syntax) {}

  Result<std::vector<Field>> parse() {
    for (std::size_t at = 0; at < bytes_.size();) {
      ++line_;
      const auto end = bytes_.find("\r\n", at);
      if (end == bytes_.npos) return refuse("it does not end in CRLF");
      if (auto taken = take(at, end); !taken) return fail(std::move(taken).error());
      at = end + 2;
    }
    return std::move(fields_);
  }

 private:
  Unexpected refuse(const std::string& why) const {
    return fail(Errc::malformed, "header line " + std::to_string(line_) + ": " + why);
  }

  /// The line [begin, end), its CRLF after it.
  Result<void> take(std::size_t begin, std::size_t end) {
    const auto line = bytes_.substr(begin, end - begin);
    if (line.empty()) return refuse("an empty line stands inside the header");
    if (auto checked = check_octets(line); !checked) return checked;
    if (!is_field_blank(line.front())) return begin_field(begin, line);
    if (fields_.empty()) return refuse("a folded line comes before any field");
    if (syntax_ == Syntax::strict && trimmed(line, kFieldBlanks).empty()) {
      // RFC 5322 §3.2.2; some readers take such a line for the end of the header.
      return refuse("a folded line has nothing but white space");
    }
    auto& field = fields_.back();
    const char* value_begin = field.value.data();
    field.raw = {field.raw.data(),
                 static_cast<std::size_t>(bytes_.data() + end + 2 - field.raw.data())};
    field.value = {value_begin, static_cast<std::size_t>(bytes_.data() + end - value_begin)};
    return {};
  }

  Result<void> check_octets(std::string_view line) const {
    if (line.find('\n') != line.npos) return refuse("a bare LF");
    if (syntax_ == Syntax::lenient) return {};
    if (line.find('\r') != line.npos) return refuse("a bare CR");
    if (line.find('\0') != line.npos) return refuse("a NUL");
    if (line.size() > HeaderIndex::kMaxLine) return refuse("it is longer than 998 octets");
    // RFC 6532 §3: beyond ASCII only UTF-8.
    if (!is_utf8(line)) return refuse("it has bytes that are not UTF-8");
    return {};
  }

  Result<void> begin_field(std::size_t begin, std::string_view line) {
    if (fields_.size() == HeaderIndex::kMaxFields) return refuse("more than 10,000 fields");
    const auto colon = line.find(':');
    if (colon == line.npos) {
      return fail(Errc::malformed, refuse("it is neither a field nor folded").error.what,
                  "an empty line must part the header from the body");
    }
    const auto written = line.substr(0, colon);
    const auto name = written.substr(0, written.find_last_not_of(kFieldBlanks) + 1);
    if (name.empty()) return refuse("the field has no name");
    if (!std::all_of(name.begin(), name.end(), is_name_character)) {
      return refuse("'" + printable(name.substr(0, 80)) + "' is not a field name");
    }
    if (name.size() != written.size() && syntax_ == Syntax::strict) {
      return refuse("white space stands between '" + std::string(name.substr(0, 80)) +
                    "' and its colon");
    }
    fields_.push_back({bytes_.substr(begin, line.size() + 2), name, line.substr(colon + 1)});
    return {};
  }

  std::string_view bytes_;
  Syntax syntax_;
  std::size_t line_ = 0;
  std::vector<Field> fields_;
};

}  // namespace

bool Field::is(std::string_view other) const {
  return equal_ignoring_case(name, other);
}

Result<HeaderIndex> HeaderIndex::parse(std::string_view bytes, Syntax syntax) {
  if (bytes.size() > kMaxBytes) return fail(Errc::malformed, "the header is larger than 1 MiB");
  auto fields = FieldParser(bytes, syntax).parse();
  if (!fields) return fail(std::move(fields).error());
  HeaderIndex index;
  index.bytes_ = bytes;
  index.fields_ = *std::move(fields);
  return index;
}

std::size_t HeaderIndex::count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(
      fields_.begin(), fields_.end(), [&](const Field& field) { return field.is(name); }));
}

std::vector<std::size_t> HeaderIndex::all(std::string_view name) const {
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (fields_[i].is(name)) positions.push_back(i);
  }
  return positions;
}

const Field* HeaderIndex::first(std::string_view name) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(),
                                  [&](const Field& field) { return field.is(name); });
  return found == fields_.end() ? nullptr : &*found;
}

std::string unfolded(std::string_view value) {
  std::string line;
  line.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    const bool is_fold = value.substr(i, 2) == "\r\n";
    if (is_fold) {
      ++i;
    } else {
      line += value[i];
    }
  }
  return std::string(trimmed(line, kFieldBlanks));
}

Result<std::string> make_field(std::string_view name, std::string_view value) {
  constexpr std::size_t kFold = 78;  // RFC 5322 §2.1.1
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_name_character)) {
    return fail(Errc::malformed, "'" + printable(name) + "' is not a field name");
  }
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != value.npos || !is_utf8(value)) {
    return fail(Errc::malformed, "the value of " + std::string(name) +
                                     " has a line end, a NUL or bytes that are not UTF-8");
  }
  std::string field(name);
  field += ':';
  std::size_t line_begin = 0;
  std::string blanks;
  for (const auto word : split(trimmed(value, kFieldBlanks), ' ')) {
    blanks += ' ';
    if (word.empty()) continue;  // folding here would make a line of nothing but white space
    const bool is_first = field.size() == name.size() + 1;
    if (!is_first && field.size() + blanks.size() + word.size() - line_begin > kFold) {
      field += "\r\n";
      line_begin = field.size();
    }
    field += blanks;
    field += word;
    blanks.clear();
    if (field.size() - line_begin > HeaderIndex::kMaxLine) {
      return fail(Errc::malformed, "a word of " + std::string(name) + " is too long for a line");
    }
  }
  return field + "\r\n";
}

}  // namespace sm::message
