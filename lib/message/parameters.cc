#include "message/parameters.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "message/encoded_word.h"
#include "message/header.h"
#include "message/octets.h"

namespace sm::message {
namespace {

constexpr std::size_t kMostParameters = 100;
constexpr std::size_t kMostSections = 1000;

/// RFC 2045 §5.1 tspecials.
bool is_special(char c) {
  return std::string_view("()<>@,;:\\\"/[]?=").find(c) != std::string_view::npos;
}

bool is_token_character(char c) {
  return c > 32 && c < 127 && !is_special(c);
}

/// A parameter as written: "name*1*=value".
struct Section {
  std::string text;
  bool is_extended = false;  ///< percent-encoded (RFC 2231 §4)
};

/// All that was written of one parameter.
struct Written {
  std::vector<Section> plain;            ///< name=, at most one
  std::vector<Section> whole;            ///< name*=, at most one
  std::map<std::size_t, Section> parts;  ///< name*0=, name*1*=, …
};

/// One pass over an unfolded value.
class FieldReader {
 public:
  explicit FieldReader(std::string_view value) : line_(unfolded(value)), rest_(line_) {}

  Result<StructuredField> read() {
    StructuredField field;
    if (!skip_blanks()) return refuse("a comment has no end");
    field.value = to_lower(take([](char c) { return is_token_character(c) || c == '/'; }));
    if (field.value.empty()) return refuse("it has no value");
    while (true) {
      if (!skip_blanks()) return refuse("a comment has no end");
      if (rest_.empty()) break;
      if (rest_.front() != ';') return refuse("'" + near() + "' stands where ';' must");
      rest_.remove_prefix(1);
      if (!skip_blanks()) return refuse("a comment has no end");
      if (rest_.empty() || rest_.front() == ';') continue;
      if (auto read = read_parameter(); !read) return fail(read.error());
    }
    if (auto joined = join_into(field); !joined) return fail(joined.error());
    return field;
  }

 private:
  [[nodiscard]] Unexpected refuse(const std::string& why) const {
    return fail(Errc::malformed, "a MIME field is malformed: " + why);
  }
  [[nodiscard]] std::string near() const { return printable(rest_.substr(0, 30)); }

  template <class Is>
  std::string_view take(Is is) {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is);
    const auto taken = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  /// White space and comments; false where a comment has no end.
  bool skip_blanks() {
    std::size_t depth = 0;
    for (; !rest_.empty(); rest_.remove_prefix(1)) {
      const char c = rest_.front();
      if (depth > 0 && c == '\\' && rest_.size() > 1) {
        rest_.remove_prefix(1);
      } else if (c == '(') {
        ++depth;
      } else if (c == ')' && depth > 0) {
        --depth;
      } else if (depth == 0 && c != ' ' && c != '\t') {
        return true;
      }
    }
    return depth == 0;
  }

  Result<void> read_parameter() {
    if (++count_ > kMostSections) return refuse("too many parameters");
    const auto name = to_lower(take(is_token_character));
    if (name.empty()) return refuse("'" + near() + "' stands where a parameter must");
    if (!skip_blanks() || rest_.empty() || rest_.front() != '=') {
      return refuse("parameter '" + name + "' has no value");
    }
    rest_.remove_prefix(1);
    if (!skip_blanks()) return refuse("a comment has no end");
    auto text = read_value();
    if (!text) return fail(text.error());
    return keep(name, *std::move(text));
  }

  /// Outside quotes more is taken than a token may hold: "boundary=a=b" is common and clear.
  Result<std::string> read_value() {
    if (!rest_.starts_with('"')) {
      return std::string(take([](char c) {
        return static_cast<unsigned char>(c) > 32 && c != 127 &&
               std::string_view("();\",\\").find(c) == std::string_view::npos;
      }));
    }
    std::string text;
    for (rest_.remove_prefix(1); !rest_.empty(); rest_.remove_prefix(1)) {
      if (rest_.front() == '"') {
        rest_.remove_prefix(1);
        return text;
      }
      if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      text += rest_.front();
    }
    return refuse("a quoted value has no end");
  }

  /// RFC 2231 §3, §4: name, name*, name*N, name*N*.
  Result<void> keep(const std::string& name, std::string text) {
    const auto star = name.find('*');
    const auto base = name.substr(0, star);
    if (base.empty()) return refuse("a parameter has no name");
    if (!written_.contains(base)) {
      if (written_.size() == kMostParameters) return refuse("more than 100 parameters");
      order_.push_back(base);
    }
    auto& written = written_[base];
    std::string_view suffix = star == name.npos ? "" : std::string_view(name).substr(star + 1);
    const auto twice = [&] { return refuse("parameter '" + name + "' comes twice"); };
    if (star == name.npos || suffix.empty()) {
      const bool is_extended = star != name.npos;
      auto& same = is_extended ? written.whole : written.plain;
      if (!same.empty()) return twice();
      same.push_back({std::move(text), is_extended});
      return {};
    }
    const bool is_extended = suffix.ends_with('*');
    if (is_extended) suffix.remove_suffix(1);
    const auto number = parse_decimal(suffix, kMostSections);
    if (!number) return refuse("parameter '" + name + "' has a section that is no number");
    if (!written.parts.emplace(*number, Section{std::move(text), is_extended}).second) {
      return twice();
    }
    return {};
  }

  Result<void> join_into(StructuredField& field) {
    for (const auto& name : order_) {
      const auto& written = written_[name];
      Parameter parameter{name, {}, false};
      if (!written.parts.empty()) {
        // Sections count from 0 without a gap, but may come in any order.
        if (written.parts.rbegin()->first + 1 != written.parts.size()) {
          return refuse("a section of parameter '" + name + "' is missing");
        }
        std::vector<Section> sections;
        for (const auto& [number, section] : written.parts)
          sections.push_back(section);
        parameter.value = joined(sections);
      } else if (!written.whole.empty()) {
        parameter.value = joined(written.whole);
      } else {
        parameter.value = written.plain.front().text;
      }
      parameter.is_plain = written.parts.empty() && written.whole.empty();
      field.parameters.push_back(std::move(parameter));
    }
    return {};
  }

  static std::string percent_decoded(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool is_escape = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                             hex_digit(text[i + 2]) >= 0;
      bytes += is_escape ? static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]))
                         : text[i];
      if (is_escape) i += 2;
    }
    return bytes;
  }

  /// The first section names the charset, where it is an extended one: utf-8'en'text.
  static std::string joined(const std::vector<Section>& sections) {
    std::string charset;
    std::string bytes;
    for (const auto& section : sections) {
      std::string_view text = section.text;
      if (&section == &sections.front() && section.is_extended) {
        const auto language = text.find('\'');
        const auto begin = language == text.npos ? text.npos : text.find('\'', language + 1);
        if (begin != text.npos) {
          charset = text.substr(0, language);
          text.remove_prefix(begin + 1);
        }
      }
      bytes += section.is_extended ? percent_decoded(text) : std::string(text);
    }
    auto converted = to_utf8(bytes, charset);
    return converted.empty() ? bytes : converted;
  }

  std::string line_;
  std::string_view rest_;
  std::size_t count_ = 0;
  std::vector<std::string> order_;
  std::map<std::string, Written> written_;
};

/// Printable ASCII in quotes, or bare where it is a token.
std::string plain_value(std::string_view value) {
  if (!value.empty() && std::all_of(value.begin(), value.end(), is_token_character)) {
    return std::string(value);
  }
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

/// RFC 2231 §7 attribute-char as it is, all else percent-encoded: the pieces that may not be cut.
std::vector<std::string> percent_encoded(std::string_view value) {
  std::vector<std::string> pieces;
  for (const char c : value) {
    const auto octet = static_cast<unsigned char>(c);
    if (is_token_character(c) && c != '*' && c != '\'' && c != '%') {
      pieces.emplace_back(1, c);
    } else {
      constexpr std::string_view kHex = "0123456789ABCDEF";
      pieces.push_back({'%', kHex[octet >> 4], kHex[octet & 15]});
    }
  }
  return pieces;
}

}  // namespace

const std::string* StructuredField::find(std::string_view name) const {
  const auto* parameter = find_parameter(name);
  return parameter == nullptr ? nullptr : &parameter->value;
}

const Parameter* StructuredField::find_parameter(std::string_view name) const {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [&](const Parameter& p) { return p.name == name; });
  return found == parameters.end() ? nullptr : &*found;
}

Result<StructuredField> parse_structured(std::string_view value) {
  return FieldReader(value).read();
}

std::string parameter_text(std::string_view name, std::string_view value) {
  constexpr std::size_t kLine = 76;
  const bool is_printable =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= 32 && c < 127; });
  const std::string folded = ";\r\n ";
  if (is_printable) {
    auto text = std::string(name) + "=" + plain_value(value);
    if (text.size() < kLine) return folded + text;
  }
  std::vector<std::string> lines;
  std::string line = "utf-8''";
  for (const auto& piece : percent_encoded(value)) {
    constexpr std::size_t kSection = 12;  // "*1000*=" and ";", with room
    if (name.size() + kSection + line.size() + piece.size() > kLine) {
      lines.push_back(std::exchange(line, {}));
    }
    line += piece;
  }
  lines.push_back(std::move(line));
  if (lines.size() == 1) return folded + std::string(name) + "*=" + lines[0];
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i)
    text += folded + std::string(name) + "*" + std::to_string(i) + "*=" + lines[i];
  return text;
}

}  // namespace sm::message
