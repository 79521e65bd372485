#include "name/mailbox.h"

#include <algorithm>

#include "base/text.h"

namespace sm::name {
namespace {

Unexpected refuse_mailbox(std::string_view text, const std::string& why) {
  constexpr std::size_t kShown = 300;
  const auto shown = printable(text.substr(0, kShown)) + (text.size() > kShown ? "…" : "");
  return fail(Errc::malformed, "'" + shown + "' is not a mail address: " + why);
}

bool is_beyond_ascii(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}

/// RFC 5322 §3.2.3 atext, with RFC 6531 §3.3's characters beyond ASCII.
bool is_atext(char c) {
  constexpr std::string_view kSpecials = "!#$%&'*+-/=?^_`{|}~";
  return is_alnum(c) || kSpecials.find(c) != kSpecials.npos || is_beyond_ascii(c);
}

/// RFC 5321 §4.1.2 Dot-string.
bool is_dot_string(std::string_view local_part) {
  const auto atoms = split(local_part, '.');
  return std::all_of(atoms.begin(), atoms.end(), [](std::string_view atom) {
    return !atom.empty() && std::all_of(atom.begin(), atom.end(), is_atext);
  });
}

/// The least quoting that carries this local part (RFC 5321 §4.1.2, last paragraphs).
std::string written(std::string_view local_part) {
  if (is_dot_string(local_part)) return std::string(local_part);
  std::string quoted = "\"";
  for (const char c : local_part) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

/// A local part as it was read: its meaning and where it ended, the place of the "@".
struct LocalPart {
  std::string meaning;
  std::size_t end = 0;
};

/// RFC 5321 §4.1.2 Quoted-string: qtextSMTP is all printable ASCII but the quote and the backslash,
/// quoted-pairSMTP a backslash before any printable ASCII.
Result<LocalPart> read_quoted(std::string_view text) {
  LocalPart part;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      part.end = i + 1;
      return part;
    }
    if (text[i] == '\\') {
      ++i;
      if (i == text.size() || is_beyond_ascii(text[i])) {
        return refuse_mailbox(text, "a backslash has no character to quote");
      }
    }
    part.meaning += text[i];
  }
  return refuse_mailbox(text, "the quoted local part has no end");
}

/// The part before the "@", where it is an unquoted one.
Result<LocalPart> read_dot_string(std::string_view text) {
  const auto at = text.find('@');
  if (at == text.npos) {
    return fail(Errc::malformed, refuse_mailbox(text, "it has no domain").error.what,
                "write the whole address, name@domain");
  }
  const auto local_part = text.substr(0, at);
  if (local_part.empty()) {
    return refuse_mailbox(
        text, text.find(':') != text.npos ? "it is a source route" : "nothing stands before the @");
  }
  if (!is_dot_string(local_part)) {
    const bool has_comment = local_part.find_first_of("()") != local_part.npos;
    return refuse_mailbox(text, has_comment
                                    ? "it has a comment"
                                    : "the part before the @ must be quoted or has a dot too many");
  }
  return LocalPart{std::string(local_part), at};
}

/// Characters that no address needs and that deceive or split what carries it: controls (also
/// C1), line separators, bidirectional overrides, bytes that are not UTF-8.
bool is_showable(std::string_view text) {
  std::string without_backslash(text);
  std::replace(without_backslash.begin(), without_backslash.end(), '\\', '/');
  return printable(without_backslash) == without_backslash;
}

Result<Domain> read_domain(std::string_view text, std::string_view domain) {
  if (domain.starts_with('[')) return refuse_mailbox(text, "an IP address names no host to verify");
  // RFC 5321 §4.1.2: Domain has no final dot.
  if (domain.ends_with('.')) return refuse_mailbox(text, "the domain ends with a dot");
  auto parsed = Domain::parse(domain);
  if (!parsed) return refuse_mailbox(text, parsed.error().what);
  return parsed;
}

}  // namespace

Result<Mailbox> Mailbox::parse(std::string_view text) {
  if (text.empty()) return refuse_mailbox(text, "it is empty");
  if (!is_showable(text)) return refuse_mailbox(text, "it has control or invisible characters");
  auto local_part = text.front() == '"' ? read_quoted(text) : read_dot_string(text);
  if (!local_part) return fail(std::move(local_part).error());
  if (local_part->end >= text.size() || text[local_part->end] != '@') {
    return refuse_mailbox(text, "an @ must follow the quoted local part");
  }
  if (written(local_part->meaning).size() > kMaxLocalPart) {
    return refuse_mailbox(text, "the part before the @ is longer than 64 octets");
  }
  auto domain = read_domain(text, text.substr(local_part->end + 1));
  if (!domain) return fail(std::move(domain).error());
  Mailbox mailbox(std::move(local_part->meaning), *std::move(domain));
  if (mailbox.text().size() > kMaxText) return refuse_mailbox(text, "it is longer than 254 octets");
  return mailbox;
}

std::string Mailbox::text() const {
  return written(local_part_) + "@" + domain_.text();
}

std::string Mailbox::unicode() const {
  return written(local_part_) + "@" + domain_.unicode();
}

bool Mailbox::needs_smtputf8() const {
  return !is_ascii(local_part_);
}

Result<ReversePath> ReversePath::parse(std::string_view text) {
  if (text.empty() || text == "<>") return ReversePath();
  if (text.starts_with('<') && text.ends_with('>')) text = text.substr(1, text.size() - 2);
  auto mailbox = Mailbox::parse(text);
  if (!mailbox) return fail(std::move(mailbox).error());
  return ReversePath(*std::move(mailbox));
}

}  // namespace sm::name
