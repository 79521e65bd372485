#include "dkim/author.h"

#include <optional>

#include "base/text.h"

namespace sm::dkim {
namespace {

/// The parts of an address list that matter here, comments taken out.
struct Reading {
  std::string text;        ///< without comments; of what stands in quotes only the quotes
  bool is_broken = false;  ///< a quote, comment or angle bracket that does not end
};

/// RFC 5322 §3.2.2 and §3.2.4: nested comments and quoted strings, with "\" before any character.
Reading without_comments(std::string_view value) {
  Reading reading;
  std::size_t depth = 0;
  bool is_quoted = false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '\\' && (is_quoted || depth > 0)) {
      ++i;
      continue;
    }
    if (is_quoted) {
      if (c != '"') continue;
      is_quoted = false;
    } else if (depth > 0) {
      depth += c == '(' ? 1 : 0;
      depth -= c == ')' ? 1 : 0;
      continue;
    } else if (c == '(') {
      depth = 1;
      continue;
    } else if (c == '"') {
      is_quoted = true;
    }
    reading.text += c;
  }
  reading.is_broken = is_quoted || depth > 0;
  return reading;
}

Unexpected refuse(const std::string& why) {
  return fail(Errc::malformed, why);
}

}  // namespace

Result<name::Domain> author_domain(const message::HeaderIndex& header) {
  const auto fields = header.all("From");
  if (fields.empty()) return refuse("the message has no From field");
  if (fields.size() > 1) {
    return refuse("the message has " + std::to_string(fields.size()) + " From fields");
  }
  const message::Field from = header[fields.front()];
  if (from.raw.size() > from.name.size() && from.raw[from.name.size()] != ':') {
    return refuse("there is a space before the colon of From");
  }
  const Reading reading = without_comments(message::unfolded(from.value));
  const std::string_view text = trimmed(reading.text);
  if (reading.is_broken) return refuse("a quote or comment in From does not end");
  if (text.empty()) return refuse("From is empty");

  // What is left has no colon, semicolon or comma but those of groups, routes and lists.
  if (text.find_first_of(":;") != text.npos) return refuse("From is a group or has a route");
  if (text.find(',') != text.npos) return refuse("From names several authors");
  std::string_view address = text;
  const auto open = text.find('<');
  if (open != text.npos) {
    if (text.back() != '>' || text.find('>') != text.size() - 1 || text.rfind('<') != open) {
      return refuse("From has broken angle brackets");
    }
    address = trimmed(text.substr(open + 1, text.size() - open - 2));
  } else if (text.find('>') != text.npos) {
    return refuse("From has broken angle brackets");
  }
  const auto at = address.rfind('@');
  if (at == address.npos || at == 0 || address.find('@') != at) {
    return refuse("From has no address");
  }
  auto domain = name::Domain::parse(trimmed(address.substr(at + 1)));
  if (!domain) return fail(domain.error(), "the domain in From");
  return domain;
}

}  // namespace sm::dkim
