#include "sender/spf_host.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "sender/spf.h"

namespace sm::sender {
namespace {

enum class Match { yes, no, undecided };

/// The address with everything behind its first `length` bits cleared, as a network.
std::optional<IpPrefix> network_of(const IpAddress& address, std::uint64_t length) {
  std::vector<std::uint8_t> bytes(address.bytes().begin(), address.bytes().end());
  for (std::size_t bit = length; bit < bytes.size() * 8; ++bit)
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] & ~(0x80U >> (bit % 8)));
  return IpPrefix::parse(IpAddress::from_bytes(bytes)->text() + "/" + std::to_string(length));
}

/// "/24", "//64", "/24//64": the length that counts for this kind of address.
std::uint64_t length_of(std::string_view prefix, bool is_v4, bool is_dual) {
  const std::uint64_t whole = is_v4 ? 32 : 128;
  if (is_dual && !is_v4) {
    const auto at = prefix.find("//");
    return at == prefix.npos ? whole : parse_decimal(prefix.substr(at + 2), 128).value_or(whole);
  }
  const auto own = prefix.substr(0, prefix.find("//"));
  return own.empty() ? whole : parse_decimal(own.substr(1), whole).value_or(whole);
}

class Evaluation {
 public:
  Evaluation(dns::Resolver& resolver, const IpAddress& address)
      : resolver_(resolver), address_(address) {}

  SpfHostAnswer evaluate(const name::DnsName& domain);

 private:
  Match match(const SpfTerm& term, const name::DnsName& domain);
  Match match_include(const name::DnsName& target);
  Match match_host(const name::DnsName& host, const std::string& prefix);
  Match match_mx(const name::DnsName& target, const std::string& prefix);
  bool may_look_up(const SpfTerm& term);
  Match undecided(const std::string& why);

  dns::Resolver& resolver_;
  const IpAddress& address_;
  unsigned lookups_ = 0;
  std::string why_;
};

Match Evaluation::undecided(const std::string& why) {
  why_ = why;
  return Match::undecided;
}

bool Evaluation::may_look_up(const SpfTerm& term) {
  const bool is_free = term.name == "all" || term.name == "ip4" || term.name == "ip6";
  return is_free || ++lookups_ <= kMaxSpfLookups;
}

Match Evaluation::match_host(const name::DnsName& host, const std::string& prefix) {
  const auto type = address_.is_v4() ? dns::Type::a : dns::Type::aaaa;
  const auto answer = resolver_.lookup(host, type);
  if (answer.is_unknown()) return undecided(dns::describe(answer));
  const auto length = length_of(prefix, address_.is_v4(), true);
  for (const auto& each : answer.all<IpAddress>()) {
    const auto network = network_of(each, length);
    if (each.is_v4() == address_.is_v4() && network && network->contains(address_)) {
      return Match::yes;
    }
  }
  return Match::no;
}

Match Evaluation::match_mx(const name::DnsName& target, const std::string& prefix) {
  const auto answer = resolver_.lookup(target, dns::Type::mx);
  if (answer.is_unknown()) return undecided(dns::describe(answer));
  const auto hosts = answer.all<dns::Mx>();
  if (hosts.size() > kMostMxHosts) return undecided(target.text() + " has more than ten MX hosts");
  for (const auto& mx : hosts) {
    const auto host = name::DnsName::parse(mx.exchange);
    if (!host) continue;
    const auto matched = match_host(*host, prefix);
    if (matched != Match::no) return matched;
  }
  return Match::no;
}

/// RFC 7208 §5.2: only the pass of an included record matches; one without a record is an error.
Match Evaluation::match_include(const name::DnsName& target) {
  const auto included = evaluate(target);
  switch (included.answer) {
    case SpfHost::pass:
      return Match::yes;
    case SpfHost::fail:
    case SpfHost::neutral:
      return Match::no;
    case SpfHost::none:
      return undecided(target.text() + " is included and has no SPF record");
    case SpfHost::undecided:
      return undecided(included.why);
  }
  return Match::undecided;
}

Match Evaluation::match(const SpfTerm& term, const name::DnsName& domain) {
  if (!may_look_up(term)) return undecided("it needs more than ten DNS lookups");
  if (has_macro(term.value)) return undecided("a macro decides: " + term.value);
  if (term.name == "all") return Match::yes;
  if (term.name == "ip4" || term.name == "ip6") {
    const auto address = IpAddress::parse(term.value);
    if (!address || address->is_v4() != address_.is_v4()) return Match::no;
    const auto network = network_of(*address, length_of(term.prefix, address_.is_v4(), false));
    return network && network->contains(address_) ? Match::yes : Match::no;
  }
  const auto target =
      term.value.empty() ? Result<name::DnsName>(domain) : name::DnsName::parse(term.value);
  if (!target) return undecided("'" + term.value + "' is no name");
  if (term.name == "include") return match_include(*target);
  if (term.name == "a") return match_host(*target, term.prefix);
  if (term.name == "mx") return match_mx(*target, term.prefix);
  if (term.name == "exists") {
    const auto answer = resolver_.lookup(*target, dns::Type::a);
    if (answer.is_unknown()) return undecided(dns::describe(answer));
    return answer.has_data() ? Match::yes : Match::no;
  }
  return undecided("\"" + term.name + "\" decides, which receivers may ignore");
}

SpfHostAnswer answer_of(const SpfTerm& term) {
  switch (term.qualifier) {
    case SpfQualifier::pass:
      return {SpfHost::pass};
    case SpfQualifier::fail:
    case SpfQualifier::softfail:
      return {SpfHost::fail,
              (term.qualifier == SpfQualifier::fail ? "-" : "~") + term.name + " refuses it"};
    case SpfQualifier::neutral:
      break;
  }
  return {SpfHost::neutral};
}

SpfHostAnswer Evaluation::evaluate(const name::DnsName& domain) {
  const auto answer = resolver_.lookup(domain, dns::Type::txt);
  if (answer.is_unknown()) return {SpfHost::undecided, dns::describe(answer)};
  std::vector<SpfRecord> records;
  for (const auto& txt : answer.all<dns::Txt>()) {
    const auto text = txt.joined();
    if (text != "v=spf1" && !starts_with_ignoring_case(text, "v=spf1 ")) continue;
    auto record = parse_spf(text);
    if (!record) return {SpfHost::undecided, record.error().what};
    records.push_back(std::move(*record));
  }
  if (records.empty()) return {SpfHost::none};
  if (records.size() > 1) return {SpfHost::undecided, domain.text() + " has several SPF records"};
  for (const auto& term : records.front().terms) {
    if (term.is_modifier) continue;
    const auto matched = match(term, domain);
    if (matched == Match::undecided) return {SpfHost::undecided, why_};
    if (matched == Match::yes) return answer_of(term);
  }
  const auto redirect = records.front().redirect();
  if (!redirect) return {SpfHost::neutral};
  if (++lookups_ > kMaxSpfLookups) return {SpfHost::undecided, "it needs too many DNS lookups"};
  const auto target = name::DnsName::parse(*redirect);
  if (has_macro(*redirect) || !target) return {SpfHost::undecided, "a macro decides"};
  return evaluate(*target);
}

}  // namespace

SpfHostAnswer may_send(dns::Resolver& resolver, const name::Domain& domain,
                       const IpAddress& address) {
  return Evaluation(resolver, address).evaluate(domain);
}

}  // namespace sm::sender
