#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/prompt.h"
#include "cli/settings.h"
#include "envelope/draft.h"
#include "envelope/output.h"
#include "inputs.h"
#include "keys/key_store.h"
#include "options.h"

namespace sm::smseal {
namespace {

using envelope::Draft;

Result<void> add_passwords(Draft& draft, const Options& options) {
  for (const auto& path : options.password_files) {
    const auto password = envelope::read_password_file(path);
    if (!password) return fail(password.error());
    if (auto added = draft.add_password(*password); !added) return added;
  }
  return {};
}

Result<void> add_prompted_password(Draft& draft) {
  auto typed = cli::prompt_new_secret("Password for the envelope");
  if (!typed) {
    if (typed.error().code != Errc::unavailable) return fail(std::move(typed).error());
    return fail(Errc::usage, "no key was given: whom shall the envelope open for?",
                "--password-file FILE, --org NAME or --public-key FILE");
  }
  const auto password = envelope::Password::from_input(std::move(*typed), "what was typed");
  if (!password) return fail(password.error());
  return draft.add_password(*password);
}

Result<void> add_org(Draft& draft, const Options& options) {
  if (!envelope::is_org(*options.org)) {
    return fail(Errc::usage, "'" + *options.org + "' is no organisation's name");
  }
  const auto config = cli::load_config(options.common);
  if (!config) return fail(config.error());
  const auto& environment = options.common.environment;
  keys::KeyPlaces places{config->state, nullptr, environment.credentials_directory};
  if (environment.master_key) {
    places.environment_key = &*environment.master_key;
    options.common.diagnostics().warning(keys::kEnvironmentWarning);
  }
  const auto keyring = keys::load_keyring(places);
  if (!keyring) return fail(keyring.error());
  const auto kek = keyring->active_kek(*options.org);
  if (!kek) return fail(kek.error());
  return draft.add_org(*kek);
}

Result<void> add_public_key(Draft& draft, const std::string& path) {
  const auto text = read_file(path, 4096);
  if (!text) return fail(text.error());
  const auto key = envelope::parse_public_key(*text);
  if (!key) return fail(key.error(), path);
  return draft.add_public_key(*key);
}

Result<void> add_keys(Draft& draft, const Options& options) {
  if (options.password_files.size() > envelope::kMaxPasswordStanzas) {
    return fail(Errc::usage, "an envelope takes at most 8 passwords");
  }
  if (auto added = add_passwords(draft, options); !added) return added;
  if (options.org) return add_org(draft, options);
  if (options.public_key) return add_public_key(draft, *options.public_key);
  return options.password_files.empty() ? add_prompted_password(draft) : Result<void>();
}

Result<void> seal_input(Draft& draft, std::size_t n, const Input& input, envelope::Sink& out) {
  const std::string name = input.path == "-" ? "standard input" : input.path;
  if (input.stream) {
    envelope::FdSource source(input.stream.get(), name);
    auto sealed = draft.seal_part(n, source, out);
    return sealed ? sealed : fail(std::move(sealed).error(), name);
  }
  const auto fd = open_file(input.path, O_RDONLY);
  if (!fd) return fail(fd.error());
  envelope::FdSource source(fd->get(), name);
  if (source.size().value_or(0) != input.info.size) {
    return fail(Errc::temporary, name + " changed while it was being sealed");
  }
  auto sealed = draft.seal_part(n, source, out);
  return sealed ? sealed : fail(std::move(sealed).error(), name);
}

/// Header, manifest, parts.
Result<void> seal(Draft& draft, const std::vector<Input>& inputs, envelope::Sink& out) {
  for (const Input& input : inputs)
    draft.add_part(input.info);
  const auto now = std::chrono::floor<std::chrono::seconds>(system_clock().now());
  const auto front = draft.front(now);
  if (!front) return fail(front.error());
  if (auto written = out.write(as_bytes(front->header)); !written) return written;
  if (auto written = out.write(front->manifest.reveal()); !written) return written;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (auto sealed = seal_input(draft, i + 1, inputs[i], out); !sealed) return sealed;
  }
  return {};
}

Result<void> seal_to_stdout(Draft& draft, const std::vector<Input>& inputs) {
  envelope::FdSink out(STDOUT_FILENO, "standard output");
  return seal(draft, inputs, out);
}

Result<void> seal_to_file(Draft& draft, const std::vector<Input>& inputs, const std::string& path) {
  auto file = AtomicFile::create(path);
  if (!file) return fail(std::move(file).error());
  envelope::FdSink out(file->fd(), path);
  if (auto sealed = seal(draft, inputs, out); !sealed) return sealed;
  return file->publish();
}

/// A file can be put in its place by renaming; what is no file would be lost by that.
Result<void> check_output(const Options& options) {
  if (!options.output) {
    if (::isatty(STDOUT_FILENO) == 0) return {};
    return fail(Errc::usage, "an envelope is no text for a terminal", "-o FILE");
  }
  return envelope::check_replaceable(*options.output);
}

}  // namespace

Result<cli::Verdict> run(const Options& options) {
  if (auto possible = check_output(options); !possible) return fail(std::move(possible).error());
  const auto inputs = find_inputs(options);
  if (!inputs) return fail(inputs.error());
  Draft draft = Draft::begin();
  if (auto added = add_keys(draft, options); !added) return fail(std::move(added).error());
  auto done = options.output ? seal_to_file(draft, *inputs, *options.output)
                             : seal_to_stdout(draft, *inputs);
  if (!done) return fail(std::move(done).error());
  return cli::Verdict::yes;
}

}  // namespace sm::smseal
