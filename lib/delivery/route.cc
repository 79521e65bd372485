#include "delivery/route.h"

#include <algorithm>

namespace sm::delivery {
namespace {

using smtp::Obstacle;

bool has_usable_tlsa(const HostFacts& host) {
  return host.tlsa.outcome == dane::Outcome::usable;
}

tls::DaneRecord for_tls(const dns::Tlsa& record) {
  return {record.usage, record.selector, record.matching_type, record.data};
}

Reason reason_of(const tls::ChainVerdict& verdict) {
  if (verdict.faults.empty()) return Reason::certificate_not_trusted;
  switch (verdict.faults.front()) {
    case tls::CertificateFault::host_mismatch:
      return Reason::certificate_host_mismatch;
    case tls::CertificateFault::expired:
      return Reason::certificate_expired;
    case tls::CertificateFault::not_yet_valid:
    case tls::CertificateFault::not_trusted:
      return Reason::certificate_not_trusted;
    case tls::CertificateFault::no_dane_match:
    case tls::CertificateFault::other:
      return Reason::validation_failure;
  }
  return Reason::validation_failure;
}

HostVerdict undetermined(Reason reason, std::string detail) {
  return {Verdict::undetermined, Mechanism::none, reason, std::move(detail)};
}

HostVerdict unproved(Reason reason, std::string detail) {
  return {Verdict::encrypted, Mechanism::none, reason, std::move(detail)};
}

/// No TLS session at all: what stood in the way says whether that is an answer.
HostVerdict judge_obstacle(Obstacle obstacle, const std::string& detail) {
  const auto insecure = [&](Reason reason) {
    return HostVerdict{Verdict::insecure, Mechanism::none, reason, detail};
  };
  switch (obstacle) {
    // RFC 3207 §4: without STARTTLS, or with it refused for good, mail would cross in the clear.
    case Obstacle::starttls_not_offered:
    case Obstacle::starttls_refused:
      return insecure(Reason::starttls_not_supported);
    case Obstacle::tls_failed:
      return insecure(Reason::validation_failure);
    case Obstacle::connect_failed:
      return undetermined(Reason::connect_failed, detail);
    case Obstacle::connect_timed_out:
    case Obstacle::timed_out:
      return undetermined(Reason::timed_out, detail);
    case Obstacle::deadline_passed:
      return undetermined(Reason::deadline_passed, detail);
    case Obstacle::rate_limited:
      return undetermined(Reason::rate_limited, detail);
    case Obstacle::greeting_refused:
      return undetermined(Reason::greeting_refused, detail);
    case Obstacle::tls_refused_now:
      return undetermined(Reason::tls_refused_now, detail);
    case Obstacle::lost:
      return undetermined(Reason::connection_lost, detail);
    case Obstacle::protocol_error:
    case Obstacle::injected:
      return undetermined(Reason::protocol_error, detail);
    case Obstacle::peer_not_verified:  // judged by the handshake; without one nothing is known
    case Obstacle::local_failure:
      return undetermined(Reason::internal_error, detail);
  }
  return undetermined(Reason::internal_error, detail);
}

/// RFC 7672: the records decide alone.
HostVerdict judge_dane(const DestinationFacts& destination, const tls::DaneVerdict& verdict) {
  if (!verdict.is_good()) {
    return unproved(reason_of(verdict), "no TLSA record matches the certificate: " + verdict.words);
  }
  if (destination.has_secure_hosts()) {
    return {Verdict::verified, Mechanism::dane, Reason::none, {}};
  }
  // RFC 7672 §2.2.1: the host proved who it is, but DNS gave its name without proof.
  return {Verdict::trusted, Mechanism::dane, Reason::none,
          "the MX host is verified by DANE, but the MX record itself is not signed"};
}

/// RFC 8461 §4: the MX must match the policy, and the certificate must match the MX.
HostVerdict judge_policy(const mtasts::Policy& policy, const HostFacts& host,
                         const tls::ChainVerdict& pkix) {
  if (!policy.covers(host.mx.host)) {
    return unproved(Reason::validation_failure,
                    host.mx.host.text() + " is not one of the hosts of the MTA-STS policy");
  }
  if (!pkix.is_good()) return unproved(reason_of(pkix), pkix.words);
  return {Verdict::verified, Mechanism::mta_sts, Reason::none, {}};
}

HostVerdict judge_handshake(const DestinationFacts& destination, const HostFacts& host,
                            const tls::Handshake& handshake) {
  if (has_usable_tlsa(host)) return judge_dane(destination, handshake.dane);
  if (destination.nta7516_applies) {
    return unproved(
        Reason::dane_required,
        "the domain's NTA 7516 record makes DANE mandatory, and this host has no usable "
        "TLSA record");
  }
  if (const auto* policy = destination.enforced_policy()) {
    return judge_policy(*policy, host, handshake.pkix);
  }
  if (handshake.pkix.is_good()) return {Verdict::trusted, Mechanism::pkix, Reason::none, {}};
  return unproved(reason_of(handshake.pkix), handshake.pkix.words);
}

/// Where nobody could tell whether there is an MTA-STS policy, a host that DANE does not prove is
/// undetermined: neither good enough nor free of promises.
HostVerdict with_unknown_policy(const DestinationFacts& destination, const HostFacts& host,
                                HostVerdict verdict) {
  const auto* unknown = std::get_if<mtasts::Undetermined>(&destination.mta_sts);
  if (unknown == nullptr || has_usable_tlsa(host) || verdict.verdict == Verdict::undetermined) {
    return verdict;
  }
  return undetermined(unknown->is_bogus ? Reason::dns_bogus : Reason::dns_temporary,
                      "whether there is an MTA-STS policy could not be told: " + unknown->why);
}

int rank(Verdict verdict) {
  switch (verdict) {
    case Verdict::verified:
      return 5;
    case Verdict::trusted:
      return 4;
    case Verdict::encrypted:
      return 3;
    case Verdict::insecure:
      return 2;
    case Verdict::undeliverable:
      return 1;
    case Verdict::undetermined:
      return 0;
  }
  return 0;
}

}  // namespace

tls::Expectations expectations(const DestinationFacts& destination, const HostFacts& host) {
  tls::Expectations expected{.server_name = host.mx.host};
  if (!has_usable_tlsa(host)) {
    expected.pkix_names = {host.mx.host};  // RFC 8461 §4.1, and for `trusted`: the MX host's name
    expected.demand = tls::Demand::pkix;
    return expected;
  }
  expected.demand = tls::Demand::dane;
  expected.server_name = host.tlsa.base_domain.value_or(host.mx.host);  // RFC 7672 §8.1
  for (const auto& record : host.tlsa.records)
    expected.dane_records.push_back(for_tls(record));
  expected.dane_ta_names = dane::reference_names(expected.server_name, destination.next_hops);
  return expected;
}

std::optional<HostVerdict> judge_before_connecting(const HostFacts& host) {
  using Kind = dns::HostAddresses::Kind;
  const auto dns_reason = [](bool is_bogus) {
    return is_bogus ? Reason::dns_bogus : Reason::dns_temporary;
  };
  switch (host.addresses.kind) {
    case Kind::found:
      break;
    case Kind::none:
      return HostVerdict{Verdict::undeliverable, Mechanism::none, Reason::no_mail_host,
                         host.mx.host.text() + " has no address"};
    case Kind::all_refused:
      return HostVerdict{Verdict::undeliverable, Mechanism::none, Reason::address_forbidden,
                         host.mx.host.text() + " leads to " +
                             host.addresses.refused.front().address.text() + ": " +
                             host.addresses.refused.front().why};
    case Kind::undetermined:
      return undetermined(dns_reason(host.addresses.is_bogus), host.addresses.why);
  }
  switch (host.tlsa.outcome) {
    case dane::Outcome::insecure:
    case dane::Outcome::none:
    case dane::Outcome::usable:
    case dane::Outcome::all_unusable:
      break;
    case dane::Outcome::host_unusable:  // RFC 7672 §2.1.2, §2.2: neither "none" nor a fallback
      return undetermined(dns_reason(host.tlsa.is_bogus), host.tlsa.why);
  }
  return std::nullopt;
}

HostVerdict judge(const DestinationFacts& destination, const HostFacts& host,
                  const smtp::SessionFacts& session) {
  if (auto before = judge_before_connecting(host)) return *before;
  HostVerdict verdict;
  if (session.obstacle && *session.obstacle != Obstacle::peer_not_verified) {
    verdict = judge_obstacle(*session.obstacle, session.detail);
  } else if (session.tls) {
    verdict = judge_handshake(destination, host, *session.tls);
  } else {
    verdict = undetermined(Reason::internal_error, "no TLS session");
  }
  return with_unknown_policy(destination, host, verdict);
}

bool has_promise(const DestinationFacts& destination, const HostFacts& host) {
  return has_usable_tlsa(host) || destination.nta7516_applies ||
         destination.enforced_policy() != nullptr;
}

std::optional<HostVerdict> judge_domain(const DestinationFacts& destination) {
  using Kind = dns::NextHops::Kind;
  const auto& hops = destination.next_hops;
  const auto undeliverable = [](Reason reason, std::string detail) {
    return HostVerdict{Verdict::undeliverable, Mechanism::none, reason, std::move(detail)};
  };
  if (destination.nta7516.outcome == nta7516::Outcome::failure) {
    const bool is_bogus = destination.nta7516.answer.outcome == dns::Outcome::bogus;
    return undetermined(is_bogus ? Reason::dns_bogus : Reason::dns_temporary,
                        destination.nta7516.why);
  }
  const std::string& name = destination.domain.text();
  switch (hops.kind) {
    case Kind::mx:
    case Kind::implicit_mx:
      break;
    case Kind::null_mx:
      return undeliverable(Reason::null_mx, name + " says that it takes no mail (null MX)");
    case Kind::no_such_domain:
      return undeliverable(Reason::no_such_domain, "there is no domain " + name);
    case Kind::loop:
      return undeliverable(Reason::mail_loop, "this host is the best mail server of " + name);
    case Kind::no_valid_mx:
      return undeliverable(Reason::no_mail_host, name + " has no valid MX record");
    case Kind::undetermined: {
      const bool is_bogus = hops.answer.outcome == dns::Outcome::bogus;
      return undetermined(is_bogus ? Reason::dns_bogus : Reason::dns_temporary,
                          dns::describe(hops.answer));
    }
  }
  if (destination.hosts.empty()) {
    return undeliverable(Reason::no_mail_host, name + " has no mail server");
  }
  return std::nullopt;
}

bool promises_nothing(const DestinationFacts& destination, const DestinationVerdict& verdict) {
  if (verdict.is_promised || judge_domain(destination)) return false;
  return std::all_of(destination.hosts.begin(), destination.hosts.end(),
                     [&](const HostFacts& host) {
                       const auto judged = judge_before_connecting(host);
                       const bool is_unknown = judged && (judged->reason == Reason::dns_temporary ||
                                                          judged->reason == Reason::dns_bogus);
                       return !is_unknown && !has_promise(destination, host);
                     });
}

DestinationVerdict combine(const DestinationFacts& destination,
                           const std::vector<HostVerdict>& hosts, Minimum minimum) {
  DestinationVerdict combined;
  combined.is_promised =
      destination.nta7516_applies || destination.enforced_policy() != nullptr ||
      std::any_of(destination.hosts.begin(), destination.hosts.end(),
                  [&](const HostFacts& host) { return has_promise(destination, host); });
  if (const auto verdict = judge_domain(destination)) {
    combined.best = *verdict;
    return combined;
  }
  if (hosts.empty()) {
    combined.best = undetermined(Reason::not_connected, "no host was tried");
    return combined;
  }
  const auto choose = [&](auto is_better) {
    combined.host = 0;
    for (std::size_t i = 1; i < hosts.size(); ++i) {
      if (is_better(hosts[i], hosts[*combined.host])) combined.host = i;
    }
  };
  const auto worth = [&](const HostVerdict& host) {
    if (reaches(host.verdict, minimum)) return 100;        // the first that does
    if (host.verdict == Verdict::undetermined) return 50;  // else: nobody can tell
    return rank(host.verdict);                             // else the best level
  };
  choose([&](const HostVerdict& a, const HostVerdict& b) { return worth(a) > worth(b); });
  combined.best = hosts[*combined.host];
  return combined;
}

Course course(const DestinationVerdict& verdict, Minimum minimum) {
  if (reaches(verdict.best.verdict, minimum)) return Course::deliver;
  switch (verdict.best.verdict) {
    case Verdict::undetermined:
      return Course::defer;
    case Verdict::undeliverable:
      return Course::fail;
    case Verdict::verified:
    case Verdict::trusted:
    case Verdict::encrypted:
    case Verdict::insecure:
      break;
  }
  // A level above insecure that the *minimum* asks more of breaks no promise of the destination.
  const bool breaks_promise = verdict.is_promised && verdict.best.verdict != Verdict::trusted;
  return breaks_promise ? Course::defer : Course::fall_back;
}

std::string enhanced_code(Reason reason, Course course) {
  switch (reason) {
    case Reason::null_mx:
      return "5.1.10";  // RFC 7505 §4.1
    case Reason::no_such_domain:
      return "5.1.2";  // RFC 3463 §3.2
    case Reason::no_mail_host:
    case Reason::address_forbidden:
      return "5.4.4";
    case Reason::mail_loop:
      return "5.4.6";
    default:
      break;
  }
  switch (reason) {
    case Reason::dns_temporary:
      return "4.4.3";
    case Reason::dns_bogus:
      return "4.7.5";
    case Reason::connect_failed:
    case Reason::timed_out:
    case Reason::greeting_refused:
    case Reason::rate_limited:
      return "4.4.1";
    case Reason::connection_lost:
      return "4.4.2";
    case Reason::deadline_passed:
      return "4.4.7";
    case Reason::protocol_error:
      return "4.5.0";
    default:
      break;
  }
  // RFC 7672 §2.2, RFC 8461 §5: cryptographic failure; X.7.5 as registered by RFC 3463 §3.8.
  return course == Course::fall_back ? "5.7.5" : "4.7.5";
}

}  // namespace sm::delivery
