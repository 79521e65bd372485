#include "delivery/facts.h"

#include <algorithm>

#include "base/text.h"
#include "http/fetch.h"

namespace sm::delivery {
namespace {

/// RFC 8461 §3.1: at the recipient's domain itself.
constexpr std::string_view kStsLabel = "_mta-sts";

mtasts::FetchFailed why(const http::Failed& failed) {
  using Kind = mtasts::FetchFailed::Kind;
  switch (failed.failure) {
    case http::Failure::tls_untrusted:
    case http::Failure::tls_name:
    case http::Failure::tls_expired:
      return {Kind::webpki, failed.detail};
    case http::Failure::connect:
    case http::Failure::tls:
    case http::Failure::timed_out:
    case http::Failure::too_large:
    case http::Failure::protocol:
      return {Kind::fetch, failed.detail};
  }
  return {Kind::fetch, failed.detail};
}

/// The end of those that share the best preference.
std::vector<dns::MxHost>::iterator end_of_first(std::vector<dns::MxHost>& hosts) {
  return std::find_if(hosts.begin(), hosts.end(), [&](const dns::MxHost& host) {
    return host.preference != hosts.front().preference;
  });
}

void ask_for_first_hosts(dns::Resolver& resolver, const name::Domain& domain, std::uint16_t port,
                         const dns::Answer& mx) {
  const auto in_any_order = [](std::uint32_t bound) { return bound - 1; };
  auto hops = dns::next_hops(domain, mx, in_any_order);
  hops.hosts.erase(end_of_first(hops.hosts), hops.hosts.end());
  const bool is_signed = hops.security == dns::Security::secure;
  for (const auto& [preference, host] : hops.hosts) {
    resolver.ask_ahead({host, dns::Type::a});
    resolver.ask_ahead({host, dns::Type::aaaa});
    // Elsewhere than in a signed zone an insecure address may forbid the question (RFC 7672 §2.2).
    if (is_signed && host.is_at_or_under(domain)) dane::ask_ahead(resolver, host, port);
  }
}

}  // namespace

bool DestinationFacts::has_secure_hosts() const {
  if (uses_ntamx) return nta7516.answer.is_secure();
  return next_hops.security == dns::Security::secure;
}

const mtasts::Policy* DestinationFacts::enforced_policy() const {
  const auto* found = std::get_if<mtasts::Found>(&mta_sts);
  const bool is_enforced = found != nullptr && found->policy.mode == mtasts::Mode::enforce;
  return is_enforced ? &found->policy : nullptr;
}

std::vector<HostFacts> FactFinder::find_hosts(std::span<const dns::MxHost> hosts,
                                              std::size_t others) const {
  std::vector<name::Domain> names;
  for (const auto& host : hosts)
    names.push_back(host.host);
  const auto addresses = dns::lookup_addresses(*parts_.resolver, names, parts_.guard, others);
  auto tlsa = dane::lookup_all_tlsa(*parts_.resolver, addresses, parts_.port);
  std::vector<HostFacts> facts;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    facts.push_back({hosts[i], addresses[i], std::move(tlsa[i])});
  }
  return facts;
}

void FactFinder::complete(DestinationFacts& facts) const {
  auto found = find_hosts(facts.further_hosts, 0);
  std::move(found.begin(), found.end(), std::back_inserter(facts.hosts));
  facts.further_hosts.clear();
}

void FactFinder::ask_ahead(dns::Resolver& resolver, const name::Domain& domain,
                           std::uint16_t port) {
  resolver.ask_ahead({domain, dns::Type::mx}, [&resolver, domain, port](const dns::Answer& mx) {
    ask_for_first_hosts(resolver, domain, port, mx);
  });
  resolver.ask_ahead({domain, dns::Type::txt}, [&resolver, domain](const dns::Answer&) {
    resolver.ask_ahead_under(kStsLabel, domain, dns::Type::txt);
  });
}

Result<DestinationFacts> FactFinder::find(const name::Domain& domain, Wanted wanted) const {
  const dns::Question questions[] = {{domain, dns::Type::mx}, {domain, dns::Type::txt}};
  auto answers = parts_.resolver->lookup_all(questions);
  // While the hosts are looked up. Not with the first two questions: where one of these proved that
  // nothing lies below a signed name (RFC 8198), the answers are known without asking or verifying.
  parts_.sts_source->expect_record(domain);
  if (wanted.tlsrpt) tlsrpt::prefetch_record(*parts_.resolver, domain);

  auto nta = nta7516::judge(std::move(answers[1]));
  auto hops = dns::next_hops(domain, answers[0], parts_.random, parts_.own_names);
  // An unsigned TXT record could send mail to a stranger's host: only a secure one counts.
  const bool nta_applies = nta.outcome == nta7516::Outcome::record && nta.answer.is_secure() &&
                           nta.record->is_valid_at(parts_.clock->now());
  std::vector<dns::MxHost> hosts;
  const bool uses_ntamx = nta_applies && !nta.record->ntamx.empty();
  if (uses_ntamx) {
    hosts = nta7516::order_hosts(*nta.record, parts_.random);
  } else {
    hosts = hops.hosts;
  }
  const auto last = wanted.hosts == Hosts::all ? hosts.end() : end_of_first(hosts);
  const std::span first(hosts.begin(), last);
  auto host_facts = find_hosts(first, hosts.size() - first.size());
  std::optional<tlsrpt::Lookup> tlsrpt;
  if (wanted.tlsrpt) tlsrpt = tlsrpt::lookup_record(*parts_.resolver, domain);
  auto policy = mtasts::lookup(domain, *parts_.sts_source, *parts_.sts_cache, *parts_.clock);
  if (!policy) return fail(std::move(policy).error(), "the MTA-STS policy of " + domain.text());
  return DestinationFacts{.domain = domain,
                          .nta7516 = std::move(nta),
                          .nta7516_applies = nta_applies,
                          .uses_ntamx = uses_ntamx,
                          .next_hops = std::move(hops),
                          .mta_sts = std::move(*policy),
                          .tlsrpt = std::move(tlsrpt),
                          .hosts = std::move(host_facts),
                          .further_hosts = {last, hosts.end()}};
}

void StsSource::expect_record(const name::Domain& domain) {
  resolver_->prefetch_under(kStsLabel, domain, dns::Type::txt);
}

mtasts::RecordSource StsSource::record(const name::Domain& domain) {
  const auto answer = resolver_->lookup_under(kStsLabel, domain, dns::Type::txt);
  if (answer.is_unknown()) {
    return mtasts::RecordUnknown{dns::describe(answer), answer.outcome == dns::Outcome::bogus};
  }
  std::vector<std::string> texts;
  for (const auto& txt : answer.all<dns::Txt>())
    texts.push_back(txt.joined());
  return std::visit([](auto record) -> mtasts::RecordSource { return record; },
                    mtasts::parse_records(texts));
}

std::variant<std::string, mtasts::FetchFailed> StsSource::policy_text(const name::Domain& domain) {
  using Kind = mtasts::FetchFailed::Kind;
  const auto host = name::Domain::parse("mta-sts." + domain.text());
  if (!host) return mtasts::FetchFailed{Kind::fetch, host.error().what};
  const auto found = dns::lookup_addresses(*resolver_, {*host}, guard_).front();
  if (found.addresses.empty()) {
    return mtasts::FetchFailed{Kind::fetch, host->text() + " has no address" +
                                                (found.why.empty() ? "" : ": " + found.why)};
  }
  http::Request request;
  request.url = "https://" + host->text() + "/.well-known/mta-sts.txt";
  request.addresses = found.addresses;
  request.ca_file = options_.ca_file;
  request.time_limit = options_.timeout;
  request.size_limit = mtasts::kMostPolicyOctets;
  const auto outcome = http::fetch(request);
  if (!outcome) return mtasts::FetchFailed{Kind::fetch, outcome.error().what};
  if (const auto* failed = std::get_if<http::Failed>(&*outcome)) return why(*failed);
  const auto& response = std::get<http::Response>(*outcome);
  if (response.status != 200) {  // RFC 8461 §3.3: 200 only, redirects are not followed
    return mtasts::FetchFailed{Kind::fetch, "HTTP status " + std::to_string(response.status)};
  }
  // RFC 8461 §3.3: text/plain, so that a page that a stranger may put there is no policy.
  const auto media_type = trimmed(split(response.content_type, ';').front());
  if (!equal_ignoring_case(media_type, "text/plain")) {
    return mtasts::FetchFailed{
        Kind::fetch,
        "the policy's type is " + printable(media_type.substr(0, 80)) + ", not text/plain"};
  }
  return response.body;
}

}  // namespace sm::delivery
