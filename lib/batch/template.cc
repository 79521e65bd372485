#include "batch/template.h"

#include <algorithm>
#include <array>
#include <kainjow/mustache.hpp>
#include <map>
#include <optional>
#include <vector>

#include "base/text.h"
#include "message/addresses.h"
#include "message/encoded_word.h"
#include "message/header.h"
#include "message/parameters.h"

namespace sm::batch {
namespace {

using Mustache = kainjow::mustache::basic_mustache<std::string>;
using Datum = kainjow::mustache::basic_data<std::string>;

// In a header, a value is rendered as a mark first and put in its place when the field is known:
// \x01, its number, \x02. The template itself has no such characters.
constexpr char kMarkBegin = '\x01';
constexpr char kMarkEnd = '\x02';
constexpr char kNoLine = '\x03';

enum class Kind { header, text, html };

/// A stretch of the template whose values are all written in the same way.
struct Segment {
  Kind kind;
  Mustache mustache;
};

/// A row's values by name, as mustache asks for them. Empty ones are false.
class Values final : public kainjow::mustache::basic_context<std::string> {
 public:
  Values(const Row& row, const std::set<std::string>& wanted) {
    for (const auto& name : wanted) {
      const auto* value = row.find(name);
      if (value == nullptr) {
        missing_ = name;
        return;
      }
      plain_.emplace(name, value->empty() ? Datum(Datum::type::bool_false) : Datum(*value));
      const auto number = std::to_string(texts_.size());
      marked_.emplace(name, value->empty() ? Datum(Datum::type::bool_false)
                                           : Datum(kMarkBegin + number + kMarkEnd));
      texts_.push_back(value);
      names_.push_back(&name);
    }
  }
  void mark(bool is_marked) { in_force_ = is_marked ? &marked_ : &plain_; }

  [[nodiscard]] const std::optional<std::string>& missing() const { return missing_; }
  [[nodiscard]] const std::string& text(std::size_t number) const { return *texts_[number]; }
  [[nodiscard]] const std::string& name(std::size_t number) const { return *names_[number]; }
  [[nodiscard]] std::size_t size() const { return texts_.size(); }

  void push(const Datum*) override {}
  void pop() override {}
  [[nodiscard]] const Datum* get(const std::string& name) const override {
    const auto found = in_force_->find(name);
    return found == in_force_->end() ? nullptr : &found->second;
  }
  [[nodiscard]] const Datum* get_partial(const std::string&) const override { return nullptr; }

 private:
  std::map<std::string, Datum> plain_, marked_;
  const std::map<std::string, Datum>* in_force_ = &plain_;
  std::vector<const std::string*> texts_;
  std::vector<const std::string*> names_;
  std::optional<std::string> missing_;
};

std::string escape_nothing(const std::string& text) {
  return text;
}

std::size_t line_of(std::string_view text, std::size_t offset) {
  return 1 + static_cast<std::size_t>(std::count(
                 text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

/// Names every variable; refuses what is no business of a template.
Result<void> collect(std::string_view text, std::set<std::string>& names) {
  for (std::size_t at = text.find("{{"); at != text.npos; at = text.find("{{", at)) {
    const auto refuse = [&](const std::string& what) {
      return fail(Errc::malformed, "line " + std::to_string(line_of(text, at)) + ": " + what);
    };
    const bool is_triple = text.substr(at).starts_with("{{{");
    const auto end = text.find(is_triple ? "}}}" : "}}", at);
    if (end == text.npos) return refuse("a tag is not closed");
    auto tag = text.substr(at + (is_triple ? 3 : 2), end - at - (is_triple ? 3 : 2));
    at = end + (is_triple ? 3 : 2);
    const char sigil = tag.empty() ? ' ' : tag.front();
    if (sigil == '!') continue;
    if (sigil == '>') return refuse("partials are not allowed: a template is one file");
    if (sigil == '=') return refuse("delimiters cannot be changed");
    if (!is_triple && std::string_view("#^/&").find(sigil) != std::string_view::npos) {
      tag.remove_prefix(1);
    }
    const auto name = trimmed(tag);
    if (name.empty()) return refuse("a tag without a name");
    names.emplace(name);
  }
  return {};
}

/// A line with nothing but the beginning or the end of a section leaves no line behind (mustache's
/// "standalone" tags; the library forgets it where the section is empty). A mark takes the place of
/// its line end, and is removed once all is rendered.
std::string without_lines_of_tags(const std::string& text) {
  std::string made;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const auto line = std::string_view(text).substr(at, end - at);
    const auto tag = trimmed(line, " \t\n");
    const bool is_alone = tag.size() > 4 && tag.starts_with("{{") && tag.ends_with("}}") &&
                          std::string_view("#^/!").find(tag[2]) != std::string_view::npos &&
                          tag.find("{{", 2) == tag.npos && tag.find("}}") == tag.size() - 2 &&
                          line.ends_with('\n');
    made += is_alone ? std::string(tag) + kNoLine : std::string(line);
    at = end;
  }
  return made;
}

Result<Mustache> compile(const std::string& text, Kind kind, std::size_t line) {
  Mustache made(without_lines_of_tags(text));
  if (!made.is_valid()) {
    return fail(Errc::malformed, "near line " + std::to_string(line) + ": " + made.error_message(),
                "sections begin and end in the same part, body or header");
  }
  if (kind != Kind::html) made.set_custom_escape(escape_nothing);
  return made;
}

// ---- the structure of the template

/// What the header of the message or of a part says of the text below it.
struct Content {
  Kind kind = Kind::text;
  std::optional<std::string> boundary{};
  bool is_encoded = false;
  bool is_ascii_only = false;  ///< no charset beyond ASCII is declared
};

std::optional<std::string> field_of(std::string_view header, std::string_view name) {
  std::optional<std::string> value;
  for (const auto line : split(header, '\n')) {
    const bool continues = !line.empty() && (line.front() == ' ' || line.front() == '\t');
    if (value && continues) {
      *value += std::string(line);
    } else if (value) {
      break;
    } else if (starts_with_ignoring_case(line, std::string(name) + ":")) {
      value = std::string(line.substr(name.size() + 1));
    }
  }
  return value;
}

Result<Content> content_of(std::string_view header) {
  Content content;
  const auto encoding = field_of(header, "Content-Transfer-Encoding");
  if (encoding) {
    const auto word = to_lower(trimmed(*encoding));
    content.is_encoded = word == "base64" || word == "quoted-printable";
  }
  const auto type = field_of(header, "Content-Type");
  if (!type) return content;
  if (type->find("{{") != type->npos && !starts_with_ignoring_case(trimmed(*type), "application")) {
    return fail(Errc::malformed, "a Content-Type with a variable",
                "types, charsets and boundaries belong to the template");
  }
  auto parsed = message::parse_structured(*type);
  if (!parsed) return fail(std::move(parsed).error(), "the template's Content-Type");
  if (parsed->value == "text/html") content.kind = Kind::html;
  if (const auto* boundary = parsed->find("boundary")) content.boundary = *boundary;
  const auto* charset = parsed->find("charset");
  const bool is_text = parsed->value.starts_with("text/");
  if (is_text && charset != nullptr && !equal_ignoring_case(*charset, "utf-8") &&
      !equal_ignoring_case(*charset, "us-ascii")) {
    return fail(Errc::malformed, "the charset " + printable(*charset), "write templates in UTF-8");
  }
  return content;
}

/// Cuts the template into segments: the header, then by delimiter lines (RFC 2046 §5.1.1) the
/// headers and bodies of parts.
class Cutter {
 public:
  Cutter(std::string_view text, std::vector<Segment>& segments,
         std::vector<std::string>& boundaries)
      : text_(text), segments_(segments), boundaries_(boundaries) {}

  Result<void> run() {
    for (std::size_t at = 0; at < text_.size();) {
      const auto end = std::min(text_.find('\n', at), text_.size() - 1) + 1;
      if (auto taken = take(text_.substr(at, end - at)); !taken) return taken;
      at = end;
      ++line_;
    }
    if (is_header_) {
      if (auto ended = end_header(); !ended) return ended;
    }
    return flush();
  }

 private:
  Result<void> take(std::string_view line) {
    if (is_header_) {
      if (line == "\n" || line == "\r\n") return begin_body();
      pending_ += line;
      return {};
    }
    if (is_delimiter(line)) return begin_part(line);
    pending_ += line;
    return {};
  }

  [[nodiscard]] bool is_delimiter(std::string_view line) const {
    return line.starts_with("--") &&
           std::any_of(boundaries_.begin(), boundaries_.end(), [&](const std::string& boundary) {
             return line.substr(2).starts_with(boundary);
           });
  }

  Result<void> end_header() {
    auto content = content_of(pending_);
    if (!content) return fail(std::move(content).error());
    content_ = std::move(*content);
    if (content_.boundary) boundaries_.push_back(*content_.boundary);
    auto flushed = flush();
    is_header_ = false;
    return flushed;
  }
  Result<void> begin_body() {
    if (auto ended = end_header(); !ended) return ended;
    pending_ = "\n";
    return {};
  }
  Result<void> begin_part(std::string_view line) {
    if (auto flushed = flush(); !flushed) return flushed;
    content_ = {};
    pending_ = line;
    const auto rest = trimmed(line, " \t\n");
    if (rest.ends_with("--")) return {};  // a close delimiter: an epilogue follows
    content_.kind = Kind::text;
    if (auto flushed = flush(); !flushed) return flushed;  // the delimiter line itself
    is_header_ = true;
    return {};
  }

  Result<void> flush() {
    if (pending_.empty()) return {};
    if (!is_header_ && content_.is_encoded && pending_.find("{{") != pending_.npos) {
      return fail(Errc::malformed,
                  "near line " + std::to_string(line_) +
                      ": a variable in a part that is base64 or quoted-printable",
                  "write it as it is read, in 8bit: it is encoded where that is needed");
    }
    const Kind kind = is_header_ ? Kind::header : content_.kind;
    auto compiled = compile(pending_, kind, line_);
    if (!compiled) return fail(std::move(compiled).error());
    segments_.push_back({kind, std::move(*compiled)});
    pending_.clear();
    return {};
  }

  std::string_view text_;
  std::vector<Segment>& segments_;
  std::vector<std::string>& boundaries_;
  std::string pending_;
  Content content_;
  bool is_header_ = true;
  std::size_t line_ = 1;
};

// ---- header fields of a row

bool is_address_field(std::string_view name) {
  constexpr std::array kNames = {"from",
                                 "sender",
                                 "reply-to",
                                 "to",
                                 "cc",
                                 "resent-to",
                                 "resent-from",
                                 "resent-cc",
                                 "resent-sender",
                                 "disposition-notification-to"};
  const auto lower = to_lower(name);
  return std::find(kNames.begin(), kNames.end(), lower) != kNames.end();
}

/// Fields whose values are words of a grammar, not text for people.
bool is_structured_field(std::string_view name) {
  const auto lower = to_lower(name);
  constexpr std::array kNames = {"message-id", "in-reply-to", "references", "mime-version", "date"};
  return lower.starts_with("content-") || lower.starts_with("list-") ||
         std::find(kNames.begin(), kNames.end(), lower) != kNames.end();
}

class HeaderWriter {
 public:
  explicit HeaderWriter(const Values& values) : values_(values) {}

  /// The lines of a rendered header with marks, as fields.
  Result<std::string> write(std::string_view rendered) {
    std::string header;
    std::string field;
    for (const auto line : split(rendered, '\n')) {
      if (line.empty()) continue;
      const bool continues = line.front() == ' ' || line.front() == '\t';
      if (continues && !field.empty()) {
        field += "\n" + std::string(line);
        continue;
      }
      if (auto added = add(field, header); !added) return fail(std::move(added).error());
      field = line;
    }
    if (auto added = add(field, header); !added) return fail(std::move(added).error());
    return header;
  }

 private:
  Result<void> add(const std::string& field, std::string& header) {
    if (field.empty()) return {};
    const auto colon = field.find(':');
    const auto name = std::string_view(field).substr(0, std::min(colon, field.size()));
    // A value never makes a header line.
    if (colon == field.npos || name.find(kMarkBegin) != name.npos) {
      return fail(Errc::malformed, "the template's header has a line that is no field: '" +
                                       printable(plain(name)) + "'");
    }
    const auto value = field.substr(colon + 1);
    if (value.find(kMarkBegin) == value.npos && is_ascii(value)) {
      for (const auto line : split(field, '\n'))
        header += std::string(line) + "\r\n";
      return {};
    }
    auto text = value_of(name, message::unfolded(crlf(value)));
    if (!text) return fail(std::move(text).error(), "the field " + std::string(name));
    auto made = message::make_field(name, *text);
    if (!made) return fail(std::move(made).error(), "the field " + std::string(name));
    header += *made;
    return {};
  }

  Result<std::string> value_of(std::string_view name, const std::string& value) {
    if (is_address_field(name)) return addresses_of(value);
    if (is_structured_field(name)) return words_of(value);
    auto text = expand(value);
    if (!text) return text;
    return message::encode_words(*text);
  }

  /// With each mark replaced by its value.
  Result<std::string> expand(std::string_view marked) const {
    std::string text;
    for (std::size_t at = 0; at < marked.size();) {
      if (marked[at] != kMarkBegin) {
        text += marked[at++];
        continue;
      }
      const auto [number, end] = mark_at(marked, at);
      const auto& value = values_.text(number);
      // CASES A05: CR, LF and NUL never reach a header, nor do other control characters.
      const bool is_one_line = std::none_of(value.begin(), value.end(), [](unsigned char c) {
        return (c < 0x20 && c != '\t') || c == 0x7f;
      });
      if (!is_one_line) {
        return fail(Errc::malformed, "header-injection: the value of '" +
                                         printable(values_.name(number)) +
                                         "' has a line end or a control character");
      }
      text += value;
      at = end;
    }
    return text;
  }

  static std::pair<std::size_t, std::size_t> mark_at(std::string_view marked, std::size_t at) {
    const auto end = marked.find(kMarkEnd, at);
    const auto number = parse_decimal(marked.substr(at + 1, end - at - 1));
    return {static_cast<std::size_t>(number.value_or(0)), end + 1};
  }

  [[nodiscard]] std::string plain(std::string_view marked) const {
    auto text = expand(marked);
    return text ? *text : std::string(marked);
  }

  static std::string crlf(const std::string& value) {
    std::string text;
    for (const char c : value) {
      if (c == '\n') text += '\r';
      text += c;
    }
    return text;
  }

  /// The entries of an address field are the template's; a value is a name or an address in one.
  Result<std::string> addresses_of(const std::string& value) {
    std::vector<std::string> written;
    for (const auto& entry : entries_of(value)) {
      auto one = address_of(entry);
      if (!one) return one;
      if (!one->empty()) written.push_back(std::move(*one));
    }
    return join(written, ", ");
  }

  static std::vector<std::string> entries_of(const std::string& value) {
    std::vector<std::string> entries(1);
    bool is_quoted = false;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const char c = value[i];
      if (c == '"') is_quoted = !is_quoted;
      if (c == ',' && !is_quoted) {
        entries.emplace_back();
        continue;
      }
      entries.back() += c;
      if (c == '\\' && is_quoted && i + 1 < value.size()) entries.back() += value[++i];
    }
    return entries;
  }

  Result<std::string> address_of(const std::string& entry) {
    const auto text = trimmed(entry);
    const auto open = text.rfind('<');
    if (open == text.npos) {
      auto address = expand(text);
      if (!address || trimmed(*address).empty()) return address;
      auto mailbox = name::Mailbox::parse(trimmed(*address));
      if (!mailbox) return fail(std::move(mailbox).error());
      return mailbox->text();
    }
    if (!text.ends_with('>')) return fail(Errc::malformed, "something follows an address");
    auto address = expand(text.substr(open + 1, text.size() - open - 2));
    if (!address) return address;
    auto mailbox = name::Mailbox::parse(*address);
    if (!mailbox) return fail(std::move(mailbox).error());
    auto name = expand(unquoted(trimmed(text.substr(0, open))));
    if (!name) return name;
    return message::address_text({std::string(trimmed(*name)), std::move(*mailbox)});
  }

  static std::string unquoted(std::string_view phrase) {
    if (phrase.size() < 2 || phrase.front() != '"' || phrase.back() != '"') {
      return std::string(phrase);
    }
    std::string text;
    for (std::size_t i = 1; i + 1 < phrase.size(); ++i) {
      if (phrase[i] == '\\' && i + 2 < phrase.size()) ++i;
      text += phrase[i];
    }
    return text;
  }

  /// A value in a structured field is one word: nothing in it has a meaning of its own.
  Result<std::string> words_of(const std::string& value) const {
    constexpr std::string_view kSpecials = "()<>\",;\\ \t";
    for (std::size_t at = value.find(kMarkBegin); at != value.npos;
         at = value.find(kMarkBegin, at + 1)) {
      const auto& text = values_.text(mark_at(value, at).first);
      const bool is_word = is_ascii(text) && text.find_first_of(kSpecials) == text.npos;
      if (!is_word) {
        return fail(Errc::malformed, "'" + printable(text.substr(0, 80)) +
                                         "' may not stand there: letters, digits and signs without "
                                         "a meaning of their own");
      }
    }
    return expand(value);
  }

  const Values& values_;
};

}  // namespace

struct Template::Parts {
  std::vector<Segment> segments;
  std::vector<std::string> boundaries;
  std::set<std::string> variables;
};

Template::Template(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

const std::set<std::string>& Template::variables() const {
  return parts_->variables;
}

namespace {

/// LF lines, UTF-8, without control characters that would mean something to us.
Result<std::string> normalised(std::string_view text) {
  if (text.size() > Template::kMost) return fail(Errc::malformed, "it is larger than 16 MiB");
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!is_utf8(text)) return fail(Errc::malformed, "it is not UTF-8");
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    if (c == '\r' || c == '\0' || c == kMarkBegin || c == kMarkEnd || c == kNoLine) {
      return fail(Errc::malformed, "line " + std::to_string(line_of(text, i)) +
                                       ": a control character that no mail has");
    }
    plain += c;
  }
  if (plain.empty() || plain.back() != '\n') plain += '\n';
  return plain;
}

std::string with_crlf(std::string_view text) {
  std::string wire;
  wire.reserve(text.size() + text.size() / 32);
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    wire += text.substr(at, end - at);
    if (end < text.size()) wire += "\r\n";
    at = end + 1;
  }
  return wire;
}

/// LF for CRLF; nothing where a CR stands alone.
std::optional<std::string> with_lf(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\r', at);
    plain += text.substr(at, end - at);
    if (end == text.npos) break;
    if (end + 1 == text.size() || text[end + 1] != '\n') return std::nullopt;
    at = end + 1;
  }
  return plain;
}

}  // namespace

Result<Template> Template::parse(std::string_view text) {
  auto plain = normalised(text);
  if (!plain) return fail(std::move(plain).error(), "the template");
  auto parts = std::make_unique<Parts>();
  if (auto collected = collect(*plain, parts->variables); !collected) {
    return fail(std::move(collected).error(), "the template");
  }
  auto cut = Cutter(*plain, parts->segments, parts->boundaries).run();
  if (!cut) return fail(std::move(cut).error(), "the template");
  if (!field_of(*plain, "From")) {
    return fail(Errc::malformed, "the template has no From field",
                "a template is a whole message, header, empty line and body");
  }
  return Template(std::move(parts));
}

Result<std::string> Template::render(const Row& row) {
  Values values(row, parts_->variables);
  if (values.missing()) {
    return fail(Errc::malformed,
                "the template's variable '" + printable(*values.missing()) + "' has no column");
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (const auto& boundary : parts_->boundaries) {
      if (values.text(i).find("--" + boundary) != std::string::npos) {
        return fail(Errc::malformed, "the value of '" + printable(values.name(i)) +
                                         "' has the template's boundary in it");
      }
    }
  }
  std::string message;
  for (auto& segment : parts_->segments) {
    values.mark(segment.kind == Kind::header);
    auto text = segment.mustache.render(values);
    if (!segment.mustache.is_valid()) {
      return fail(Errc::malformed, segment.mustache.error_message());
    }
    std::erase(text, kNoLine);
    if (segment.kind == Kind::header) {
      auto header = HeaderWriter(values).write(text);
      if (!header) return header;
      message += *header;
      continue;
    }
    const auto plain = with_lf(text);
    if (!plain) return fail(Errc::malformed, "a value has a carriage return that ends no line");
    message += with_crlf(*plain);
  }
  return message;
}

}  // namespace sm::batch
