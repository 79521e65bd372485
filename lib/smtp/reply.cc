#include "smtp/reply.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace sm::smtp {
namespace {

std::optional<int> parse_code(std::string_view line) {
  if (line.size() < 3 || !is_digit(line[0]) || !is_digit(line[1]) || !is_digit(line[2])) {
    return std::nullopt;
  }
  // RFC 5321 §4.2: the first digit is 2 to 5. "1yz" has no meaning in SMTP.
  if (line[0] < '2' || line[0] > '5') return std::nullopt;
  if (line.size() > 3 && line[3] != ' ' && line[3] != '-') return std::nullopt;
  return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

// RFC 3463 §2: class "." 1*3digit "." 1*3digit, then a blank or the end.
std::optional<EnhancedCode> parse_enhanced(std::string_view text, int code) {
  const auto word = text.substr(0, text.find(' '));
  const auto pieces = split(word, '.');
  if (pieces.size() != 3) return std::nullopt;
  const auto status_class = parse_decimal(pieces[0], 5);
  const auto subject = parse_decimal(pieces[1], 999);
  const auto detail = parse_decimal(pieces[2], 999);
  if (!status_class || !subject || !detail) return std::nullopt;
  if (static_cast<int>(*status_class) != code / 100) return std::nullopt;
  return EnhancedCode{static_cast<int>(*status_class), static_cast<int>(*subject),
                      static_cast<int>(*detail)};
}

bool is_queue_id(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || std::string_view("-_.@+=:").find(c) != std::string_view::npos;
  });
}

// The word after `mark`, where it is one.
std::string word_after(std::string_view text, std::string_view mark) {
  const std::string lower = to_lower(text);
  const auto at = lower.find(mark);
  if (at == std::string::npos) return {};
  auto rest = text.substr(at + mark.size());
  rest = trimmed(rest.substr(0, rest.find_first_of(" \t,;)")), "<>.");
  return is_queue_id(rest) ? std::string(rest) : std::string();
}

std::string word_before(std::string_view text, std::string_view mark) {
  const auto at = to_lower(text).find(mark);
  if (at == std::string::npos) return {};
  const auto front = trimmed(text.substr(0, at));
  const auto word = front.substr(front.find_last_of(' ') + 1);
  const bool is_code = word.size() < 6 || std::count(word.begin(), word.end(), '.') == 2;
  return is_queue_id(word) && !is_code ? std::string(word) : std::string();
}

}  // namespace

std::string EnhancedCode::text() const {
  return std::to_string(status_class) + '.' + std::to_string(subject) + '.' +
         std::to_string(detail);
}

std::string Reply::verbatim() const {
  std::string octets;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) octets += '\n';
    octets += std::to_string(code);
    const bool is_last = i + 1 == lines.size();
    if (!is_last || !lines[i].empty()) octets += is_last ? ' ' : '-';
    octets += lines[i];
  }
  return octets;
}

std::string Reply::text() const {
  std::string line = std::to_string(code);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    line += i == 0 ? " " : " / ";
    line += printable(lines[i]);
  }
  return line;
}

std::string queue_id(const Reply& reply) {
  for (const std::string& line : reply.lines) {
    for (const auto* mark :
         {"queued as ", "ok id=", "accepted id=", " qp "}) {  // Postfix, Exim, qmail
      if (auto id = word_after(line, mark); !id.empty()) return id;
    }
    // Sendmail and OpenSMTPD.
    if (auto id = word_before(line, "message accepted for delivery"); !id.empty()) return id;
  }
  return {};
}

std::string_view text(ReplyFault fault) {
  switch (fault) {
    case ReplyFault::line_too_long:
      return "a reply line is longer than 2048 octets";
    case ReplyFault::too_many_lines:
      return "a reply has more than 100 lines";
    case ReplyFault::bad_line_end:
      return "a reply line has a bare CR or LF";
    case ReplyFault::bad_octet:
      return "a reply line has a NUL";
    case ReplyFault::bad_code:
      return "a reply line does not begin with a reply code";
    case ReplyFault::mixed_codes:
      return "the lines of one reply have different codes";
  }
  return "a reply is malformed";
}

// One line, without its CRLF, into the reply under way. The caller looks at the fourth octet for
// whether it was the last.
std::optional<ReplyFault> ReplyParser::take_line() {
  if (line_.find('\0') != std::string::npos) return ReplyFault::bad_octet;
  const auto code = parse_code(line_);
  if (!code) return ReplyFault::bad_code;
  if (!reply_.lines.empty() && reply_.code != *code) return ReplyFault::mixed_codes;
  if (reply_.lines.size() == kMaxLines) return ReplyFault::too_many_lines;
  reply_.code = *code;
  reply_.lines.push_back(line_.size() > 4 ? line_.substr(4) : std::string());
  return std::nullopt;
}

ReplyParser::Step ReplyParser::next(std::string_view& octets) {
  while (!fault_ && !octets.empty()) {
    const auto end = octets.find('\n');
    const auto room = kMaxLine - 1 - line_.size();
    const bool is_too_long = std::min(end, octets.size()) > room;
    const auto piece = octets.substr(0, std::min(end, room));
    line_.append(piece);
    octets.remove_prefix(piece.size());
    // RFC 5321 §2.3.8: CR and LF only together.
    const auto first_cr = line_.find('\r');
    const bool is_cr_early = first_cr != std::string::npos && first_cr + 1 != line_.size();
    const bool is_lf_alone = end != std::string_view::npos && first_cr == std::string::npos;
    if (is_cr_early || (is_lf_alone && !is_too_long))
      fault_ = ReplyFault::bad_line_end;
    else if (is_too_long)
      fault_ = ReplyFault::line_too_long;
    if (fault_) break;
    if (end == std::string_view::npos) return NeedsMore{};
    octets.remove_prefix(1);
    line_.pop_back();
    fault_ = take_line();
    if (fault_) break;
    const bool is_last = line_.size() < 4 || line_[3] == ' ';
    line_.clear();
    if (!is_last) continue;
    Reply reply = std::exchange(reply_, {});
    reply.enhanced = parse_enhanced(reply.lines.front(), reply.code);
    return reply;
  }
  if (fault_) return *fault_;
  return NeedsMore{};
}

namespace {

bool is_keyword(std::string_view word) {
  // RFC 5321 §4.1.1.1: ehlo-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
  return !word.empty() && is_alnum(word.front()) &&
         std::all_of(word.begin(), word.end(), [](char c) { return is_alnum(c) || c == '-'; });
}

void take_size(Capabilities& offered, std::string_view argument) {
  offered.size = true;
  if (argument.empty()) return;
  const auto limit = parse_decimal(argument);
  if (limit) {
    offered.size_limit = *limit;
  } else {
    ++offered.malformed_lines;
  }
}

struct Flag {
  const char* keyword;
  bool Capabilities::*flag;
};
constexpr Flag kFlags[] = {
    {"PIPELINING", &Capabilities::pipelining},
    {"8BITMIME", &Capabilities::eight_bit_mime},
    {"SMTPUTF8", &Capabilities::smtputf8},
    {"CHUNKING", &Capabilities::chunking},
    {"DSN", &Capabilities::dsn},
    {"REQUIRETLS", &Capabilities::requiretls},
    {"STARTTLS", &Capabilities::starttls},
    {"ENHANCEDSTATUSCODES", &Capabilities::enhanced_status_codes},
};

}  // namespace

Capabilities parse_capabilities(const Reply& ehlo) {
  Capabilities offered;
  if (!ehlo.lines.empty()) {
    offered.greeting_domain = ehlo.lines[0].substr(0, ehlo.lines[0].find(' '));
  }
  for (std::size_t i = 1; i < ehlo.lines.size(); ++i) {
    const std::string_view line = trimmed(ehlo.lines[i]);
    const auto keyword = line.substr(0, line.find(' '));
    offered.keywords.emplace_back(line);
    if (!is_keyword(keyword)) {
      ++offered.malformed_lines;
      continue;
    }
    const auto argument = trimmed(line.substr(keyword.size()));
    if (equal_ignoring_case(keyword, "SIZE")) take_size(offered, argument);
    for (const Flag& flag : kFlags) {
      if (equal_ignoring_case(keyword, flag.keyword)) offered.*flag.flag = true;
    }
  }
  return offered;
}

}  // namespace sm::smtp
