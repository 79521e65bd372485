#include "delivery/equipment.h"

#include <array>

#include <unistd.h>

#include "crypto/random.h"
#include "delivery/sts_memory_cache.h"
#include "dns/address.h"

namespace sm::delivery {
namespace {

using namespace std::chrono_literals;

/// RFC 5321 §4.1.1.1: our own name; what the system calls itself where none is configured.
name::Domain own_name(const config::Network& network) {
  if (network.helo) return *network.helo;
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) {
    if (auto name = name::Domain::parse(host.data())) return *name;
  }
  return *name::Domain::parse("localhost.localdomain");
}

smtp::Manner manner(const config::Network& network, Patience patience) {
  smtp::Manner manner{.helo = own_name(network)};
  if (patience == Patience::probe) {
    manner.timeouts.connect = 10s;
    manner.timeouts.greeting = manner.timeouts.command = 30s;
    manner.timeouts.handshake = 20s;
  }
  return manner;
}

dns::ResolverOptions resolver_options(const config::Network& network,
                                      const Equipment::Options& options) {
  dns::ResolverOptions resolver;
  for (const auto& server : network.resolvers) {
    resolver.servers.push_back({server.address, server.port});
  }
  if (!network.trust_anchors.empty()) resolver.trust_anchor_file = network.trust_anchors.front();
  resolver.trust_ad_bit = network.trust_ad;
  resolver.parallel = options.parallel_lookups;
  resolver.dns_file = options.dns_file.value_or("");
  return resolver;
}

}  // namespace

struct Equipment::Parts {
  std::unique_ptr<dns::Resolver> resolver;
  std::optional<tls::Context> tls;
  std::unique_ptr<mtasts::Cache> sts_cache;
  std::unique_ptr<StsSource> sts_source;
  std::optional<FactFinder> finder;
  std::optional<smtp::Client> client;
  std::optional<smtp::NoticeClient> notice_client;
  std::optional<name::Domain> host_name;
};

Equipment::Equipment(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Equipment::~Equipment() = default;

dns::Resolver& Equipment::resolver() const {
  return *parts_->resolver;
}
const FactFinder& Equipment::finder() const {
  return *parts_->finder;
}
const smtp::Client& Equipment::client() const {
  return *parts_->client;
}
const smtp::NoticeClient& Equipment::notice_client() const {
  return *parts_->notice_client;
}
const name::Domain& Equipment::host_name() const {
  return *parts_->host_name;
}

Result<std::unique_ptr<dns::Resolver>> Equipment::begin_resolver(const config::Config& config,
                                                                 const Options& options) {
  const auto& network = config.network;
  if (network.trust_anchors.size() > 1) {
    return fail(Errc::configuration, "several trust anchor files: give one that holds all anchors");
  }
  return dns::begin_resolver(resolver_options(network, options));
}

Result<std::unique_ptr<Equipment>> Equipment::make(const config::Config& config, Options options,
                                                   std::unique_ptr<mtasts::Cache> sts_cache) {
  const auto& network = config.network;
  auto parts = std::make_unique<Parts>();
  parts->resolver = std::move(options.resolver);
  if (!parts->resolver) {
    auto resolver = begin_resolver(config, options);
    if (!resolver) return fail(std::move(resolver).error());
    parts->resolver = std::move(*resolver);
  }

  dns::AddressGuard guard;
  auto own = dns::own_addresses();
  if (!own) return fail(std::move(own).error());
  guard.own = std::move(*own);
  guard.allowed = network.allow_addresses;

  parts->host_name = own_name(network);
  parts->sts_cache = std::move(sts_cache);
  if (!parts->sts_cache) parts->sts_cache = std::make_unique<StsMemoryCache>();
  parts->sts_source = std::make_unique<StsSource>(*parts->resolver, guard,
                                                  StsSource::Options{.ca_file = network.ca_file});
  FactFinder::Parts finder{.resolver = parts->resolver.get(),
                           .sts_source = parts->sts_source.get(),
                           .sts_cache = parts->sts_cache.get(),
                           .guard = std::move(guard),
                           .random = crypto::random_below,
                           .own_names = {*parts->host_name},
                           .port = network.port};
  parts->finder.emplace(std::move(finder));

  auto context = tls::Context::create({.ca_file = network.ca_file});
  if (!context) return fail(std::move(context).error());
  parts->tls.emplace(std::move(*context));
  parts->client.emplace(*parts->tls, manner(network, options.patience));
  parts->notice_client.emplace(*parts->tls, smtp::Manner{.helo = *parts->host_name});
  // Last, since a resolver that has just begun is ready by now.
  if (auto ready = parts->resolver->check(); !ready) return fail(std::move(ready).error());
  return std::unique_ptr<Equipment>(new Equipment(std::move(parts)));
}

}  // namespace sm::delivery
