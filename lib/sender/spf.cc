#include "sender/spf.h"

#include <algorithm>
#include <array>

#include "base/address.h"
#include "base/text.h"

namespace sm::sender {
namespace {

constexpr std::string_view kSpfVersion = "v=spf1";
/// Records are followed beyond what receivers do, so that the owner learns by how much.
constexpr unsigned kMostFollowed = 40;

enum class Argument { none, optional, required };
enum class Prefix { none, v4, v6, dual };

struct Mechanism {
  std::string_view name;
  Argument argument;
  Prefix prefix;
  bool is_lookup;  ///< counts against the limit of ten
};
/// RFC 7208 §5.
constexpr std::array kMechanisms{
    Mechanism{"all", Argument::none, Prefix::none, false},
    Mechanism{"include", Argument::required, Prefix::none, true},
    Mechanism{"a", Argument::optional, Prefix::dual, true},
    Mechanism{"mx", Argument::optional, Prefix::dual, true},
    Mechanism{"ptr", Argument::optional, Prefix::none, true},
    Mechanism{"ip4", Argument::required, Prefix::v4, false},
    Mechanism{"ip6", Argument::required, Prefix::v6, false},
    Mechanism{"exists", Argument::required, Prefix::none, true},
};

const Mechanism* find_mechanism(std::string_view name) {
  for (const auto& mechanism : kMechanisms) {
    if (mechanism.name == name) return &mechanism;
  }
  return nullptr;
}

/// RFC 7208 §4.5: the version, then a space or the end.
bool is_spf(std::string_view text) {
  if (!starts_with_ignoring_case(text, kSpfVersion)) return false;
  return text.size() == kSpfVersion.size() || text[kSpfVersion.size()] == ' ';
}

/// RFC 7208 §7.1: one macro of a macro-string at its start; its length, or 0.
std::size_t macro_length(std::string_view text) {
  if (text.size() < 2 || text[0] != '%') return 0;
  constexpr std::string_view kSingle = "%_-";
  if (kSingle.find(text[1]) != kSingle.npos) return 2;
  const auto end = text.find('}');
  if (text[1] != '{' || end == text.npos || end < 3) return 0;
  constexpr std::string_view kLetters = "slodiphcrtvSLODIPHCRTV";
  auto inside = text.substr(2, end - 2);
  if (kLetters.find(inside.front()) == kLetters.npos) return 0;
  inside.remove_prefix(1);
  while (!inside.empty() && is_digit(inside.front())) {
    inside.remove_prefix(1);
  }
  if (!inside.empty() && to_lower(inside.front()) == 'r') inside.remove_prefix(1);
  constexpr std::string_view kDelimiters = ".-+,/_=";
  return inside.find_first_not_of(kDelimiters) == inside.npos ? end + 1 : 0;
}

bool is_macro_string(std::string_view text) {
  while (!text.empty()) {
    if (text.front() == '%') {
      const std::size_t length = macro_length(text);
      if (length == 0) return false;
      text.remove_prefix(length);
    } else {
      if (text.front() < 0x21 || text.front() > 0x7e) return false;
      text.remove_prefix(1);
    }
  }
  return true;
}

/// RFC 7208 §7.1's domain-spec.
bool is_domain_spec(std::string_view text) {
  if (text.empty() || !is_macro_string(text)) return false;
  return has_macro(text) || name::DnsName::parse(text).has_value();
}

bool is_prefix_length(std::string_view text, std::uint64_t most) {
  return parse_decimal(text, most).has_value();
}

/// "/24", "//64", "/24//64".
bool is_dual_prefix(std::string_view text) {
  if (text.empty()) return true;
  const auto v6_at = text.find("//");
  if (v6_at != text.npos && !is_prefix_length(text.substr(v6_at + 2), 128)) return false;
  const auto v4 = text.substr(0, v6_at);
  return v4.empty() || (v4.front() == '/' && is_prefix_length(v4.substr(1), 32));
}

bool is_network(const SpfTerm& term, bool is_v4) {
  const auto address = IpAddress::parse(term.value);
  if (!address || address->is_v4() != is_v4) return false;
  const std::string_view prefix = term.prefix;
  return prefix.empty() || is_prefix_length(prefix.substr(1), is_v4 ? 32 : 128);
}

/// What is wrong with a mechanism's arguments, or nothing.
const char* argument_fault(const Mechanism& mechanism, const SpfTerm& term, bool has_value) {
  if (has_value && mechanism.argument == Argument::none) return "it takes no argument";
  if (!has_value && mechanism.argument == Argument::required) return "its argument is missing";
  switch (mechanism.prefix) {
    case Prefix::v4:
      return is_network(term, true) ? nullptr : "it is no IPv4 network";
    case Prefix::v6:
      return is_network(term, false) ? nullptr : "it is no IPv6 network";
    case Prefix::dual:
      if (!is_dual_prefix(term.prefix)) return "the prefix length is wrong";
      break;
    case Prefix::none:
      if (!term.prefix.empty()) return "it takes no prefix length";
      break;
  }
  if (has_value && !is_domain_spec(term.value)) return "its argument is no domain name";
  return nullptr;
}

Unexpected bad_term(std::string_view term, const std::string& why) {
  return fail(Errc::malformed, "'" + printable(term) + "': " + why);
}

std::optional<SpfQualifier> qualifier_of(char c) {
  switch (c) {
    case '+':
      return SpfQualifier::pass;
    case '-':
      return SpfQualifier::fail;
    case '~':
      return SpfQualifier::softfail;
    case '?':
      return SpfQualifier::neutral;
    default:
      return std::nullopt;
  }
}

Result<SpfTerm> parse_mechanism(std::string_view text) {
  SpfTerm term;
  std::string_view rest = text;
  if (const auto qualifier = qualifier_of(rest.front())) {
    term.qualifier = *qualifier;
    rest.remove_prefix(1);
  }
  const auto name_end = std::min(rest.find_first_of(":/"), rest.size());
  term.name = to_lower(rest.substr(0, name_end));
  rest.remove_prefix(name_end);
  const Mechanism* mechanism = find_mechanism(term.name);
  if (mechanism == nullptr) return bad_term(text, "there is no such mechanism");
  const bool has_value = rest.starts_with(':');
  if (has_value) rest.remove_prefix(1);
  // A slash inside a macro is not a prefix length; IPv6 addresses have colons, not slashes.
  const auto macro_end = rest.rfind('}');
  const auto slash = rest.find('/', macro_end == rest.npos ? 0 : macro_end);
  term.value = std::string(rest.substr(0, slash));
  if (slash != rest.npos) term.prefix = std::string(rest.substr(slash));
  if (const char* fault = argument_fault(*mechanism, term, has_value)) return bad_term(text, fault);
  return term;
}

/// RFC 7208 §4.6.1: a modifier is name=value; the name begins with a letter.
bool is_modifier(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == text.npos || equals == 0 || !is_alpha(text.front())) return false;
  const auto name = text.substr(0, equals);
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

Result<SpfTerm> parse_modifier(std::string_view text) {
  const auto equals = text.find('=');
  SpfTerm term;
  term.name = to_lower(text.substr(0, equals));
  term.value = std::string(text.substr(equals + 1));
  term.is_modifier = true;
  const bool is_known = term.name == "redirect" || term.name == "exp";
  if (is_known && !is_domain_spec(term.value)) return bad_term(text, "its value is no domain name");
  if (!is_macro_string(term.value)) return bad_term(text, "its value is malformed");
  return term;
}

/// Follows one domain's record through all that it includes.
class Walk {
 public:
  Walk(dns::Resolver& resolver, Spf& spf) : resolver_(resolver), spf_(spf) {}

  /// Reads the record of the domain and of all that it refers to; its own `all`, after redirects.
  std::optional<SpfQualifier> read(const name::DnsName& name, bool is_own);

 private:
  std::optional<SpfRecord> record_of(const name::DnsName& name, bool is_own);
  void follow(const SpfTerm& term, const name::DnsName& name);
  void resolve_addresses(const name::DnsName& name);
  void resolve_hosts(const name::DnsName& name);
  bool may_look_up();
  void set_invalid(const std::string& why);
  void set_unknown(const std::string& why);

  dns::Resolver& resolver_;
  Spf& spf_;
};

void Walk::set_invalid(const std::string& why) {
  if (spf_.state == SpfState::invalid) return;  // the first fault tells most
  spf_.state = SpfState::invalid;
  spf_.why = why;
}

void Walk::set_unknown(const std::string& why) {
  if (spf_.state != SpfState::good) return;
  spf_.state = SpfState::unknown;
  spf_.why = why;
}

bool Walk::may_look_up() {
  ++spf_.lookups;
  return spf_.lookups <= kMostFollowed;
}

std::optional<SpfRecord> Walk::record_of(const name::DnsName& name, bool is_own) {
  spf_.answers.push_back(resolver_.lookup(name, dns::Type::txt));
  const auto& answer = spf_.answers.back();
  if (answer.is_unknown()) {
    set_unknown(dns::describe(answer));
    return std::nullopt;
  }
  std::vector<std::string> found;
  for (const auto& txt : answer.all<dns::Txt>()) {
    auto joined = txt.joined();
    if (is_spf(joined)) found.push_back(std::move(joined));
  }
  if (found.empty() && is_own) {
    if (spf_.state == SpfState::good) spf_.state = SpfState::none;
    return std::nullopt;
  }
  if (found.size() != 1) {
    // RFC 7208 §3.2, §5.2: none at the target of an include is an error, too.
    set_invalid(name.text() + " has " + (found.empty() ? "no" : std::to_string(found.size())) +
                " SPF record" + (found.size() > 1 ? "s" : ""));
    return std::nullopt;
  }
  if (!is_own) spf_.included.push_back(name.text() + ": " + found.front());
  auto record = parse_spf(found.front());
  if (!record) {
    set_invalid(name.text() + ": " + record.error().what);
    return std::nullopt;
  }
  return *std::move(record);
}

std::optional<SpfQualifier> Walk::read(const name::DnsName& name, bool is_own) {
  const auto record = record_of(name, is_own);
  if (!record) return std::nullopt;
  if (is_own) spf_.record = record;
  for (const auto& term : record->terms) {
    follow(term, name);
  }
  // RFC 7208 §6.1: a redirect counts only without "all".
  const auto target = record->redirect();
  if (record->all() || !target) return record->all();
  if (!may_look_up() || has_macro(*target)) return std::nullopt;
  return read(*name::DnsName::parse(*target), false);
}

void Walk::follow(const SpfTerm& term, const name::DnsName& name) {
  if (term.is_modifier) return;
  const Mechanism* mechanism = find_mechanism(term.name);
  if (mechanism == nullptr || !mechanism->is_lookup) return;
  spf_.uses_ptr = spf_.uses_ptr || term.name == "ptr";
  if (!may_look_up() || has_macro(term.value)) return;
  const auto target =
      term.value.empty() ? Result<name::DnsName>(name) : name::DnsName::parse(term.value);
  if (!target) return;
  if (term.name == "include") read(*target, false);
  if (term.name == "a") resolve_addresses(*target);
  if (term.name == "mx") resolve_hosts(*target);
}

/// RFC 7208 §4.6.4: a lookup without any answer is void.
void Walk::resolve_addresses(const name::DnsName& name) {
  const dns::Question both[] = {{name, dns::Type::a}, {name, dns::Type::aaaa}};
  const auto answers = resolver_.lookup_all(both);
  for (const auto& answer : answers) {
    if (answer.is_unknown()) set_unknown(dns::describe(answer));
  }
  if (answers[0].is_absent() && answers[1].is_absent()) ++spf_.void_lookups;
}

void Walk::resolve_hosts(const name::DnsName& name) {
  const auto answer = resolver_.lookup(name, dns::Type::mx);
  if (answer.is_unknown()) set_unknown(dns::describe(answer));
  if (answer.is_absent()) ++spf_.void_lookups;
  if (answer.all<dns::Mx>().size() > kMostMxHosts) {
    set_invalid("mx: " + name.text() + " has more than ten MX hosts");
  }
}

}  // namespace

std::optional<SpfQualifier> SpfRecord::all() const {
  for (const auto& term : terms) {
    if (!term.is_modifier && term.name == "all") return term.qualifier;
  }
  return std::nullopt;
}

std::optional<std::string> SpfRecord::redirect() const {
  for (const auto& term : terms) {
    if (term.is_modifier && term.name == "redirect") return term.value;
  }
  return std::nullopt;
}

Result<SpfRecord> parse_spf(std::string_view text) {
  if (!is_spf(text)) return fail(Errc::malformed, "the record does not begin with v=spf1");
  SpfRecord record{.text = std::string(text)};
  for (const auto piece : split(text.substr(kSpfVersion.size()), ' ')) {
    if (piece.empty()) continue;
    auto term = is_modifier(piece) ? parse_modifier(piece) : parse_mechanism(piece);
    if (!term) return fail(std::move(term).error());
    const bool is_single = term->is_modifier && (term->name == "redirect" || term->name == "exp");
    const bool is_there = std::any_of(
        record.terms.begin(), record.terms.end(),
        [&](const SpfTerm& other) { return other.is_modifier && other.name == term->name; });
    if (is_single && is_there) return bad_term(piece, "it stands twice");  // RFC 7208 §6
    record.terms.push_back(*std::move(term));
  }
  return record;
}

std::string_view text(SpfState state) {
  switch (state) {
    case SpfState::good:
      return "good";
    case SpfState::none:
      return "none";
    case SpfState::open:
      return "open";
    case SpfState::invalid:
      return "invalid";
    case SpfState::unknown:
      return "unknown";
  }
  return {};
}

Spf look_at_spf(dns::Resolver& resolver, const name::Domain& domain) {
  Spf spf{.state = SpfState::good};
  Walk walk(resolver, spf);
  spf.all = walk.read(domain, true);
  if (spf.state != SpfState::invalid && spf.lookups > kMaxSpfLookups) {
    spf.state = SpfState::invalid;
    spf.why = "it needs " + std::to_string(spf.lookups) + " DNS lookups, receivers stop at ten";
  } else if (spf.state == SpfState::good && spf.void_lookups > kMaxVoidLookups) {
    spf.state = SpfState::invalid;
    spf.why =
        std::to_string(spf.void_lookups) + " of its names do not exist, receivers stop at two";
  }
  const bool is_closed = spf.all == SpfQualifier::fail || spf.all == SpfQualifier::softfail;
  if (spf.state == SpfState::good && !is_closed) spf.state = SpfState::open;
  return spf;
}

}  // namespace sm::sender
