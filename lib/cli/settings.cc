#include "cli/settings.h"

namespace sm::cli {
namespace {

Result<config::Sources> sources_of(const Common& common) {
  if (common.config && common.config->empty()) {
    return fail(Errc::usage, "the value of --config is empty");
  }
  if (common.state && common.state->empty()) {
    return fail(Errc::usage, "the value of --state is empty");
  }
  config::Sources sources;
  sources.flag_file = common.config;
  sources.flag_state = common.state;
  sources.environment_file = common.environment.config;
  sources.environment_state = common.environment.state;
  sources.user_config_folder = common.environment.user_config_folder;
  return sources;
}

Result<config::Overrides> overrides_of(const NetworkFlags& network,
                                       const config::PolicyLayer& policy) {
  config::Overrides overrides;
  for (const auto& text : network.resolvers) {
    constexpr std::uint16_t kDnsPort = 53;
    const auto resolver = ServerAddress::parse(text, kDnsPort);
    if (!resolver) {
      return fail(Errc::usage, "--resolver: '" + text + "' is no address",
                  "give an IP address, with @PORT where it is not 53");
    }
    overrides.resolvers.push_back(*resolver);
  }
  overrides.trust_anchors = network.trust_anchors;
  overrides.ca_file = network.ca_file;
  overrides.port = network.port;
  overrides.deadline = network.deadline;
  overrides.dns_file = network.dns_file;
  overrides.policy = policy;
  return overrides;
}

}  // namespace

Result<config::Config> load_config(const Common& common, const NetworkFlags& network,
                                   const config::PolicyLayer& policy) {
  const auto sources = sources_of(common);
  if (!sources) return fail(sources.error());
  const auto overrides = overrides_of(network, policy);
  if (!overrides) return fail(overrides.error());
  auto changed = *overrides;
  changed.is_sealing_enabled = common.environment.is_sealing_enabled;
  return config::load(*sources, changed);
}

std::optional<config::Minimum> minimum_of(const std::optional<std::string>& flag) {
  if (!flag) return std::nullopt;
  return *flag == "verified" ? config::Minimum::verified : config::Minimum::trusted;
}

}  // namespace sm::cli
