#include <algorithm>

#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/rights.h"
#include "cli/settings.h"
#include "commands.h"
#include "delivery/signing.h"
#include "setup/machine.h"
#include "setup/published.h"
#include "setup/services.h"

namespace sm::smsetup {
namespace {

using setup::Findings;
using setup::Standing;

bool has_systemd() {
  struct stat status {};  // sd_booted(3)
  return ::lstat("/run/systemd/system", &status) == 0;
}

/// The configuration, or the finding that there is none to go by. A command line that is wrong
/// stays an Error.
Result<std::optional<config::Config>> configuration(const Options& options, Findings& findings) {
  auto config = cli::load_config(options.common, options.network);
  if (!config) {
    const auto& error = config.error();
    if (error.code == Errc::usage || error.code == Errc::denied) return fail(error);
    findings.push_back({"configuration", "", Standing::missing, error.what,
                        error.hint.empty() ? "smsetup init makes one" : error.hint});
    return std::optional<config::Config>();
  }
  if (!config->file) {
    findings.push_back({"configuration", "", Standing::missing, "there is no configuration",
                        "smsetup init --domain DOMAIN makes one"});
    return std::optional<config::Config>();
  }
  const bool is_empty = config->organisations.empty();
  findings.push_back(
      {"configuration", *config->file, is_empty ? Standing::missing : Standing::good,
       is_empty ? *config->file + " names no organisation" : *config->file + " can be read",
       is_empty ? "smsetup init prints the section to add" : ""});
  if (*config->file != config::kBindingFile) {
    findings.push_back(
        {"policy", *config->file, Standing::advice,
         "the policy of " + *config->file + " binds only whoever uses that file",
         "what must bind everybody belongs into " + std::string(config::kBindingFile)});
  }
  return std::optional(std::move(*config));
}

void check_keys_of(const config::Organisation& organisation, const name::Domain& domain,
                   dns::Resolver& resolver, Findings& findings) {
  bool is_any = false;
  for (const auto& key : organisation.dkim) {
    if (key.domain != domain) continue;
    is_any = true;
    setup::check_dkim(resolver, domain, key.selector, crypto::SigningKey::open(key.key), findings);
    if (key.key2) {
      setup::check_dkim(resolver, domain, *key.selector2, crypto::SigningKey::open(*key.key2),
                        findings);
    }
  }
  if (!is_any) {
    findings.push_back({"dkim", domain.text(), Standing::missing,
                        "no DKIM key is configured for " + domain.text(),
                        "smsign keygen makes one; organisations.*.dkim in smtools.yaml(5) names "
                        "it"});
  }
}

std::vector<std::string> selectors_of(const config::Organisation& organisation,
                                      const name::Domain& domain) {
  std::vector<std::string> selectors;
  for (const auto& key : organisation.dkim) {
    if (key.domain != domain) continue;
    selectors.push_back(key.selector);
    if (key.selector2) selectors.push_back(*key.selector2);
  }
  return selectors;
}

Result<void> check_domain(const Options& options, const config::Config& config,
                          const config::Organisation& organisation, const name::Domain& domain,
                          Findings& findings) {
  const auto addresses = addresses_of(options);
  if (!addresses) return fail(addresses.error());
  const auto equipment = setup::own_equipment(config, domain, options.network.dns_file);
  if (!equipment) return fail(equipment.error());
  const auto around =
      setup::look_around(**equipment, domain, *addresses, selectors_of(organisation, domain));
  setup::check_dnssec(around, findings);
  setup::check_sender(around, findings);
  check_keys_of(organisation, domain, (*equipment)->resolver(), findings);
  setup::check_receiving(around, findings);
  setup::check_portal(config, organisation, (*equipment)->resolver(), findings);
  return {};
}

Result<void> check_organisations(const Options& options, const config::Config& config,
                                 Findings& findings) {
  bool is_any = false;
  for (const auto& organisation : config.organisations) {
    bool is_asked = options.domain.empty();
    for (const auto& domain : organisation.domains) {
      if (!options.domain.empty() && domain.text() != to_lower(options.domain)) continue;
      is_any = is_asked = true;
      if (auto done = check_domain(options, config, organisation, domain, findings); !done) {
        return done;
      }
    }
    if (!is_asked) continue;
    setup::check_keys(key_places(options, config.state), organisation.id, findings);
    setup::check_handover(config, key_places(options, config.state), organisation.id, findings);
    setup::check_log(config, organisation, system_clock(), findings);
    setup::check_sms(organisation, findings);
  }
  if (!is_any && !options.domain.empty()) {
    findings.push_back({"configuration", options.domain, Standing::missing,
                        "no organisation sends from " + printable(options.domain),
                        "smsetup init --domain prints the section to add"});
  }
  return {};
}

/// Each once: several domains share a machine.
void drop_repeats(Findings& findings) {
  Findings kept;
  for (auto& finding : findings) {
    const bool is_there = std::any_of(kept.begin(), kept.end(), [&](const setup::Finding& other) {
      return other.check == finding.check && other.text == finding.text;
    });
    if (!is_there) kept.push_back(std::move(finding));
  }
  findings = std::move(kept);
}

void print(const Options& options, const Findings& findings) {
  auto& out = options.common.out();
  for (const auto& finding : findings) {
    if (options.common.is_json) {
      out.line(setup::json(finding));
      continue;
    }
    constexpr std::size_t kStandingWidth = 9;
    constexpr std::size_t kCheckWidth = 15;
    std::string line(setup::text(finding.standing));
    line.resize(std::max(line.size() + 1, kStandingWidth), ' ');
    line += finding.check;
    line.resize(std::max(line.size() + 1, kStandingWidth + kCheckWidth), ' ');
    out.line(line + printable(finding.text));
    if (!finding.mend.empty()) {
      out.line(std::string(kStandingWidth + kCheckWidth, ' ') + "-> " + printable(finding.mend));
    }
  }
  const bool is_ready = setup::is_ready(findings);
  out.line(options.common.is_json ? std::string("{\"ready\":") + (is_ready ? "true" : "false") + "}"
           : is_ready             ? "ready"
                                  : "not ready");
}

}  // namespace

Result<cli::Verdict> check(const Options& options) {
  Findings findings;
  auto config = configuration(options, findings);
  if (!config) return fail(std::move(config).error());
  if (*config) {
    setup::check_rights(**config, findings);
    setup::check_groups(findings);
    setup::check_clock(system_clock(), findings);
    setup::check_space(**config, findings);
    setup::check_timers("/etc/systemd/system", has_systemd(), findings);
    if (auto became = cli::become_owner_of((*config)->state); !became) return fail(became.error());
    if (auto rotated = delivery::apply_rotations(**config); !rotated) {
      findings.push_back(
          {"dkim", "", Standing::missing, rotated.error().what, rotated.error().hint});
    }
    if (auto done = check_organisations(options, **config, findings); !done) {
      return fail(done.error());
    }
  }
  drop_repeats(findings);
  print(options, findings);
  return setup::is_ready(findings) ? cli::Verdict::yes : cli::Verdict::no;
}

}  // namespace sm::smsetup
