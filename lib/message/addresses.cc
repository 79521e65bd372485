#include "message/addresses.h"

#include <algorithm>

#include "base/text.h"
#include "message/encoded_word.h"
#include "message/header.h"

namespace sm::message {
namespace {

constexpr std::size_t kMostAddresses = 10'000;
constexpr int kDeepestComment = 50;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// RFC 5322 §3.2.3 atext and the dot, RFC 6532 §3.2 beyond ASCII.
bool is_word_character(char c) {
  return is_alnum(c) || static_cast<unsigned char>(c) >= 0x80 ||
         std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
}

/// Words before "<" or ":": the display name as it is put together.
class Phrase {
 public:
  void add_atom(std::string_view text) {
    space_out(pending_);
    pending_ += text;
  }
  /// RFC 2047 §5 (3): nothing is decoded inside quotes.
  void add_quoted(std::string_view text) {
    flush();
    space_out(decoded_);
    decoded_ += text;
  }
  void add_space() { needs_space_ = true; }
  std::string finish() {
    flush();
    return std::string(trimmed(to_valid_utf8(decoded_)));
  }
  [[nodiscard]] bool empty() const { return decoded_.empty() && pending_.empty(); }

 private:
  void space_out(std::string& text) {
    if (needs_space_ && !empty()) text += ' ';
    needs_space_ = false;
  }
  void flush() {
    decoded_ += decode_words(pending_);
    pending_.clear();
  }
  std::string decoded_;
  std::string pending_;  ///< atoms, maybe encoded words
  bool needs_space_ = false;
};

class Parser {
 public:
  /// `domain` is given to names that have none; null: they are refused.
  explicit Parser(std::string_view line, const name::Domain* domain = nullptr)
      : line_(line), domain_(domain) {}

  Result<AddressList> parse() {
    if (auto read = read_list(Inside::field); !read) return fail(read.error());
    return std::move(list_);
  }
  /// Where a name ended that was given the domain: places in the line, ascending.
  [[nodiscard]] const std::vector<std::size_t>& completed() const { return completed_; }
  [[nodiscard]] const std::vector<name::Mailbox>& names() const { return names_; }

 private:
  enum class Inside { field, group };

  [[nodiscard]] Unexpected refuse(const std::string& why) const {
    return fail(Errc::malformed,
                "'" + printable(line_.substr(0, 200)) + "' is not an address list: " + why);
  }
  [[nodiscard]] bool is_at_end() const { return at_ == line_.size(); }
  [[nodiscard]] char peek() const { return line_[at_]; }
  [[nodiscard]] bool is_next(char c) const { return !is_at_end() && peek() == c; }

  /// RFC 5322 §3.4 address-list; empty elements are §4.4's.
  Result<void> read_list(Inside inside) {
    for (;;) {
      if (auto skipped = skip_blanks(); !skipped) return skipped;
      if (is_at_end()) {
        return inside == Inside::group ? refuse("a group has no ';'") : Result<void>();
      }
      if (peek() == ';' && inside == Inside::group) {
        ++at_;
        return {};
      }
      if (peek() == ',') {
        ++at_;
        continue;
      }
      if (auto read = read_address(inside); !read) return read;
      if (auto skipped = skip_blanks(); !skipped) return skipped;
      const bool is_over =
          is_at_end() || peek() == ',' || (inside == Inside::group && peek() == ';');
      if (!is_over) return refuse("a comma is missing before '" + near() + "'");
    }
  }

  [[nodiscard]] std::string near() const { return printable(line_.substr(at_, 30)); }

  /// mailbox or group.
  Result<void> read_address(Inside inside) {
    const std::size_t begin = at_;
    comment_.clear();
    Phrase phrase;
    std::size_t end = begin;  // of the last word
    while (!is_at_end()) {
      const char c = peek();
      if (c == '<') return read_angle(phrase.finish());
      if (c == ':') return read_group(inside, phrase.empty());
      if (c == '@') return read_bare(begin, end);
      if (c == '"') {
        auto quoted = read_quoted();
        if (!quoted) return fail(quoted.error());
        phrase.add_quoted(*quoted);
      } else if (is_word_character(c)) {
        phrase.add_atom(read_word());
      } else {
        break;
      }
      end = at_;
      if (auto skipped = skip_blanks(); !skipped) return skipped;
      if (at_ > end) phrase.add_space();
    }
    const bool is_over = is_at_end() || peek() == ',' || peek() == ';';
    if (!is_over) return refuse("'" + near() + "' must be quoted");
    // "root": no domain; the mailbox's own words say so.
    return keep(line_.substr(begin, end - begin), decode_words(trimmed(comment_)));
  }

  Result<void> read_group(Inside inside, bool has_no_name) {
    if (inside == Inside::group) return refuse("a group inside a group");
    if (has_no_name) return refuse("a group has no name");
    ++at_;
    ++list_.groups;
    return read_list(Inside::group);
  }

  /// "<addr-spec>".
  Result<void> read_angle(std::string display_name) {
    ++at_;
    const std::size_t begin = at_;
    while (!is_at_end() && peek() != '>') {
      if (peek() != '"') {
        ++at_;
      } else if (auto quoted = read_quoted(); !quoted) {
        return fail(quoted.error());
      }
    }
    if (is_at_end()) return refuse("a '<' has no '>'");
    const auto address = trimmed(line_.substr(begin, at_ - begin));
    ++at_;
    return keep(address, std::move(display_name));
  }

  /// "anna@example.org", and the name in a comment after it, as was usual before RFC 822.
  Result<void> read_bare(std::size_t begin, std::size_t end) {
    if (end != at_) return refuse("white space stands inside an address");
    ++at_;
    if (is_next('[')) return refuse("an IP address names no host to verify");
    read_word();
    const auto address = line_.substr(begin, at_ - begin);
    comment_.clear();
    if (auto skipped = skip_blanks(); !skipped) return skipped;
    return keep(address, decode_words(trimmed(comment_)));
  }

  Result<void> keep(std::string_view address, std::string display_name) {
    auto mailbox = name::Mailbox::parse(address);
    if (!mailbox && domain_ != nullptr) {
      auto whole = name::Mailbox::parse(std::string(address) + "@" + domain_->text());
      if (whole) {
        completed_.push_back(static_cast<std::size_t>(address.data() - line_.data()) +
                             address.size());
        names_.push_back(*whole);
        mailbox = std::move(whole);
      }
    }
    if (!mailbox) return fail(mailbox.error());
    if (list_.addresses.size() == kMostAddresses) return refuse("more than 10,000 addresses");
    list_.addresses.push_back({std::move(display_name), *std::move(mailbox)});
    return {};
  }

  std::string_view read_word() {
    const std::size_t begin = at_;
    while (!is_at_end() && is_word_character(peek()))
      ++at_;
    return line_.substr(begin, at_ - begin);
  }

  Result<std::string> read_quoted() {
    std::string text;
    for (++at_; !is_at_end(); ++at_) {
      if (peek() == '"') {
        ++at_;
        return text;
      }
      if (peek() == '\\' && at_ + 1 < line_.size()) ++at_;
      text += peek();
    }
    return refuse("a quote has no end");
  }

  /// CFWS (RFC 5322 §3.2.2); the last outermost comment is kept.
  Result<void> skip_blanks() {
    while (!is_at_end()) {
      if (is_blank(peek())) {
        ++at_;
      } else if (peek() == '(') {
        if (auto read = read_comment(); !read) return read;
      } else {
        break;
      }
    }
    return {};
  }

  Result<void> read_comment() {
    comment_.clear();
    int depth = 0;
    for (; !is_at_end(); ++at_) {
      char c = peek();
      if (c == ')' && --depth == 0) {
        ++at_;
        return {};
      }
      if (c == '(' && ++depth == 1) continue;
      if (depth > kDeepestComment) return refuse("comments are more than 50 deep");
      if (c == '\\' && at_ + 1 < line_.size()) c = line_[++at_];
      comment_ += c;
    }
    return refuse("a comment has no end");
  }

  std::string_view line_;
  const name::Domain* domain_;
  std::size_t at_ = 0;
  std::string comment_;
  AddressList list_;
  std::vector<std::size_t> completed_;
  std::vector<name::Mailbox> names_;
};

/// One line of what may be several, with no blanks at its end. Errc::malformed: it has line ends.
Result<std::string> line_of(std::string_view value) {
  std::string line = unfolded(value);
  if (line.find_first_of(std::string_view("\r\n\0", 3)) == line.npos) return line;
  return fail(Errc::malformed, "an address list has a line end or a NUL");
}

/// The folded value with `text` at these places of its unfolded line.
std::string inserted(std::string_view value, const std::vector<std::size_t>& places,
                     std::string_view text) {
  const auto is_blank_or_fold = [](char c) { return is_blank(c) || c == '\r' || c == '\n'; };
  std::string result;
  std::size_t at = 0;
  while (at < value.size() && is_blank_or_fold(value[at]))
    result += value[at++];
  std::size_t place = 0;  // in the line
  auto next = places.begin();
  for (;; ++at) {
    if (next != places.end() && *next == place) {
      result += text;
      ++next;
    }
    if (at == value.size()) return result;
    result += value[at];
    const bool is_line_end = value[at] == '\r' || value[at] == '\n';
    if (!is_line_end) ++place;
  }
}

/// A display name that is no token sequence goes into quotes; beyond ASCII, into encoded words.
std::string phrase_text(std::string_view name) {
  const std::string valid = to_valid_utf8(name);
  const bool is_plain =
      std::all_of(valid.begin(), valid.end(), [](char c) { return c >= 32 && c < 127; });
  if (!is_plain || valid.find("=?") != valid.npos) return encode_words(valid);
  const bool is_atoms = std::all_of(valid.begin(), valid.end(), [](char c) {
    return c == ' ' || (is_word_character(c) && c != '.');
  });
  if (is_atoms) return valid;
  std::string quoted = "\"";
  for (const char c : valid) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

Result<AddressList> parse_address_list(std::string_view value) {
  const auto line = line_of(value);
  if (!line) return fail(line.error());
  return Parser(*line).parse();
}

Result<Completed> complete_address_list(std::string_view value, const name::Domain& domain) {
  const auto line = line_of(value);
  if (!line) return fail(line.error());
  Parser parser(*line, &domain);
  auto list = parser.parse();
  if (!list) return fail(std::move(list).error());
  Completed completed{inserted(value, parser.completed(), "@" + domain.text()), std::move(*list),
                      parser.names()};
  auto& names = completed.names;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return completed;
}

std::string address_text(const Address& address) {
  const auto name = trimmed(address.display_name);
  if (name.empty()) return address.mailbox.text();
  return phrase_text(name) + " <" + address.mailbox.text() + ">";
}

}  // namespace sm::message
