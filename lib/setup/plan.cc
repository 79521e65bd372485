#include "setup/plan.h"

#include "base/json_writer.h"

namespace sm::setup {
namespace {

constexpr std::string_view kPolicy = R"(
# What must hold for every message. Flags, other files and organisations can make it stricter,
# nobody can loosen it.
policy:
  # The least that a destination must prove: trusted (a certificate of a trusted root for the
  # server's name) or verified (DANE, or an enforced MTA-STS policy).
  minimum: trusted
  # How recipients of sealed messages may prove who they are.
  methods: [sms, email, password]
  # How long a sealed message may wait at the most.
  longest_expiry: 30d
  # Whether the organisation itself can open what was sealed.
  escrow: false
)";

constexpr std::string_view kNoPortal = R"(
# Without a portal, a message that has no safe way is refused. With one, it is sealed and waits
# there. See smportal(1) for what it needs.
#sealed:
#  portal: https://portal.)";

/// A double-quoted scalar: JSON's escapes are YAML's too.
std::string quoted(const std::string& text) {
  return json_quote(text);
}

std::string list_line(std::string_view key, const std::vector<std::string>& items) {
  if (items.empty()) return {};
  std::string line = "  " + std::string(key) + ": [";
  for (const auto& item : items)
    line += (line.ends_with('[') ? "" : ", ") + quoted(item);
  return line + "]\n";
}

std::string network_text(const Plan::Network& network) {
  auto lines =
      list_line("resolvers", network.resolvers) + list_line("trust_anchors", network.trust_anchors);
  if (network.ca_file) lines += "  ca_file: " + quoted(*network.ca_file) + "\n";
  return lines.empty() ? "" : "\nnetwork:\n" + lines;
}

}  // namespace

std::string organisation_id(const std::string& name, const name::Domain& domain) {
  if (config::is_organisation_id(name)) return name;
  return std::string(domain.labels().front());
}

std::string dkim_key_file(const std::string& state, const name::Domain& domain,
                          std::string_view selector) {
  return state + "/keys/dkim/" + domain.text() + "." + std::string(selector) + ".pem";
}

std::string organisation_text(const Plan& plan) {
  const auto key = [&](std::string_view selector) {
    return quoted(dkim_key_file(plan.state, plan.domain, selector));
  };
  return "  " + quoted(plan.org) + ":\n    name: " + quoted(plan.name) + "\n    domains: [" +
         quoted(plan.domain.text()) +
         "]\n    dkim:\n      - domain: " + quoted(plan.domain.text()) +
         "\n        selector: " + std::string(kRsaSelector) +
         "\n        key: " + key(kRsaSelector) +
         "\n        selector2: " + std::string(kEd25519Selector) +
         "\n        key2: " + key(kEd25519Selector) + "\n";
}

std::string configuration_text(const Plan& plan) {
  std::string text =
      "# Made by smsetup init; every key is explained in smtools.yaml(5).\n\nstate: " +
      quoted(plan.state) + "\n" + network_text(plan.network) + std::string(kPolicy);
  if (plan.portal) {
    text += "\n# Where sealed messages wait for their recipients.\nsealed:\n  portal: " +
            quoted(*plan.portal) + "\n";
  } else {
    text += std::string(kNoPortal) + plan.domain.text() + "\n";
  }
  return text + "\norganisations:\n" + organisation_text(plan);
}

}  // namespace sm::setup
