#include "setup/surroundings.h"

#include "dns/address.h"

namespace sm::setup {
namespace {

std::vector<IpAddress> public_addresses() {
  std::vector<IpAddress> found;
  const auto own = dns::own_addresses();
  if (!own) return found;
  for (const auto& address : *own) {
    if (address.is_public()) found.push_back(address);
  }
  return found;
}

name::DnsName top_level_of(const name::Domain& domain) {
  return *name::DnsName::parse(domain.labels().back());
}

std::optional<std::string> sts_record(dns::Resolver& resolver, const name::Domain& domain) {
  const auto answer = resolver.lookup_under("_mta-sts", domain, dns::Type::txt);
  for (const auto& txt : answer.all<dns::Txt>()) {
    const auto text = txt.joined();
    if (text.starts_with("v=STSv1;")) return text;
  }
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<delivery::Equipment>> own_equipment(
    config::Config config, const name::Domain& domain, const std::optional<std::string>& dns_file) {
  const auto own = dns::own_addresses();
  if (!own) return fail(own.error());
  for (const auto& address : *own) {
    if (const auto prefix = IpPrefix::parse(address.text())) {
      config.network.allow_addresses.push_back(*prefix);
    }
  }
  // Where this machine is the domain's mail host, its own name in EHLO would look like a loop.
  const auto name = domain.prefixed("smsetup");
  if (name) {
    if (auto helo = name::Domain::from(*name)) config.network.helo = std::move(*helo);
  }
  return delivery::Equipment::make(
      config, {.patience = delivery::Patience::probe, .dns_file = dns_file}, nullptr);
}

Surroundings look_around(const delivery::Equipment& equipment, const name::Domain& domain,
                         std::vector<IpAddress> addresses,
                         const std::vector<std::string>& selectors) {
  auto& resolver = equipment.resolver();
  delivery::Prober prober(equipment.finder(), equipment.client(), {});
  Surroundings around{.domain = domain,
                      .sender = sender::look_at_sender(resolver, domain, selectors),
                      .own_mx = prober.probe(domain),
                      .top_level = resolver.lookup(top_level_of(domain), dns::Type::ns)};
  if (addresses.empty()) addresses = public_addresses();
  for (const auto& address : addresses)
    around.addresses.push_back({address, sender::may_send(resolver, domain, address)});
  around.found_sts = sts_record(resolver, domain);
  around.has_policy_host = resolver.lookup_under("mta-sts", domain, dns::Type::a).has_data() ||
                           resolver.lookup_under("mta-sts", domain, dns::Type::aaaa).has_data();
  return around;
}

}  // namespace sm::setup
