#include "dns/file_resolver.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "dns/mx.h"
#include "dns/records.h"

namespace sm::dns {
namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr int kFileServFail = 2;
constexpr int kFileNxDomain = 3;
constexpr int kFileRefused = 5;

struct Keyword {
  std::string_view word;
  Outcome outcome;
  FailureKind failure;
};
constexpr std::array kKeywords{
    Keyword{"NXDOMAIN", Outcome::no_such_name, FailureKind::servfail},
    Keyword{"NODATA", Outcome::no_data, FailureKind::servfail},
    Keyword{"SERVFAIL", Outcome::failure, FailureKind::servfail},
    Keyword{"TIMEOUT", Outcome::failure, FailureKind::timeout},
    Keyword{"REFUSED", Outcome::failure, FailureKind::refused},
    Keyword{"BOGUS", Outcome::bogus, FailureKind::servfail},
};

std::optional<ZoneTable::Fixed> parse_fixed(std::string_view word, std::string_view rest) {
  for (const auto& keyword : kKeywords) {
    if (!equal_ignoring_case(keyword.word, word)) continue;
    return ZoneTable::Fixed{keyword.outcome, keyword.failure, std::string(rest)};
  }
  return std::nullopt;
}

std::string_view next_word(std::string_view& line) {
  line = trimmed(line, kBlanks);
  const auto end = std::min(line.find_first_of(kBlanks), line.size());
  const auto word = line.substr(0, end);
  line = trimmed(line.substr(end), kBlanks);
  return word;
}

/// Without a comment at the end: `#` after white space, outside double quotes.
std::string_view without_comment(std::string_view line) {
  bool is_quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      is_quoted = !is_quoted;
    } else if (line[i] == '#' && !is_quoted &&
               (i == 0 || kBlanks.find(line[i - 1]) != kBlanks.npos)) {
      return trimmed(line.substr(0, i), kBlanks);
    }
  }
  return line;
}

Result<void> read_line(std::string_view line, ZoneTable& table) {
  const auto name = name::DnsName::parse(next_word(line));
  if (!name) return fail(name.error());
  auto word = next_word(line);
  if (!word.empty() && parse_decimal(word, UINT32_MAX)) word = next_word(line);  // a TTL
  if (equal_ignoring_case(word, "IN")) word = next_word(line);
  if (equal_ignoring_case(word, "SECURE") || equal_ignoring_case(word, "INSECURE")) {
    table.set_security(*name, to_lower(word) == "secure" ? Security::secure : Security::insecure);
    return {};
  }
  if (const auto fixed = parse_fixed(word, without_comment(line))) {
    table.fix(*name, std::nullopt, *fixed);
    return {};
  }
  const auto type = parse_type(word);
  if (!type) return fail(Errc::malformed, "'" + printable(word) + "' is no record type");
  const bool is_plain_txt = *type == Type::txt && !line.starts_with('"');
  if (!is_plain_txt) line = without_comment(line);
  auto rest = line;
  const auto first = next_word(rest);
  if (const auto fixed = parse_fixed(first, rest)) {
    table.fix(*name, *type, *fixed);
    return {};
  }
  auto record = parse_record_text(*type, line);
  if (!record) return fail(std::move(record).error());
  if (const auto* broken = std::get_if<Malformed>(&*record)) {
    return fail(Errc::malformed, broken->why);
  }
  table.add(*name, *type, *std::move(record));
  return {};
}

Answer fixed_answer(const Question& question, const ZoneTable::Fixed& fixed, Security security) {
  Answer answer{.question = question, .outcome = fixed.outcome};
  answer.canonical = question.name.text();
  if (answer.is_absent()) {
    answer.security = security;
    answer.rcode = answer.outcome == Outcome::no_such_name ? kFileNxDomain : 0;
    return answer;
  }
  answer.failure = fixed.failure;
  answer.rcode = fixed.failure == FailureKind::refused ? kFileRefused : kFileServFail;
  answer.why = fixed.why;
  if (answer.why.empty() && answer.outcome == Outcome::bogus) answer.why = "validation failed";
  return answer;
}

/// The parent of a name: "" above the last label.
std::string_view parent_of(std::string_view name) {
  const auto dot = name.find('.');
  return dot == name.npos ? std::string_view{} : name.substr(dot + 1);
}

}  // namespace

void ZoneTable::add(const name::DnsName& name, Type type, Record record) {
  nodes_[name.text()].records[type].push_back(std::move(record));
}

void ZoneTable::fix(const name::DnsName& name, std::optional<Type> type, Fixed fixed) {
  auto& node = nodes_[name.text()];
  if (type) {
    node.fixed_types[*type] = std::move(fixed);
  } else {
    node.fixed = std::move(fixed);
  }
}

void ZoneTable::set_security(const name::DnsName& name, Security security) {
  security_[name.text()] = security;
}

Security ZoneTable::security_of(const std::string& name) const {
  for (std::string_view at = name; !at.empty(); at = parent_of(at)) {
    const auto found = security_.find(std::string(at));
    if (found != security_.end()) return found->second;
  }
  return Security::insecure;
}

/// RFC 4592 §2.2.2: a name above an existing one exists.
bool ZoneTable::exists(const std::string& name) const {
  return std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& entry) {
    return entry.first == name || entry.first.ends_with("." + name);
  });
}

Answer ZoneTable::answer(const Question& question) const {
  std::string at = question.name.text();
  std::vector<Hop> chain;
  Security security = Security::secure;
  const auto finished = [&](Answer answer) {
    answer.chain = answer.is_unknown() ? std::vector<Hop>{} : chain;
    answer.canonical = at;
    return answer;
  };
  for (;;) {
    if (security_of(at) == Security::insecure) security = Security::insecure;
    const auto found = nodes_.find(at);
    if (found == nodes_.end()) {
      const auto outcome = exists(at) ? Outcome::no_data : Outcome::no_such_name;
      return finished(fixed_answer(question, {.outcome = outcome}, security));
    }
    const Node& node = found->second;
    if (node.fixed) return finished(fixed_answer(question, *node.fixed, security));
    const auto fixed = node.fixed_types.find(question.type);
    if (fixed != node.fixed_types.end()) {
      return finished(fixed_answer(question, fixed->second, security));
    }
    const auto records = node.records.find(question.type);
    if (records != node.records.end()) {
      Answer answer{.question = question, .outcome = Outcome::data, .security = security};
      answer.records = records->second;
      answer.ttl = 3600;
      return finished(answer);
    }
    const auto alias = node.records.find(Type::cname);
    if (alias == node.records.end()) {
      return finished(fixed_answer(question, {.outcome = Outcome::no_data}, security));
    }
    if (chain.size() == kMaxHops) {
      return finished(fixed_answer(
          question,
          {Outcome::failure, FailureKind::malformed, "the chain of CNAMEs is too long, or a loop"},
          security));
    }
    const auto& target = std::get<Target>(alias->second.front()).name;
    chain.push_back({at, target, security});
    at = target;
  }
}

Result<ZoneTable> parse_dns_file(std::string_view text) {
  ZoneTable table;
  std::size_t number = 0;
  for (const auto line : split(text, '\n')) {
    ++number;
    const auto content = trimmed(line, kBlanks);
    if (content.empty() || content.front() == '#') continue;
    auto read = read_line(content, table);
    if (!read) return fail(std::move(read).error(), "line " + std::to_string(number));
  }
  return table;
}

}  // namespace sm::dns
