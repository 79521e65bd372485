#include <cerrno>

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/rights.h"
#include "cli/settings.h"
#include "commands.h"
#include "setup/plan.h"
#include "setup/publication.h"
#include "state/signed_trees.h"

namespace sm::smsetup {
namespace {

constexpr const char* kServiceUser = "smtools";

/// One thing that has to be there, and whether it was.
struct Made {
  std::string what;
  std::string path;
  bool was_there;
};
using Makings = std::vector<Made>;

bool is_there(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

std::string config_file_of(const cli::Common& common) {
  if (common.config) return *common.config;
  return common.environment.config.value_or(std::string(config::kBindingFile));
}

Result<std::string> absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  return fail(Errc::usage, "'" + path + "' is no path from / on",
              "the configuration holds paths, which mean the same in every folder");
}

Result<setup::Plan> plan_of(const Options& options) {
  auto domain = name::Domain::parse(options.domain);
  if (!domain) return fail(Errc::usage, "--domain: " + domain.error().what, domain.error().hint);
  const auto name = options.organisation.value_or(domain->text());
  if (name.empty() || !is_utf8(name) || printable(name) != name) {
    return fail(Errc::usage, "--organisation: expected one line of text");
  }
  const auto& environment = options.common.environment;
  const auto file = absolute(config_file_of(options.common));
  if (!file) return fail(file.error());
  const auto state = absolute(options.common.state.value_or(
      environment.state.value_or(std::string(config::kDefaultState))));
  if (!state) return fail(state.error());
  return setup::Plan{
      .domain = *domain,
      .org = setup::organisation_id(
          options.organisation.value_or(std::string(domain->labels().front())), *domain),
      .name = name,
      .config_file = *file,
      .state = *state,
      .portal = options.portal};
}

/// A file that was never there, or is and stays.
Result<void> make_configuration(const setup::Plan& plan, Makings& makings) {
  const bool was_there = is_there(plan.config_file);
  makings.push_back({"configuration", plan.config_file, was_there});
  if (was_there) return {};
  constexpr unsigned kFolderMode = 0755;
  constexpr unsigned kFileMode = 0644;  // nothing in it is secret, and every tool reads it
  const auto folder = folder_of(plan.config_file);
  if (!is_there(folder)) {
    if (auto made = make_folders(folder, kFolderMode); !made) return made;
    if (::chmod(folder.c_str(), kFolderMode) != 0) return fail_errno("making " + folder, errno);
  }
  auto file = AtomicFile::create(plan.config_file, kFileMode);
  if (!file) return fail(std::move(file).error());
  const auto text = setup::configuration_text(plan);
  if (auto written = file->write(as_bytes(text)); !written) return written;
  return file->publish(AtomicFile::Existing::keep);
}

/// The state belongs to the user that the services run as, where that user exists.
Result<void> make_state(const std::string& state, Makings& makings) {
  const bool was_there = is_there(state);
  makings.push_back({"state", state, was_there});
  if (was_there) return {};
  if (auto made = make_folders(state); !made) return made;
  const passwd* user = ::geteuid() == 0 ? ::getpwnam(kServiceUser) : nullptr;
  if (user != nullptr && ::chown(state.c_str(), user->pw_uid, user->pw_gid) != 0) {
    return fail_errno("giving " + state + " to " + kServiceUser, errno);
  }
  return {};
}

/// Only an installation whose configuration lies beside the file of public keys (/etc/smtools) has
/// users without rights; one in a folder of its own has not.
bool serves_others(const setup::Plan& plan, const config::Config& config) {
  return folder_of(config.queue.public_keys) == folder_of(plan.config_file);
}

/// Where users without rights find the key to seal to. It belongs to the state's owner, who changes
/// keys.
Result<void> make_public_keys_file(const setup::Plan& plan, const config::Config& config,
                                   Makings& makings) {
  const auto& path = config.queue.public_keys;
  if (!serves_others(plan, config)) return {};
  const bool was_there = is_there(path);
  makings.push_back({"public keys", path, was_there});
  if (was_there) return {};
  constexpr unsigned kMode = 0644;
  if (auto made = publish_file(path, {}, kMode, AtomicFile::Existing::keep); !made) return made;
  struct stat state {};
  if (::stat(plan.state.c_str(), &state) == 0 && ::geteuid() == 0 &&
      ::chown(path.c_str(), state.st_uid, state.st_gid) != 0) {
    return fail_errno("giving " + path + " to the owner of " + plan.state, errno);
  }
  return {};
}

/// The organisation's key, where the file does not have it yet: of several the last one counts.
Result<void> add_public_key(const config::Config& config, const envelope::PublicKey& key) {
  constexpr std::size_t kMost = std::size_t{1} << 20;
  const auto& path = config.queue.public_keys;
  const auto text = read_file(path, kMost);
  if (!text) return fail(text.error());
  const auto line = key.text();
  for (const auto each : split(*text, '\n')) {
    if (each == line) return {};
  }
  const auto file = open_file(path, O_WRONLY | O_APPEND | O_NOFOLLOW);
  if (!file) return fail(file.error());
  if (auto written = write_all(file->get(), as_bytes(line + "\n"), path); !written) return written;
  return sync_file(file->get(), path);
}

/// The key of the file, made where there is none.
Result<crypto::SigningKey> make_dkim_key(const std::string& path, crypto::KeyType type,
                                         Makings& makings) {
  constexpr unsigned kBits = 2048;
  const bool was_there = is_there(path);
  makings.push_back({"DKIM key", path, was_there});
  if (!was_there) {
    if (auto made = make_folders(folder_of(path)); !made) return fail(made.error());
    auto key = type == crypto::KeyType::rsa
                   ? crypto::SigningKey::generate_rsa(kBits)
                   : Result<crypto::SigningKey>(crypto::SigningKey::generate_ed25519());
    if (!key) return key;
    const auto pem = key->pem();
    if (!pem) return fail(pem.error());
    auto published = publish_file(path, pem->reveal(), 0600, AtomicFile::Existing::keep);
    if (!published) return fail(published.error());
  }
  return crypto::SigningKey::from_file(path);
}

/// The keys that sign for the domain: those that the configuration names, made where they are files
/// that do not exist.
Result<std::vector<setup::PublicKeyOf>> make_dkim_keys(const setup::Plan& plan,
                                                       const config::Organisation* organisation,
                                                       Makings& makings) {
  struct Wanted {
    std::string selector;
    std::string file;
    crypto::KeyType type;
  };
  std::vector<Wanted> wanted;
  for (const auto& key : organisation ? organisation->dkim : std::vector<config::DkimKey>{}) {
    if (key.domain != plan.domain) continue;
    wanted.push_back({key.selector, key.key, crypto::KeyType::rsa});
    if (key.key2) wanted.push_back({*key.selector2, *key.key2, crypto::KeyType::ed25519});
  }
  if (organisation == nullptr) {
    for (const auto& [selector, type] :
         {std::pair(setup::kRsaSelector, crypto::KeyType::rsa),
          std::pair(setup::kEd25519Selector, crypto::KeyType::ed25519)}) {
      wanted.push_back(
          {std::string(selector), setup::dkim_key_file(plan.state, plan.domain, selector), type});
    }
  }
  std::vector<setup::PublicKeyOf> keys;
  for (const auto& each : wanted) {
    const bool is_file = each.file.starts_with('/');
    auto key = is_file ? make_dkim_key(each.file, each.type, makings)
                       : crypto::SigningKey::open(each.file);
    if (!key) return fail(std::move(key).error());
    keys.push_back({each.selector, key->public_key()});
  }
  return keys;
}

/// Master key, keyring, and with the first record the log and its key.
Result<envelope::PublicKey> make_keys(const Options& options, const std::string& state,
                                      const config::Organisation& organisation, Makings& makings) {
  auto index = store::Index::open(state);
  if (!index) return fail(std::move(index).error());
  state::SignedTrees trees(std::move(*index));
  keys::Recorder recorder;
  recorder.tool = "smsetup/" + std::string(kVersion);
  recorder.clock = &system_clock();
  recorder.signed_state = &trees;
  recorder.origin = [&](const std::string&) { return organisation.audit_origin; };
  auto store = keys::KeyStore::open(key_places(options, state), std::move(recorder));
  if (!store) return fail(std::move(store).error());
  const auto made = store->init(organisation.id);
  if (!made) return fail(made.error());
  makings.push_back({"keys of " + organisation.id, state + "/keys/keyring", !*made});
  return store->keyring().current_public_key(organisation.id);
}

Result<std::optional<crypto::Certificate>> certificate_of(const Options& options) {
  constexpr std::size_t kMost = std::size_t{1} << 20;
  if (!options.certificate) return std::optional<crypto::Certificate>();
  const auto text = read_file(*options.certificate, kMost);
  if (!text) return fail(text.error());
  auto certificate = crypto::read_certificate_pem(*text);
  if (!certificate) {
    return fail(Errc::malformed, "--certificate: " + *options.certificate +
                                     " is no PEM file "
                                     "with a certificate");
  }
  return certificate;
}

void print(const Options& options, const setup::Plan& plan, const Makings& makings,
           const std::vector<setup::Publication>& publications) {
  auto& out = options.common.out();
  if (options.common.is_json) {
    for (const auto& each : makings) {
      out.line(JsonObject()
                   .add("kind", "made")
                   .add("what", each.what)
                   .add("path", each.path)
                   .add("was_there", each.was_there)
                   .text());
    }
    for (const auto& each : publications)
      out.line(setup::json(each));
    return;
  }
  for (const auto& each : makings)
    out.line((each.was_there ? "; kept " : "; made ") + each.what + ": " + printable(each.path));
  out.line("; To be published; where a record of the same name and type is there, replace it.");
  out.print(setup::zone_text(plan.domain, publications));
}

/// What the command line says of the domain, read before anything is made, with the caller's
/// rights.
struct Given {
  std::vector<IpAddress> addresses;
  std::optional<crypto::Certificate> certificate{};
  std::optional<name::Domain> mail_host{};
};

Result<Given> given_by(const Options& options) {
  auto addresses = addresses_of(options);
  if (!addresses) return fail(std::move(addresses).error());
  Given given{.addresses = std::move(*addresses)};
  auto certificate = certificate_of(options);
  if (!certificate) return fail(std::move(certificate).error());
  given.certificate = std::move(*certificate);
  if (!options.mail_host) return given;
  auto host = name::Domain::parse(*options.mail_host);
  if (!host) return fail(Errc::usage, "--mail-host: " + host.error().what, host.error().hint);
  given.mail_host = std::move(*host);
  return given;
}

std::string user_name_of(const std::string& state) {
  struct stat status {};
  const passwd* user = ::stat(state.c_str(), &status) == 0 ? ::getpwuid(status.st_uid) : nullptr;
  return user != nullptr && status.st_uid != 0 ? user->pw_name : kServiceUser;
}

/// What the plan says of an organisation that the configuration does not have yet.
config::Organisation planned(const setup::Plan& plan, const config::Config& config) {
  config::Organisation organisation = config.default_organisation();
  organisation.id = plan.org;
  organisation.name = plan.name;
  return organisation;
}

Result<std::vector<setup::Publication>> to_publish(const Options& options, const setup::Plan& plan,
                                                   const config::Config& config, Given given,
                                                   std::vector<setup::PublicKeyOf> keys) {
  const auto equipment = setup::own_equipment(config, plan.domain, options.network.dns_file);
  if (!equipment) return fail(equipment.error());
  const auto around = setup::look_around(**equipment, plan.domain, given.addresses, {});
  constexpr std::size_t kMonth = 7;
  const auto now = std::chrono::floor<std::chrono::seconds>(system_clock().now());
  auto all = setup::publications(around, {.keys = std::move(keys),
                                          .certificate = std::move(given.certificate),
                                          .mail_host = std::move(given.mail_host),
                                          .today = utc_text(now).substr(0, kMonth)});
  for (auto& each : setup::server_notes(plan.domain, user_name_of(plan.state)))
    all.push_back(std::move(each));
  return all;
}

}  // namespace

Result<cli::Verdict> init(const Options& options) {
  auto plan = plan_of(options);
  if (!plan) return fail(plan.error());
  auto given = given_by(options);
  if (!given) return fail(std::move(given).error());
  Makings makings;
  if (auto made = make_configuration(*plan, makings); !made) return fail(made.error());
  cli::Common common;  // this file, whatever other one the caller's own folder has
  common.config = plan->config_file;
  common.state = options.common.state;
  common.environment.state = options.common.environment.state;
  const auto config = cli::load_config(common, options.network);
  if (!config) {
    // A value from the command line that no configuration may have: nothing of it stays behind.
    if (!makings.front().was_there) ::unlink(plan->config_file.c_str());
    return fail(config.error());
  }
  plan->state = config->state;
  if (auto made = make_state(plan->state, makings); !made) return fail(made.error());
  if (auto made = make_public_keys_file(*plan, *config, makings); !made) return fail(made.error());
  if (auto became = cli::become_owner_of(plan->state); !became) return fail(became.error());

  const auto* organisation = config->organisation_of(plan->domain);
  const auto key = make_keys(options, plan->state,
                             organisation ? *organisation : planned(*plan, *config), makings);
  if (!key) return fail(key.error());
  if (serves_others(*plan, *config)) {
    if (auto added = add_public_key(*config, *key); !added) {
      options.common.diagnostics().warning(added.error().what);
      options.common.diagnostics().hint("for users without rights: smkey export-public " +
                                        key->org + " >> " + config->queue.public_keys);
    }
  }
  auto keys = make_dkim_keys(*plan, organisation, makings);
  if (!keys) return fail(keys.error());
  auto publications = to_publish(options, *plan, *config, std::move(*given), std::move(*keys));
  if (!publications) return fail(publications.error());
  if (organisation == nullptr) {
    setup::Publication section{.kind = setup::Publication::Kind::note, .purpose = "Configuration"};
    section.why = plan->config_file + " was there, and is never changed: add to its organisations";
    section.content = setup::organisation_text(*plan);
    publications->insert(publications->begin(), std::move(section));
    options.common.diagnostics().hint("add the organisation to " + plan->config_file +
                                      ", which was there: the section is printed first");
  }
  print(options, *plan, makings, *publications);
  return cli::Verdict::yes;
}

}  // namespace sm::smsetup
