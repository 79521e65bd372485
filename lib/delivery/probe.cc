#include "delivery/probe.h"

#include "smtp/outcome.h"

namespace sm::delivery {
namespace {

/// Two destinations may share what was seen of a host when the same would be demanded of it.
std::string share_key(const tls::Expectations& peer, const HostFacts& host) {
  std::string key = host.mx.host.text() + " " + peer.server_name.text();
  for (const auto& address : host.addresses.addresses)
    key += " " + address.text();
  bool has_anchor = false;
  for (const auto& record : peer.dane_records) {
    key += " " + record.text();
    has_anchor = has_anchor || record.usage == 2;
  }
  // Under DANE-TA the names count, and the next-hop domain is one of them (RFC 7672 §3.2.2).
  if (has_anchor) {
    for (const auto& name : peer.dane_ta_names)
      key += " " + name.text();
  }
  return key;
}

DestinationReport unknown(const name::Domain& domain, const Error& error) {
  DestinationReport report{.domain = domain};
  report.verdict.best = {Verdict::undetermined, Mechanism::none, Reason::internal_error,
                         error.what};
  return report;
}

}  // namespace

Pacer::Turn::Turn(Pacer& pacer, std::string address)
    : pacer_(&pacer), address_(std::move(address)) {
  std::unique_lock lock(pacer.mutex_);
  pacer.is_free_.wait(lock, [&] { return pacer.busy_[address_] < pacer.limit_; });
  ++pacer.busy_[address_];
}

Pacer::Turn::~Turn() {
  const std::lock_guard lock(pacer_->mutex_);
  if (--pacer_->busy_[address_] == 0) pacer_->busy_.erase(address_);
  pacer_->is_free_.notify_all();
}

SessionPtr Prober::connect(const tls::Expectations& peer, const HostFacts& host,
                           const Deadline& deadline) {
  SessionPtr session;
  for (const auto& address : host.addresses.addresses) {
    const smtp::Target target{{address, finder_->port()}, peer};
    const Pacer::Turn turn(pacer_, address.text());
    session = std::make_shared<smtp::SessionFacts>(client_->probe(target, deadline));
    // An address that says nothing about the host gives way to the next one.
    if (!session->obstacle || smtp::is_definite(*session->obstacle)) return session;
  }
  return session;
}

SessionPtr Prober::session_with(const DestinationFacts& destination, const HostFacts& host,
                                const Deadline& deadline) {
  auto peer = expectations(destination, host);
  peer.pkix_names = {host.mx.host};  // told beside DANE, too
  const std::string key = share_key(peer, host);
  std::promise<SessionPtr> mine;
  std::shared_future<SessionPtr> shared;
  {
    const std::lock_guard lock(mutex_);
    const auto [found, is_new] = sessions_.try_emplace(key, mine.get_future().share());
    if (!is_new) shared = found->second;
  }
  if (shared.valid()) return shared.get();
  auto session = connect(peer, host, deadline);
  mine.set_value(session);
  return session;
}

HostReport Prober::look_at(const DestinationFacts& destination, const HostFacts& host,
                           const Deadline& deadline) {
  if (auto verdict = judge_before_connecting(host)) return {std::move(*verdict), nullptr};
  if (!options_.connects) {
    return {{Verdict::undetermined, Mechanism::none, Reason::not_connected, "nobody connected"},
            nullptr};
  }
  const auto session = session_with(destination, host, deadline);
  return {judge(destination, host, *session), session};
}

DestinationReport Prober::probe(const name::Domain& domain) {
  const Deadline deadline(finder_->clock(), options_.deadline);
  const auto started = finder_->clock().monotonic();
  auto facts = finder_->find(domain, {.tlsrpt = options_.wants_tlsrpt});
  if (!facts) return unknown(domain, facts.error());
  DestinationReport report{.domain = domain};
  report.facts = std::make_shared<const DestinationFacts>(std::move(*facts));

  std::vector<std::future<HostReport>> others;
  const auto& hosts = report.facts->hosts;
  for (std::size_t i = 1; i < hosts.size(); ++i) {
    others.push_back(std::async(std::launch::async,
                                [&, i] { return look_at(*report.facts, hosts[i], deadline); }));
  }
  if (!hosts.empty()) report.hosts.push_back(look_at(*report.facts, hosts[0], deadline));
  for (auto& other : others)
    report.hosts.push_back(other.get());

  std::vector<HostVerdict> verdicts;
  for (const auto& host : report.hosts)
    verdicts.push_back(host.verdict);
  report.verdict = combine(*report.facts, verdicts, options_.minimum);
  report.took =
      std::chrono::duration_cast<std::chrono::milliseconds>(finder_->clock().monotonic() - started);
  return report;
}

}  // namespace sm::delivery
