#include "open.h"

#include <unistd.h>

#include "cli/prompt.h"
#include "cli/settings.h"
#include "keys/key_store.h"

namespace sm::smunseal {
namespace {

using envelope::Envelope;
using envelope::OpeningKeys;

Result<Envelope> find_envelope(const Options& options) {
  if (!options.envelope || *options.envelope == "-") {
    return Envelope::read(STDIN_FILENO, "standard input");
  }
  return Envelope::open(*options.envelope);
}

Result<envelope::Keyring> load_keyring(const Options& options) {
  const auto config = cli::load_config(options.common);
  if (!config) return fail(config.error());
  const auto& environment = options.common.environment;
  keys::KeyPlaces places{config->state, nullptr, environment.credentials_directory};
  if (environment.master_key) {
    places.environment_key = &*environment.master_key;
    options.common.diagnostics().warning(keys::kEnvironmentWarning);
  }
  return keys::load_keyring(places);
}

Result<void> add_password(OpeningKeys& keys, Result<envelope::Password> password) {
  if (!password) return fail(std::move(password).error());
  keys.passwords.push_back(std::move(*password));
  return {};
}

Result<void> ask_password(OpeningKeys& keys) {
  auto typed = cli::prompt_secret("Password of the envelope");
  if (!typed) {
    if (typed.error().code != Errc::unavailable) return fail(std::move(typed).error());
    return fail(Errc::usage, "no key was given",
                "--password-file FILE, --org NAME or --link-file FILE");
  }
  return add_password(keys, envelope::Password::from_input(std::move(*typed), "what was typed"));
}

Result<void> add_link(OpeningKeys& keys, const std::string& path) {
  const auto text = read_secret_file(path, 4096);
  if (!text) return fail(text.error());
  keys.token = envelope::LinkToken::parse(text->reveal());
  if (!keys.token) return fail(Errc::malformed, path + " does not hold a link");
  return {};
}

/// Whether the link that was given is one that has a password as well.
bool wants_password(const envelope::Header& header, const OpeningKeys& keys) {
  if (!keys.token || !keys.passwords.empty()) return false;
  for (const auto& stanza : header.stanzas) {
    const auto* link = std::get_if<envelope::LinkStanza>(&stanza.kind);
    if (link != nullptr && link->password && link->label == keys.token->label()) return true;
  }
  return false;
}

Result<void> find_keys(const Options& options, const envelope::Header& header, OpeningKeys& keys) {
  for (const auto& path : options.password_files) {
    auto added = add_password(keys, envelope::read_password_file(path));
    if (!added) return added;
  }
  if (options.link_file) {
    if (auto added = add_link(keys, *options.link_file); !added) return added;
  }
  const bool has_any = options.org || options.link_file || !options.password_files.empty();
  if (!has_any || wants_password(header, keys)) return ask_password(keys);
  return {};
}

}  // namespace

Result<Envelope> open_envelope(const Options& options) {
  if (options.org && !envelope::is_org(*options.org)) {
    return fail(Errc::usage, "'" + *options.org + "' is no organisation's name");
  }
  auto envelope = find_envelope(options);
  if (!envelope) return envelope;
  OpeningKeys keys;
  if (auto found = find_keys(options, envelope->header(), keys); !found) {
    return fail(std::move(found).error());
  }
  keys.org = options.org;
  keys.opens_org_stanzas = options.org.has_value();
  std::optional<envelope::Keyring> keyring;
  if (options.org || options.link_file) {
    auto loaded = load_keyring(options);
    if (!loaded) return fail(std::move(loaded).error());
    keyring = std::move(*loaded);
    keys.keyring = &*keyring;
  }
  if (auto unlocked = envelope->unlock(keys); !unlocked) return fail(std::move(unlocked).error());
  return envelope;
}

}  // namespace sm::smunseal
