#include "base/clock.h"
#include "base/encoding.h"
#include "base/json_writer.h"
#include "base/version.h"
#include "cli/settings.h"
#include "envelope/store.h"
#include "keys/key_store.h"
#include "keys/rotation.h"
#include "options.h"
#include "state/signed_trees.h"

namespace sm::smkey {
namespace {

using envelope::Keyring;

/// What every command starts from.
struct Setting {
  config::Config config;
  keys::KeyPlaces places;
};

Result<Setting> find_setting(const Options& options) {
  auto config = cli::load_config(options.common);
  if (!config) return fail(std::move(config).error());
  const auto& environment = options.common.environment;
  keys::KeyPlaces places{config->state, nullptr, environment.credentials_directory};
  if (environment.master_key) {
    places.environment_key = &*environment.master_key;
    options.common.diagnostics().warning(keys::kEnvironmentWarning);
  }
  return Setting{std::move(*config), std::move(places)};
}

std::string origin_of(const config::Config& config, const std::string& org) {
  const auto* organisation = config.find_organisation(org);
  return organisation != nullptr ? organisation->audit_origin : config.audit_origin;
}

Result<std::string> org_of(const Options& options) {
  std::string org = options.org.value_or(std::string(config::kDefaultOrganisation));
  if (envelope::is_org(org)) return org;
  return fail(Errc::usage, "'" + org + "' is no organisation's name",
              "lower-case letters, digits, dots and dashes");
}

/// Calls `change` with the keys locked, and what was signed last at hand.
Result<void> with_keys(const Setting& setting,
                       const std::function<Result<void>(keys::KeyStore&)>& change) {
  auto index = store::Index::open(setting.config.state);
  if (!index) return fail(std::move(index).error());
  state::SignedTrees trees(std::move(*index));
  keys::Recorder recorder;
  recorder.tool = "smkey/" + std::string(kVersion);
  recorder.clock = &system_clock();
  recorder.signed_state = &trees;
  recorder.origin = [&](const std::string& org) { return origin_of(setting.config, org); };
  auto store = keys::KeyStore::open(setting.places, std::move(recorder));
  if (!store) return fail(std::move(store).error());
  return change(*store);
}

Result<void> init(const Setting& setting, const Options& options) {
  const auto org = org_of(options);
  if (!org) return fail(org.error());
  return with_keys(setting, [&](keys::KeyStore& store) -> Result<void> {
    const auto made = store.init(*org);
    if (!made) return fail(made.error());
    if (!*made) options.common.diagnostics().hint(*org + " has keys already; nothing was changed");
    return {};
  });
}

template <class Entry>
void print_entry(const Options& options, const Entry& entry, std::string_view kind,
                 std::optional<std::string> public_key) {
  const auto created = utc_text(entry.created);
  const std::string state(envelope::text(entry.state));
  if (!options.common.is_json) {
    options.common.out().line(entry.org + ' ' + entry.kid + ' ' + created + ' ' + state);
    return;
  }
  options.common.out().line(JsonObject()
                                .add("org", entry.org)
                                .add("kid", entry.kid)
                                .add("kind", kind)
                                .add("created", created)
                                .add("state", state)
                                .add("public_key", public_key)
                                .text());
}

Result<void> list(const Setting& setting, const Options& options) {
  const auto keyring = keys::load_keyring(setting.places);
  if (!keyring) return fail(keyring.error());
  for (const auto& entry : keyring->keks())
    print_entry(options, entry, "kek", std::nullopt);
  for (const auto& entry : keyring->pairs())
    print_entry(options, entry, "x25519", to_base64(entry.public_key));
  return {};
}

Result<void> export_public(const Setting& setting, const Options& options) {
  const auto org = org_of(options);
  if (!org) return fail(org.error());
  const auto keyring = keys::load_keyring(setting.places);
  if (!keyring) return fail(keyring.error());
  const auto key = keyring->current_public_key(*org);
  if (!key) return fail(key.error());
  options.common.out().line(key->text());
  return {};
}

Result<void> rotate_master(const Setting& setting, const Options& options) {
  const bool is_file = keys::master_source(setting.places) == keys::MasterSource::file;
  if (is_file && options.new_master) {
    return fail(Errc::usage,
                "the master key is in a file of the state, and a new one is made there");
  }
  if (!is_file && !options.new_master) {
    return fail(Errc::usage,
                "the master key is not in a file of the state, so its successor is not "
                "made here",
                "--new-key FILE; head -c 32 /dev/urandom | base64 -w 0 makes one");
  }
  std::optional<Secret> replacement;
  if (options.new_master) {
    auto text = read_secret_file(*options.new_master, 4096);
    if (!text) return fail(std::move(text).error());
    replacement = std::move(*text);
  }
  return with_keys(setting, [&](keys::KeyStore& store) {
    return store.rotate_master(replacement ? &*replacement : nullptr);
  });
}

/// New keys, unless a rotation that was stopped made them already.
Result<void> renew_keys(keys::KeyStore& store, keys::RotationMarker& marker,
                        const std::string& org) {
  const auto kek = store.keyring().active_kek(org);
  if (!kek) return fail(kek.error());
  const auto begun_from = marker.begun_from();
  if (!begun_from) return fail(begun_from.error());
  if (*begun_from && **begun_from != kek->kid) return {};
  if (auto begun = marker.begin(kek->kid); !begun) return begun;
  return store.rotate(org);
}

Result<void> renew_envelopes(const Setting& setting, const Options& options, const Keyring& keyring,
                             const std::string& org) {
  envelope::Store store(setting.config.state + "/sealed");
  std::optional<cli::Progress> progress;
  std::size_t shown = 0;
  const auto report =
      keys::renew_envelopes(store, keyring, org, [&](std::size_t done, std::size_t all) {
        if (!progress) progress.emplace(options.common.diagnostics(), system_clock(), all);
        progress->count(done - shown);
        shown = done;
      });
  progress.reset();
  if (!report) return fail(report.error());
  for (const auto& [id, error] : report->failed)
    options.common.diagnostics().warning(error.what);
  options.common.diagnostics().detail(std::to_string(report->renewed) + " envelopes renewed, " +
                                      std::to_string(report->unchanged) + " were as they must be");
  if (report->failed.empty()) return {};
  return fail(report->failed.front().second.code,
              std::to_string(report->failed.size()) + " envelopes could not be renewed",
              "the retired key still opens them; run it again when they are mended or removed");
}

Result<void> rotate_org(const Setting& setting, const Options& options) {
  const auto org = org_of(options);
  if (!org) return fail(org.error());
  return with_keys(setting, [&](keys::KeyStore& store) -> Result<void> {
    keys::RotationMarker marker(setting.config.state, *org);
    if (auto renewed = renew_keys(store, marker, *org); !renewed) return renewed;
    auto renewed = renew_envelopes(setting, options, store.keyring(), *org);
    if (!renewed) return renewed;
    return marker.finish();
  });
}

/// A key that envelopes still need is destroyed only on demand.
Result<void> check_unused(const Setting& setting, const std::string& org, const std::string& kid) {
  const envelope::Store store(setting.config.state + "/sealed");
  const auto waiting = keys::count_waiting(setting.config.state, org, kid);
  if (!waiting) return fail(waiting.error());
  if (*waiting > 0) {
    return fail(Errc::denied,
                std::to_string(*waiting) + " messages that wait still need the key " + kid,
                "smsend -q sends them; --force destroys the key, and with it what waits");
  }
  const auto uses = keys::count_uses(store, org, kid);
  if (!uses) return fail(uses.error());
  if (*uses == 0) return {};
  return fail(Errc::denied,
              std::to_string(*uses) + " envelopes of the store still need the key " + kid,
              "smkey rotate-org " + org + " renews them; --force destroys the key nevertheless");
}

Result<void> destroy(const Setting& setting, const Options& options) {
  const auto org = org_of(options);
  if (!org) return fail(org.error());
  const std::string kid = options.kid.value_or("");
  if (!envelope::is_kid(kid)) return fail(Errc::usage, "'" + kid + "' is no key's id");
  return with_keys(setting, [&](keys::KeyStore& store) -> Result<void> {
    const bool is_there = store.keyring().find_kek(*org, kid) != nullptr ||
                          store.keyring().find_private_key(*org, kid) != nullptr;
    if (is_there && !options.is_forced) {
      if (auto unused = check_unused(setting, *org, kid); !unused) return unused;
    }
    const auto destroyed = store.destroy(*org, kid);
    if (!destroyed) return fail(destroyed.error());
    if (!*destroyed) options.common.diagnostics().hint(kid + " was destroyed before");
    return {};
  });
}

Result<void> dispatch(const Setting& setting, const Options& options) {
  switch (options.command) {
    case Command::init:
      return init(setting, options);
    case Command::list:
      return list(setting, options);
    case Command::rotate_master:
      return rotate_master(setting, options);
    case Command::rotate_org:
      return rotate_org(setting, options);
    case Command::destroy:
      return destroy(setting, options);
    case Command::export_public:
      return export_public(setting, options);
    case Command::none:
      break;
  }
  return fail(Errc::usage, "no command");
}

}  // namespace

Result<cli::Verdict> run(const Options& options) {
  const auto setting = find_setting(options);
  if (!setting) return fail(setting.error());
  if (auto done = dispatch(*setting, options); !done) return fail(std::move(done).error());
  return cli::Verdict::yes;
}

}  // namespace sm::smkey
