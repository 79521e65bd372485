#include "smtp/command.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace sm::smtp {
namespace {

using namespace command;

constexpr std::size_t kMostName = 255;
constexpr std::uint64_t kMostSize = 99'999'999'999'999'999;  // RFC 1870 §4: 20 digits; ours are 17

Answer syntax(std::string why) {
  return {501, "5.5.4 " + std::move(why)};
}

/// RFC 3461 §4: "+" and two upper-case hex digits for what is not printable.
std::optional<std::string> from_xtext(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (is_digit(c)) return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c <= ' ' || c > '~' || c == '=') return std::nullopt;
    if (c != '+') {
      out += c;
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = digit(text[i + 1]);
    const int low = digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

/// What stands between "<" and ">", and the parameters after it. A quoted local part may hold ">".
struct Path {
  std::string_view path;
  std::string_view parameters;
};
std::optional<Path> split_path(std::string_view text) {
  if (!text.starts_with('<')) return std::nullopt;
  bool is_quoted = false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (is_quoted && text[i] == '\\') {
      ++i;
      continue;
    }
    if (text[i] == '"') is_quoted = !is_quoted;
    if (is_quoted || text[i] != '>') continue;
    const auto rest = text.substr(i + 1);
    if (!rest.empty() && !rest.starts_with(' ')) return std::nullopt;
    return Path{text.substr(1, i - 1), rest.empty() ? rest : rest.substr(1)};
  }
  return std::nullopt;
}

/// One parameter, NAME or NAME=VALUE (RFC 5321 §4.1.2 esmtp-param).
struct Parameter {
  std::string name;  ///< upper case
  std::optional<std::string_view> value;
};

std::optional<std::vector<Parameter>> split_parameters(std::string_view text) {
  std::vector<Parameter> parameters;
  if (text.empty()) return parameters;
  std::set<std::string> seen;
  for (const auto word : split(text, ' ')) {
    const auto equals = word.find('=');
    Parameter parameter{to_lower(word.substr(0, equals)), std::nullopt};
    if (equals != word.npos) parameter.value = word.substr(equals + 1);
    const bool is_name =
        !parameter.name.empty() && std::all_of(parameter.name.begin(), parameter.name.end(),
                                               [](char c) { return is_alnum(c) || c == '-'; });
    const bool is_value =
        !parameter.value ||
        (!parameter.value->empty() && std::all_of(parameter.value->begin(), parameter.value->end(),
                                                  [](char c) { return c > ' ' && c != 0x7f; }));
    if (!is_name || !is_value || !seen.insert(parameter.name).second) return std::nullopt;
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

Answer bad_parameter(const Parameter& parameter) {
  // RFC 5321 §4.1.1.11: 555, what is not known or not offered.
  return {555, "5.5.4 the parameter " + printable(parameter.name) + " is not understood"};
}

std::optional<Answer> apply(Mail& mail, const Parameter& parameter) {
  const auto& name = parameter.name;
  const auto& value = parameter.value;
  if (name == "size" && value) {
    const auto size = parse_decimal(*value, kMostSize);
    if (!size) return syntax("SIZE takes a number");
    mail.size = *size;
  } else if (name == "body" && value) {
    if (equal_ignoring_case(*value, "8BITMIME")) {
      mail.is_8bit = true;
    } else if (!equal_ignoring_case(*value, "7BIT")) {
      return syntax("BODY takes 7BIT or 8BITMIME");
    }
  } else if (name == "smtputf8" && !value) {
    mail.is_smtputf8 = true;
  } else if (name == "ret" && value) {
    const bool is_full = equal_ignoring_case(*value, "FULL");
    if (!is_full && !equal_ignoring_case(*value, "HDRS")) return syntax("RET takes FULL or HDRS");
    mail.returned = is_full ? Returned::full : Returned::headers;
  } else if (name == "envid" && value) {
    const auto text = from_xtext(*value);
    auto id = text ? EnvelopeId::parse(*text) : Result<EnvelopeId>(fail(Errc::malformed, ""));
    if (!id) return syntax("ENVID is no xtext");
    mail.id = std::move(*id);
  } else {
    return bad_parameter(parameter);
  }
  return std::nullopt;
}

std::optional<Answer> apply(Rcpt& rcpt, const Parameter& parameter) {
  const auto& value = parameter.value;
  if (parameter.name == "notify" && value) {
    auto notify = Notify::parse(*value);
    if (!notify) return syntax("NOTIFY takes NEVER, or SUCCESS, FAILURE, DELAY");
    rcpt.recipient.notify = *notify;
  } else if (parameter.name == "orcpt" && value) {
    const auto semicolon = value->find(';');
    const auto text =
        semicolon == value->npos ? std::nullopt : from_xtext(value->substr(semicolon + 1));
    if (!text) return syntax("ORCPT is no type and xtext");
    // What is no mailbox of ours cannot be handed on; the recipient counts.
    if (auto original = name::Mailbox::parse(*text)) {
      rcpt.recipient.original = std::move(*original);
    }
  } else {
    return bad_parameter(parameter);
  }
  return std::nullopt;
}

Command parse_hello(bool is_extended, std::string_view argument) {
  const bool is_name =
      !argument.empty() && argument.size() <= kMostName &&
      std::all_of(argument.begin(), argument.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!is_name) return Answer{501, "5.5.4 say who you are: a domain or an address literal"};
  return Hello{is_extended, std::string(argument)};
}

/// After "MAIL " or "RCPT ".
std::variant<Path, Answer> parse_path(std::string_view argument, std::string_view keyword) {
  if (!starts_with_ignoring_case(argument, keyword)) {
    return syntax("expected " + std::string(keyword) + "<address>");
  }
  const auto path = split_path(argument.substr(keyword.size()));
  if (!path) return syntax("expected " + std::string(keyword) + "<address>");
  return *path;
}

Command parse_mail(std::string_view argument) {
  const auto parsed = parse_path(argument, "FROM:");
  if (const auto* answer = std::get_if<Answer>(&parsed)) return *answer;
  const auto& path = std::get<Path>(parsed);
  auto sender = name::ReversePath::parse(path.path);
  if (!sender) return Answer{501, "5.1.7 " + printable(sender.error().what)};
  const auto parameters = split_parameters(path.parameters);
  if (!parameters) return syntax("the parameters cannot be read");
  Mail mail{.sender = std::move(*sender)};
  for (const auto& parameter : *parameters) {
    if (auto answer = apply(mail, parameter)) return *answer;
  }
  return mail;
}

Command parse_rcpt(std::string_view argument) {
  const auto parsed = parse_path(argument, "TO:");
  if (const auto* answer = std::get_if<Answer>(&parsed)) return *answer;
  const auto& path = std::get<Path>(parsed);
  auto mailbox = name::Mailbox::parse(path.path);
  if (!mailbox) return Answer{501, "5.1.3 " + printable(mailbox.error().what)};
  const auto parameters = split_parameters(path.parameters);
  if (!parameters) return syntax("the parameters cannot be read");
  Rcpt rcpt{{.mailbox = std::move(*mailbox)}};
  for (const auto& parameter : *parameters) {
    if (auto answer = apply(rcpt, parameter)) return *answer;
  }
  return rcpt;
}

}  // namespace

std::string Answer::line() const {
  return std::to_string(code) + ' ' + text + "\r\n";
}

Command parse_command(std::string_view line) {
  const bool has_control =
      std::any_of(line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (has_control || !is_utf8(line)) return Answer{500, "5.5.2 a command is one line of text"};
  const auto space = line.find(' ');
  const auto verb = to_lower(line.substr(0, space));
  const bool is_alone = space == line.npos;
  const auto argument = is_alone ? std::string_view() : line.substr(space + 1);
  if (verb == "ehlo" || verb == "helo") return parse_hello(verb == "ehlo", argument);
  if (verb == "mail") return parse_mail(argument);
  if (verb == "rcpt") return parse_rcpt(argument);
  // RFC 5321 §4.1.1.8, §4.1.1.9: these take a string.
  if (verb == "noop") return Noop{};
  if (verb == "help") return Help{};
  if (verb == "vrfy") return Verify{};
  const bool is_bare = verb == "data" || verb == "rset" || verb == "quit";
  if (is_bare && !is_alone) return syntax("no argument is expected");
  if (verb == "data") return Data{};
  if (verb == "rset") return Reset{};
  if (verb == "quit") return Quit{};
  for (const std::string_view known : {"starttls", "auth", "bdat", "expn", "turn", "etrn"}) {
    if (verb == known) return Answer{502, "5.5.1 this is not offered here"};
  }
  return Answer{500, "5.5.1 the command is not known"};
}

}  // namespace sm::smtp
