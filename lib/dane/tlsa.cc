#include "dane/tlsa.h"

#include <algorithm>

namespace sm::dane {
namespace {

constexpr std::uint8_t kPkixTa = 0;
constexpr std::uint8_t kPkixEe = 1;
constexpr std::uint8_t kDaneEe = 3;
constexpr std::uint8_t kSpki = 1;
constexpr std::uint8_t kFull = 0;
constexpr std::uint8_t kSha256 = 1;
constexpr std::uint8_t kSha512 = 2;

/// RFC 7671 §9: of two digests the one with the higher rank is the stronger.
int digest_rank(std::uint8_t matching_type) {
  return matching_type;  // SHA-256 is 1, SHA-512 is 2; others never come here
}

/// The same usage and selector, and a stronger digest.
bool is_outdone(const Tlsa& record, const std::vector<Tlsa>& usable) {
  if (record.matching_type == kFull) return false;
  return std::any_of(usable.begin(), usable.end(), [&](const Tlsa& other) {
    return other.usage == record.usage && other.selector == record.selector &&
           other.matching_type != kFull &&
           digest_rank(other.matching_type) > digest_rank(record.matching_type);
  });
}

std::optional<name::Domain> domain_of(const std::string& text) {
  const auto parsed = name::Domain::parse(text);
  return parsed ? std::optional(*parsed) : std::nullopt;
}

/// The way through one host's base domains until an answer decides.
struct Search {
  std::vector<name::Domain> bases;
  std::size_t next = 0;
  bool is_decided = false;
  Lookup lookup{.outcome = Outcome::insecure};

  [[nodiscard]] bool is_over() const { return is_decided || next == bases.size(); }
  [[nodiscard]] const name::Domain& base() const { return bases[next]; }
  void take(dns::Answer answer);
  void take_records(const dns::Answer& answer);
};

void Search::take_records(const dns::Answer& answer) {
  auto selected = select_usable(answer.records);
  lookup.outcome = selected.records.empty() ? Outcome::all_unusable : Outcome::usable;
  lookup.base_domain = base();
  lookup.records = std::move(selected.records);
  lookup.unusable = std::move(selected.unusable);
  is_decided = true;
}

void Search::take(dns::Answer answer) {
  switch (answer.outcome) {
    case dns::Outcome::data:
      if (answer.is_secure()) {
        take_records(answer);
      } else {
        // Records behind an alias in an unsigned zone, or in an unsigned zone of their own: that
        // zone is unsigned is itself proven, so this is as good as none (RFC 7672 §2.1.1).
        lookup.outcome = Outcome::none;
      }
      break;
    case dns::Outcome::no_data:
    case dns::Outcome::no_such_name:
      lookup.outcome = Outcome::none;
      break;
    case dns::Outcome::bogus:
    case dns::Outcome::failure:
      // RFC 7672 §2.1.2: not knowing is not "none"; there might be records under attack.
      lookup.outcome = Outcome::host_unusable;
      lookup.base_domain = base();
      lookup.is_bogus = answer.outcome == dns::Outcome::bogus;
      lookup.why = dns::describe(answer);
      is_decided = true;
      break;
  }
  lookup.answers.push_back(std::move(answer));
  ++next;
}

/// RFC 6698 §3.
std::string labels_of(std::uint16_t port) {
  return "_" + std::to_string(port) + "._tcp";
}

}  // namespace

std::optional<std::string> why_unusable(const Tlsa& tlsa) {
  // RFC 7672 §3.1.3: SMTP has no agreed set of certification authorities.
  if (tlsa.usage == kPkixTa) return "usage PKIX-TA(0) proves nothing in SMTP";
  if (tlsa.usage == kPkixEe) return "usage PKIX-EE(1) proves nothing in SMTP";
  if (tlsa.usage > kDaneEe) return "unknown usage " + std::to_string(tlsa.usage);
  if (tlsa.selector > kSpki) return "unknown selector " + std::to_string(tlsa.selector);
  switch (tlsa.matching_type) {
    case kFull:
      if (tlsa.data.empty()) return "no certificate data";
      return std::nullopt;
    case kSha256:
      if (tlsa.data.size() != 32) return "a SHA-256 digest has 32 bytes";
      return std::nullopt;
    case kSha512:
      if (tlsa.data.size() != 64) return "a SHA-512 digest has 64 bytes";
      return std::nullopt;
    default:
      return "unknown matching type " + std::to_string(tlsa.matching_type);
  }
}

Usable select_usable(const std::vector<dns::Record>& rrset) {
  Usable selected;
  std::vector<Tlsa> usable;
  for (const auto& record : rrset) {
    const auto* tlsa = std::get_if<Tlsa>(&record);
    if (tlsa == nullptr) {
      selected.unusable.push_back({dns::text(record), "the record is malformed"});
    } else if (const auto why = why_unusable(*tlsa)) {
      selected.unusable.push_back({dns::text(record), *why});
    } else {
      usable.push_back(*tlsa);
    }
  }
  for (const auto& tlsa : usable) {
    if (is_outdone(tlsa, usable)) {
      selected.unusable.push_back(
          {dns::text(tlsa), "a stronger digest for the same usage and selector is there"});
    } else {
      selected.records.push_back(tlsa);
    }
  }
  return selected;
}

std::vector<name::Domain> base_domains(const dns::HostAddresses& host) {
  std::vector<name::Domain> candidates;
  if (host.security == dns::Security::secure) {
    // The whole chain is secure. RFC 7672 §2.2.3: the expanded name first.
    if (const auto expanded = domain_of(host.canonical)) candidates.push_back(*expanded);
    if (candidates.empty() || candidates.front() != host.host) candidates.push_back(host.host);
    return candidates;
  }
  const bool is_own_alias_secure =
      !host.chain.empty() && host.chain.front().security == dns::Security::secure;
  if (is_own_alias_secure) candidates.push_back(host.host);
  return candidates;
}

Lookup lookup_tlsa(dns::Resolver& resolver, const dns::HostAddresses& host, std::uint16_t port) {
  return std::move(lookup_all_tlsa(resolver, {host}, port).front());
}

std::vector<Lookup> lookup_all_tlsa(dns::Resolver& resolver,
                                    const std::vector<dns::HostAddresses>& hosts,
                                    std::uint16_t port) {
  std::vector<Search> searches;
  for (const auto& host : hosts) {
    searches.push_back({.bases = base_domains(host)});
  }
  // A host has two base domains at most: two rounds, the second for aliases only.
  for (;;) {
    std::vector<Search*> open;
    std::vector<dns::Question> questions;
    for (auto& search : searches) {
      if (search.is_over()) continue;
      open.push_back(&search);
      questions.push_back({search.base(), dns::Type::tlsa});
    }
    if (open.empty()) break;
    auto answers = resolver.lookup_all_under(labels_of(port), questions);
    for (std::size_t i = 0; i < open.size(); ++i) {
      open[i]->take(std::move(answers[i]));
    }
  }
  std::vector<Lookup> results;
  for (auto& search : searches) {
    results.push_back(std::move(search.lookup));
  }
  return results;
}

void ask_ahead(dns::Resolver& resolver, const name::Domain& base_domain, std::uint16_t port) {
  resolver.ask_ahead_under(labels_of(port), base_domain, dns::Type::tlsa);
}

std::vector<name::Domain> reference_names(const name::Domain& base_domain,
                                          const dns::NextHops& next_hops) {
  std::vector<name::Domain> names{base_domain};
  const auto add = [&](const name::Domain& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  add(next_hops.domain);
  // An insecure alias could name anybody.
  if (next_hops.security == dns::Security::secure && next_hops.expanded) add(*next_hops.expanded);
  return names;
}

std::string_view text(Outcome outcome) {
  switch (outcome) {
    case Outcome::insecure:
      return "insecure";
    case Outcome::none:
      return "none";
    case Outcome::usable:
      return "usable";
    case Outcome::all_unusable:
      return "all-unusable";
    case Outcome::host_unusable:
      return "host-unusable";
  }
  return {};
}

}  // namespace sm::dane
