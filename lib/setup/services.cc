#include "setup/services.h"

#include <unistd.h>

#include "audit/layout.h"
#include "audit/log.h"
#include "base/file.h"
#include "base/text.h"
#include "base/version.h"
#include "http/fetch.h"
#include "state/signed_trees.h"

namespace sm::setup {
namespace {

/// "portal.example" of "https://portal.example:8443/mail".
std::string host_of(const std::string& url) {
  const auto begin = url.find("://") + 3;
  return url.substr(begin, url.find_first_of(":/", begin) - begin);
}

std::vector<IpAddress> addresses_of(const std::string& host, dns::Resolver& resolver) {
  if (const auto literal = IpAddress::parse(host)) return {*literal};
  std::vector<IpAddress> found;
  const auto name = name::DnsName::parse(host);
  if (!name) return found;
  for (const auto type : {dns::Type::aaaa, dns::Type::a}) {
    for (const auto& address : resolver.lookup(*name, type).all<IpAddress>())
      found.push_back(address);
  }
  return found;
}

Result<void> try_log(const config::Config& config, const config::Organisation& organisation,
                     const Clock& clock) {
  auto index = store::Index::open(config.state);
  if (!index) return fail(std::move(index).error());
  state::SignedTrees trees(std::move(*index));
  auto log = audit::Log::open(config.state, organisation.id, clock,
                              {.tool = "smsetup/" + std::string(kVersion),
                               .origin = organisation.audit_origin,
                               .signed_state = &trees});
  if (!log) return fail(std::move(log).error());
  if (auto reserved = log->reserve(1); !reserved) return fail(std::move(reserved).error());
  return {};
}

}  // namespace

void check_keys(const keys::KeyPlaces& places, const std::string& org, Findings& findings) {
  const auto keyring = keys::load_keyring(places);
  if (!keyring) {
    findings.push_back(
        {"keys", org, Standing::missing, keyring.error().what, keyring.error().hint});
    return;
  }
  if (!keyring->active_kek(org) || !keyring->current_public_key(org)) {
    findings.push_back(
        {"keys", org, Standing::missing, org + " has no key in the keyring", "smkey init " + org});
    return;
  }
  findings.push_back({"keys", org, Standing::good, "the master key opens the keys of " + org});
}

void check_handover(const config::Config& config, const keys::KeyPlaces& places,
                    const std::string& org, Findings& findings) {
  const auto keyring = keys::load_keyring(places);
  const auto key = keyring ? keyring->current_public_key(org) : fail(keyring.error());
  if (!key) return;  // check_keys says that there is none
  constexpr std::size_t kMost = std::size_t{1} << 20;
  const auto& path = config.queue.public_keys;
  const auto text = read_file(path, kMost);
  std::string newest;
  for (const auto line : split(text ? std::string_view(*text) : std::string_view(), '\n')) {
    if (line.starts_with(org + " ")) newest = line;
  }
  if (newest == key->text()) {
    findings.push_back({"handover", org, Standing::good,
                        "users without rights can hand messages of " + org + " over"});
    return;
  }
  findings.push_back({"handover", org, Standing::advice,
                      path + (newest.empty() ? " has no key of " : " has an old key of ") + org +
                          ": users without rights " +
                          (newest.empty() ? "cannot hand messages over" : "seal to that one"),
                      "smkey export-public " + org + " >> " + path});
}

void check_log(const config::Config& config, const config::Organisation& organisation,
               const Clock& clock, Findings& findings) {
  const auto folder = audit::log_folder(config.state, organisation.id);
  const auto is_there = audit::exists(folder);
  if (is_there && !*is_there) {
    findings.push_back({"log", organisation.id, Standing::missing,
                        "the log of " + organisation.id + " was not begun",
                        "smsetup init begins it"});
    return;
  }
  const auto tried = try_log(config, organisation, clock);
  if (!tried) {
    findings.push_back({"log", organisation.id, Standing::missing,
                        "the log of " + organisation.id + " takes no record: " + tried.error().what,
                        tried.error().hint});
    return;
  }
  findings.push_back(
      {"log", organisation.id, Standing::good, "the log of " + organisation.id + " takes records"});
}

void check_sms(const config::Organisation& organisation, Findings& findings) {
  const bool is_used = organisation.sealing.is_available() &&
                       organisation.policy.methods.contains(config::Method::sms);
  const auto add = [&](Standing standing, const std::string& text, const std::string& mend) {
    findings.push_back({"sms", organisation.id, standing, text, mend});
  };
  const auto& gateway = organisation.sms;
  if (!gateway) {
    const bool is_needed = is_used && organisation.sealing.method == config::Method::sms;
    add(is_needed ? Standing::missing : Standing::advice, "no SMS gateway is configured",
        is_needed ? "configure one under sms: in smtools.yaml(5), or choose another sealed.method"
                  : "sealed messages whose recipients prove themselves by SMS need one");
    return;
  }
  if (!gateway->command.empty() && ::access(gateway->command.front().c_str(), X_OK) != 0) {
    add(Standing::missing, "the SMS gateway's command cannot be run: " + gateway->command.front(),
        "");
    return;
  }
  if (!gateway->key_file.empty()) {
    constexpr std::size_t kMostKey = 4096;
    if (const auto key = read_secret_file(gateway->key_file, kMostKey); !key) {
      add(Standing::missing, "the SMS gateway's key cannot be used: " + key.error().what,
          key.error().hint);
      return;
    }
  }
  add(Standing::good, "an SMS gateway is configured", "");
}

void check_portal(const config::Config& config, const config::Organisation& organisation,
                  dns::Resolver& resolver, Findings& findings) {
  const auto& portal = organisation.sealing.portal;
  const auto add = [&](Standing standing, const std::string& text, const std::string& mend) {
    findings.push_back({"portal", portal, standing, text, mend});
  };
  if (!organisation.sealing.is_available()) {
    add(Standing::advice, "no portal: a message that has no safe way is refused, not sealed",
        "configure sealed.portal in smtools.yaml(5), and run smportal there");
    return;
  }
  const auto mend = "start smportal, and the web server before it";
  const auto addresses = addresses_of(host_of(portal), resolver);
  if (addresses.empty()) {
    add(Standing::missing, "the portal's name " + host_of(portal) + " has no address",
        "publish one");
    return;
  }
  const auto outcome = http::fetch({.url = portal + "/healthz",
                                    .addresses = addresses,
                                    .ca_file = config.network.ca_file,
                                    .time_limit = std::chrono::seconds(20)});
  if (!outcome) {
    add(Standing::unknown, "the portal could not be asked: " + outcome.error().what, "");
  } else if (const auto* failed = std::get_if<http::Failed>(&*outcome)) {
    add(Standing::missing, "the portal does not answer: " + failed->detail, mend);
  } else if (const int status = std::get<http::Response>(*outcome).status; status != 200) {
    add(Standing::missing, "the portal is not well: /healthz says " + std::to_string(status), mend);
  } else {
    add(Standing::good, "the portal answers", "");
  }
}

}  // namespace sm::setup
