#pragma once
// What a new installation is to be: where its files lie, how its organisation is called, and the
// configuration that says so. Text only; nothing is written here.

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "name/domain.h"

namespace sm::setup {

/// The selectors of a new installation's keys; `smsign rotate` gives later ones dates.
inline constexpr std::string_view kRsaSelector = "sm1";
inline constexpr std::string_view kEd25519Selector = "sm2";

struct Plan {
  name::Domain domain;
  std::string org;   ///< the organisation's short name
  std::string name;  ///< as people read it
  std::string config_file;
  std::string state;
  std::optional<std::string> portal{};  ///< base URL; none: nothing is sealed
  /// What the configuration keeps of the way in which the set-up itself reached the network.
  struct Network {
    std::vector<std::string> resolvers{};
    std::vector<std::string> trust_anchors{};
    std::optional<std::string> ca_file{};
  };
  Network network{};
};

/// The name itself where it can be a short name, else the domain's first label.
std::string organisation_id(const std::string& name, const name::Domain& domain);

/// "<state>/keys/dkim/<domain>.<selector>.pem".
std::string dkim_key_file(const std::string& state, const name::Domain& domain,
                          std::string_view selector);

/// The organisation's section, indented as under `organisations:`.
std::string organisation_text(const Plan& plan);
/// The whole file, with comments for whoever changes it.
std::string configuration_text(const Plan& plan);

}  // namespace sm::setup
