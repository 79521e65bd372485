#include "dns/mx.h"

#include <algorithm>

#include "base/text.h"

namespace sm::dns {
namespace {

NextHops start(const name::Domain& domain, const Answer& mx, NextHops::Kind kind) {
  NextHops hops{.kind = kind, .domain = domain, .expanded = domain, .answer = mx};
  if (!mx.chain.empty()) {
    const auto target = name::Domain::parse(mx.canonical);
    hops.expanded = target ? std::optional(*target) : std::nullopt;
  }
  hops.security = mx.security;
  return hops;
}

/// RFC 7505 §3: one MX record, preference 0 (any preference is taken), exchange ".".
bool is_null_mx(const Answer& mx) {
  const auto records = mx.all<Mx>();
  return mx.records.size() == 1 && records.size() == 1 && records.front().exchange == ".";
}

/// The records with valid host names, in the order in which they came; the others go to `skipped`.
std::vector<MxHost> valid_hosts(const Answer& mx, std::vector<SkippedMx>& skipped) {
  std::vector<MxHost> hosts;
  for (const auto& record : mx.records) {
    const Mx* one = std::get_if<Mx>(&record);
    if (one == nullptr) {
      skipped.push_back({0, text(record), "the record is malformed"});
      continue;
    }
    if (one->exchange == ".") {
      skipped.push_back({one->preference, ".", "a null MX beside other MX records (RFC 7505 §3)"});
      continue;
    }
    const auto host = name::Domain::parse(one->exchange);
    if (!host) {
      skipped.push_back({one->preference, one->exchange, "it is no host name"});
      continue;
    }
    const bool is_known = std::any_of(hosts.begin(), hosts.end(), [&](const MxHost& known) {
      return known.host == *host && known.preference == one->preference;
    });
    if (!is_known) hosts.push_back({one->preference, *host});
  }
  return hosts;
}

/// RFC 5321 §5.1: with an own name in the list, hosts of its preference and worse ones would send
/// the message back. True when there was one.
bool drop_from_own(std::vector<MxHost>& hosts, std::vector<SkippedMx>& skipped,
                   const std::vector<name::Domain>& own_names) {
  const auto is_own = [&](const MxHost& mx) {
    return std::find(own_names.begin(), own_names.end(), mx.host) != own_names.end();
  };
  const auto own = std::find_if(hosts.begin(), hosts.end(), is_own);
  if (own == hosts.end()) return false;
  const auto limit = own->preference;
  const auto first = std::find_if(hosts.begin(), hosts.end(),
                                  [&](const MxHost& mx) { return mx.preference >= limit; });
  for (auto mx = first; mx != hosts.end(); ++mx) {
    skipped.push_back({mx->preference, mx->host.text(),
                       is_own(*mx) ? "it is this host" : "this host is as near to the mailbox"});
  }
  hosts.erase(first, hosts.end());
  return true;
}

void cap(std::vector<MxHost>& hosts, std::vector<SkippedMx>& skipped) {
  for (std::size_t i = kMaxHosts; i < hosts.size(); ++i) {
    skipped.push_back({hosts[i].preference, hosts[i].host.text(),
                       "only the first " + std::to_string(kMaxHosts) + " hosts are tried"});
  }
  if (hosts.size() > kMaxHosts) hosts.erase(hosts.begin() + kMaxHosts, hosts.end());
}

NextHops from_records(NextHops hops, const RandomBelow& random,
                      const std::vector<name::Domain>& own_names) {
  if (is_null_mx(hops.answer)) {
    hops.kind = NextHops::Kind::null_mx;
    return hops;
  }
  hops.hosts = valid_hosts(hops.answer, hops.skipped);
  order_hosts(hops.hosts, random);
  const bool had_own = drop_from_own(hops.hosts, hops.skipped, own_names);
  cap(hops.hosts, hops.skipped);
  if (hops.hosts.empty()) {
    hops.kind = had_own ? NextHops::Kind::loop : NextHops::Kind::no_valid_mx;
  }
  return hops;
}

/// RFC 5321 §5.1: without MX records the domain is its own mail host, under the name at the end of
/// its CNAMEs.
NextHops implicit(NextHops hops, const std::vector<name::Domain>& own_names) {
  const auto is_own = [&](const name::Domain& host) {
    return std::find(own_names.begin(), own_names.end(), host) != own_names.end();
  };
  if (is_own(hops.domain) || (hops.expanded && is_own(*hops.expanded))) {
    hops.kind = NextHops::Kind::loop;
    hops.skipped.push_back({0, hops.domain.text(), "it is this host"});
    return hops;
  }
  hops.hosts.push_back({0, hops.domain});
  return hops;
}

struct Found {
  std::vector<IpAddress> addresses;
  std::vector<RefusedAddress> refused;
};

Found judged(const Answer& answer, const AddressGuard& guard) {
  Found found;
  for (const auto& address : answer.all<IpAddress>()) {
    if (const auto why = guard.refusal(address)) {
      found.refused.push_back({address, *why});
    } else if (std::find(found.addresses.begin(), found.addresses.end(), address) ==
               found.addresses.end()) {
      found.addresses.push_back(address);
    }
  }
  return found;
}

/// RFC 8305 §4: families in turn, so that one that does not work costs little.
std::vector<IpAddress> in_turn(const std::vector<IpAddress>& first,
                               const std::vector<IpAddress>& second) {
  std::vector<IpAddress> all;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) all.push_back(first[i]);
    if (i < second.size()) all.push_back(second[i]);
  }
  return all;
}

/// The answer whose chain and security stand for the host: one with addresses, and of two such a
/// secure one, since to ask for TLSA once too often lowers nothing. Both name the same chain, save
/// for tricks.
const Answer& telling_answer(const Answer& a, const Answer& aaaa) {
  if (a.has_data() != aaaa.has_data()) return a.has_data() ? a : aaaa;
  if (a.has_data()) return a.is_secure() ? a : aaaa;
  return a.is_secure() ? aaaa : a;  // no addresses: secure only when both denials are
}

void keep_addresses(HostAddresses& host, std::size_t most) {
  if (host.addresses.size() <= most) return;
  host.left_off += host.addresses.size() - most;
  host.addresses.erase(host.addresses.begin() + static_cast<std::ptrdiff_t>(most),
                       host.addresses.end());
}

/// One address a host and round, in order of preference, until `left` are given out.
void share_out(std::vector<HostAddresses>& hosts, std::size_t left) {
  std::vector<std::size_t> shares(hosts.size(), 0);
  for (bool is_growing = true; is_growing && left > 0;) {
    is_growing = false;
    for (std::size_t i = 0; i < hosts.size() && left > 0; ++i) {
      if (shares[i] == hosts[i].addresses.size()) continue;
      ++shares[i];
      --left;
      is_growing = true;
    }
  }
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    keep_addresses(hosts[i], shares[i]);
  }
}

void set_unknown(HostAddresses& host, const Answer& unknown) {
  host.kind = HostAddresses::Kind::undetermined;
  host.is_bogus = unknown.outcome == Outcome::bogus;
  host.why = describe(unknown);
}

}  // namespace

void order_hosts(std::vector<MxHost>& hosts, const RandomBelow& random) {
  for (std::size_t i = hosts.size(); i > 1; --i) {
    std::swap(hosts[i - 1], hosts[random(static_cast<std::uint32_t>(i))]);
  }
  std::stable_sort(hosts.begin(), hosts.end(),
                   [](const MxHost& a, const MxHost& b) { return a.preference < b.preference; });
}

NextHops next_hops(const name::Domain& domain, const Answer& mx, const RandomBelow& random,
                   const std::vector<name::Domain>& own_names) {
  switch (mx.outcome) {
    case Outcome::data:
      return from_records(start(domain, mx, NextHops::Kind::mx), random, own_names);
    case Outcome::no_data:
      return implicit(start(domain, mx, NextHops::Kind::implicit_mx), own_names);
    case Outcome::no_such_name:
      return start(domain, mx, NextHops::Kind::no_such_domain);
    case Outcome::bogus:
    case Outcome::failure:
      break;
  }
  return start(domain, mx, NextHops::Kind::undetermined);
}

HostAddresses join_addresses(const name::Domain& host, Answer a, Answer aaaa,
                             const AddressGuard& guard) {
  auto v4 = judged(a, guard);
  auto v6 = judged(aaaa, guard);
  const Answer& best = telling_answer(a, aaaa);
  HostAddresses result{.kind = HostAddresses::Kind::none,
                       .host = host,
                       .addresses = in_turn(v6.addresses, v4.addresses),
                       .refused = std::move(v6.refused),
                       .chain = best.chain,
                       .canonical = best.canonical,
                       .a = a,
                       .aaaa = aaaa};
  result.refused.insert(result.refused.end(), v4.refused.begin(), v4.refused.end());
  result.security = best.security;
  if (!result.addresses.empty()) {
    result.kind = HostAddresses::Kind::found;
  } else if (a.is_unknown() || aaaa.is_unknown()) {
    // Also where the other family's addresses are all refused: the unknown one may be good.
    set_unknown(result, a.is_unknown() ? a : aaaa);
  } else if (!result.refused.empty()) {
    result.kind = HostAddresses::Kind::all_refused;
  }
  keep_addresses(result, kMaxAddresses);
  return result;
}

std::vector<HostAddresses> lookup_addresses(Resolver& resolver,
                                            const std::vector<name::Domain>& hosts,
                                            const AddressGuard& guard, std::size_t others) {
  std::vector<Question> questions;
  for (const auto& host : hosts) {
    questions.push_back({host, Type::a});
    questions.push_back({host, Type::aaaa});
  }
  auto answers = resolver.lookup_all(questions);
  std::vector<HostAddresses> results;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    results.push_back(
        join_addresses(hosts[i], std::move(answers[2 * i]), std::move(answers[2 * i + 1]), guard));
  }
  share_out(results, kMaxAddresses - std::min(others, kMaxAddresses - 1));
  return results;
}

}  // namespace sm::dns
