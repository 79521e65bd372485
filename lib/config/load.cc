#include <algorithm>
#include <cerrno>

#include <sys/stat.h>

#include "base/file.h"
#include "config/schema.h"

namespace sm::config {
namespace {

constexpr std::size_t kMostOctets = std::size_t{1} << 20;
constexpr const char* kFlags = "a flag";

struct Loaded {
  std::string path;
  FileText text;
};

enum class Presence { there, absent };

/// Anything but "no such file" is an error: a policy that cannot be read is not absent.
Result<Presence> look_for(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return Presence::there;
  if (errno == ENOENT || errno == ENOTDIR) return Presence::absent;
  return fail_errno(Errc::configuration, "looking for " + path, errno);
}

bool is_same_file(const std::string& a, const std::string& b) {
  struct stat first {};
  struct stat second {};
  return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

Result<Loaded> load_file(const std::string& path) {
  const auto text = read_file(path, kMostOctets);
  if (!text) {
    Error error = text.error();
    error.code = Errc::configuration;
    return fail(std::move(error), "reading the configuration");
  }
  auto parsed = parse_file(*text, path);
  if (!parsed) return fail(std::move(parsed).error());
  return Loaded{path, std::move(*parsed)};
}

Result<std::optional<Loaded>> load_if_there(const std::string& path) {
  const auto presence = look_for(path);
  if (!presence) return fail(presence.error());
  if (*presence == Presence::absent) return std::optional<Loaded>();
  auto loaded = load_file(path);
  if (!loaded) return fail(std::move(loaded).error());
  return std::optional<Loaded>(std::move(*loaded));
}

/// A file that somebody named must be there.
Result<std::optional<Loaded>> load_named(const std::string& path, const std::string& who) {
  if (path.empty()) return fail(Errc::usage, "the value of " + who + " is empty");
  const auto presence = look_for(path);
  if (!presence) return fail(presence.error());
  if (*presence == Presence::absent) {
    return fail(Errc::no_input, "the configuration " + path + " (" + who + ") does not exist");
  }
  return load_if_there(path);
}

/// The file in the user's own folder. Where it cannot even be looked for (HOME is somebody else's),
/// what it demands is not known.
Result<std::optional<Loaded>> load_own(const std::string& folder) {
  auto loaded = load_if_there(folder + "/smtools/smtools.yaml");
  if (!loaded && loaded.error().hint.empty()) {
    loaded.error().hint = "name a configuration by --config, or set HOME to a folder of one's own";
  }
  return loaded;
}

/// The file that is chosen besides the binding one, which stands in where none is.
Result<std::optional<Loaded>> load_chosen(const Sources& sources) {
  if (sources.flag_file) return load_named(*sources.flag_file, "--config");
  if (sources.environment_file) return load_named(*sources.environment_file, "SMTOOLS_CONFIG");
  if (sources.user_config_folder) {
    return load_own(*sources.user_config_folder);
  }
  return std::optional<Loaded>();
}

/// The policy that binding file and chosen file make together.
Result<Policy> joint_policy(const std::optional<Loaded>& binding,
                            const std::optional<Loaded>& own) {
  Policy policy;
  for (const auto* file : {&binding, &own}) {
    if (!*file) continue;
    auto tight = tightened(policy, (*file)->text.policy, (*file)->path);
    if (!tight) return tight;
    policy = std::move(*tight);
  }
  return policy;
}

void apply_flags(Network& network, const Overrides& overrides) {
  if (!overrides.resolvers.empty()) network.resolvers = overrides.resolvers;
  if (!overrides.trust_anchors.empty()) network.trust_anchors = overrides.trust_anchors;
  if (overrides.ca_file) network.ca_file = overrides.ca_file;
  if (overrides.port) network.port = *overrides.port;
  if (overrides.deadline) network.deadline = *overrides.deadline;
}

/// Where answers and trust come from, held to the policy; what nobody chose is the policy's.
Result<void> bind_network(Network& network, const Policy& policy) {
  PolicyLayer chosen;
  if (!network.resolvers.empty()) chosen.resolvers = network.resolvers;
  if (!network.trust_anchors.empty()) chosen.trust_anchors = network.trust_anchors;
  chosen.ca_file = network.ca_file;
  const auto bound = tightened(policy, chosen, "the network section or a flag");
  if (!bound) return fail(bound.error());
  network.resolvers = bound->resolvers;
  network.trust_anchors = bound->trust_anchors;
  network.ca_file = bound->ca_file;
  return {};
}

/// Ways around the resolvers and trust anchors that the policy names.
Result<void> refuse_detours(const Overrides& overrides, const Network& network,
                            const Policy& policy, bool is_binding_network) {
  if (policy.resolvers.empty() && policy.trust_anchors.empty()) return {};
  constexpr const char* kHint = "the policy names the resolvers or the trust anchors";
  if (overrides.dns_file) {
    return fail(Errc::denied, "policy-forbids: --dns-file replaces the DNS", kHint);
  }
  if (network.trust_ad && !is_binding_network) {
    return fail(Errc::denied, "policy-forbids: trust_ad replaces DNSSEC validation", kHint);
  }
  return {};
}

/// A flag has replaced the loopback resolvers that trust_ad was allowed for.
Result<void> check_trust_ad(const Network& network) {
  const bool is_local =
      !network.resolvers.empty() &&
      std::all_of(network.resolvers.begin(), network.resolvers.end(),
                  [](const ServerAddress& server) { return server.address.is_loopback(); });
  if (!network.trust_ad || is_local) return {};
  return fail(Errc::configuration, "trust_ad believes only resolvers on this machine",
              "leave --resolver or trust_ad out");
}

Result<std::vector<Organisation>> organisations_of(const FileText& file, const Policy& policy,
                                                   const Overrides& overrides,
                                                   const std::string& path) {
  std::vector<Organisation> organisations;
  for (const auto& text : file.organisations) {
    Organisation organisation = text.organisation;
    auto own = tightened(policy, text.policy, path + ", organisation " + organisation.id + ",");
    if (own) own = tightened(*own, overrides.policy, kFlags);
    if (!own) return fail(std::move(own).error());
    organisation.policy = std::move(*own);
    organisations.push_back(std::move(organisation));
  }
  return organisations;
}

/// SECURE_MAIL_ENABLED speaks for all organisations.
void switch_sealing(Config& config, bool is_enabled) {
  config.sealing.is_enabled = is_enabled;
  for (auto& organisation : config.organisations)
    organisation.sealing.is_enabled = is_enabled;
}

}  // namespace

const Organisation* Config::organisation_of(const name::Domain& sender) const {
  const auto found =
      std::find_if(organisations.begin(), organisations.end(), [&](const Organisation& each) {
        return std::find(each.domains.begin(), each.domains.end(), sender) != each.domains.end();
      });
  return found == organisations.end() ? nullptr : &*found;
}

const Organisation* Config::find_organisation(std::string_view id) const {
  const auto found = std::find_if(organisations.begin(), organisations.end(),
                                  [&](const Organisation& each) { return each.id == id; });
  return found == organisations.end() ? nullptr : &*found;
}

Organisation Config::default_organisation() const {
  Organisation organisation;
  organisation.id = kDefaultOrganisation;
  organisation.name = kDefaultOrganisation;
  organisation.policy = policy;
  organisation.audit_origin = audit_origin;
  organisation.sealing = sealing;
  organisation.sms = sms;
  organisation.branding = branding;
  return organisation;
}

Result<Config> load(const Sources& sources, const Overrides& overrides) {
  const auto binding = load_if_there(sources.binding_file);
  if (!binding) return fail(binding.error());
  auto own = load_chosen(sources);
  if (!own) return fail(std::move(own).error());
  if (*own && is_same_file((*own)->path, sources.binding_file)) own->reset();

  auto policy = joint_policy(*binding, *own);
  if (!policy) return fail(std::move(policy).error());
  const auto& chosen = *own ? *own : *binding;
  Config config;
  const FileText text = chosen ? chosen->text : FileText{};
  if (chosen) config.file = chosen->path;
  config.network = text.network;
  apply_flags(config.network, overrides);
  if (auto done = bind_network(config.network, *policy); !done) return fail(done.error());
  if (auto done = refuse_detours(overrides, config.network, *policy, !*own); !done) {
    return fail(done.error());
  }
  if (auto done = check_trust_ad(config.network); !done) return fail(done.error());

  auto organisations = organisations_of(text, *policy, overrides, config.file.value_or(""));
  if (!organisations) return fail(std::move(organisations).error());
  config.organisations = std::move(*organisations);
  policy = tightened(*policy, overrides.policy, kFlags);
  if (!policy) return fail(std::move(policy).error());
  config.policy = std::move(*policy);
  config.audit_origin = text.audit_origin;
  config.sealing = text.sealing;
  config.sms = text.sms;
  config.branding = text.branding;
  config.queue = text.queue;
  config.local = text.local;
  config.batch = text.batch;
  if (overrides.is_sealing_enabled) switch_sealing(config, *overrides.is_sealing_enabled);
  config.nta7516_header = text.nta7516_header;
  if (text.state) config.state = *text.state;
  if (sources.environment_state) config.state = *sources.environment_state;
  if (sources.flag_state) config.state = *sources.flag_state;
  return config;
}

}  // namespace sm::config
