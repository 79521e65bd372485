// smsign rotate: as many steps as can be taken now, and what they wait for.

#include <filesystem>
#include <memory>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "cli/settings.h"
#include "commands.h"
#include "dkim/publish.h"
#include "dkim/rotation.h"
#include "keys.h"
#include "rotation_state.h"
#include "sightings.h"
#include "times.h"

namespace sm::smsign {
namespace {

using dkim::Rotation;
using dkim::RotationPhase;

constexpr std::chrono::seconds kUsualOverlap = std::chrono::days(7);
constexpr unsigned kUsualBits = 2048;

/// What one run has to say.
struct Report {
  std::vector<std::string> lines{};        ///< sentences, in order
  std::optional<std::string> record{};     ///< zone line to publish
  std::vector<std::string> waiting_for{};  ///< who does not show the record yet
};

/// A name that means the same key from any folder.
std::string lasting_name(const std::string& key) {
  if (key.starts_with("pkcs11:") || key.starts_with("credential:")) return key;
  std::error_code failed;
  const auto path = std::filesystem::absolute(key, failed);
  return failed ? key : path.string();
}

class Run {
 public:
  Run(const Options& options, const config::Config& config, std::chrono::sys_seconds now)
      : options_(options), config_(config), now_(now) {}

  Result<cli::Verdict> run();

 private:
  Result<void> find_current_key(const name::Domain& domain);
  [[nodiscard]] std::string organisation(const name::Domain& domain) const;
  Result<Rotation> begin(const name::Domain& domain, const std::optional<Rotation>& before);
  Result<crypto::SigningKey> make_new_key(const std::string& path) const;
  Result<Rotation> advance(Rotation rotation, dns::Resolver& resolver);
  Result<bool> is_published(const Rotation& rotation, dns::Resolver& resolver);
  Result<bool> is_revoked(const Rotation& rotation, dns::Resolver& resolver);
  Result<bool> take_step(Rotation& rotation, dns::Resolver& resolver);
  Result<cli::Verdict> give_up(const std::optional<Rotation>& rotation);
  void tell(const Rotation& rotation) const;
  [[nodiscard]] Reach reach() const {
    return options_.network.dns_file ? Reach::resolver_only : Reach::name_servers;
  }
  [[nodiscard]] crypto::KeyType wanted_type() const {
    return options_.algorithm == "ed25519" ? crypto::KeyType::ed25519 : crypto::KeyType::rsa;
  }

  const Options& options_;
  const config::Config& config_;
  std::chrono::sys_seconds now_;
  dkim::RotationKey current_;  ///< what flags or configuration name
  std::optional<RotationState> state_;
  Report report_;
};

std::string Run::organisation(const name::Domain& domain) const {
  if (!options_.organisation.empty()) return options_.organisation;
  const auto* found = config_.organisation_of(domain);
  return found ? found->id : std::string(config::kDefaultOrganisation);
}

/// The key that signs now: the flags', else the configured one of the wanted kind.
Result<void> Run::find_current_key(const name::Domain& domain) {
  std::vector<dkim::RotationKey> candidates;
  if (!options_.key.empty()) {
    if (auto given = required(options_.selector, "--selector"); !given) return fail(given.error());
    candidates.push_back({options_.selector, options_.key, {}});
  } else if (const auto* found = config_.organisation_of(domain)) {
    for (const auto& key : found->dkim) {
      if (!(key.domain == domain)) continue;
      candidates.push_back({key.selector, key.key, {}});
      if (key.key2) candidates.push_back({key.selector2.value_or(""), *key.key2, {}});
    }
  }
  for (dkim::RotationKey& candidate : candidates) {
    if (!options_.selector.empty() && candidate.selector != options_.selector) continue;
    const auto key = open_key(options_.common, candidate.key);
    if (!key) return fail(key.error());
    if (options_.key.empty() && key->type() != wanted_type()) continue;
    if (key->type() != wanted_type()) {
      return fail(Errc::usage, "the key is of another kind than --algorithm says",
                  "--algorithm rsa or ed25519 says which of the domain's keys is meant");
    }
    candidate.key = lasting_name(candidate.key);
    candidate.record = dkim::record_text(key->public_key());
    current_ = candidate;
    return {};
  }
  return fail(Errc::usage, "there is no key to rotate for " + domain.text(),
              "--selector and --key name the one that signs now");
}

/// A key file from a run that ended before it was noted is used, not made anew.
Result<crypto::SigningKey> Run::make_new_key(const std::string& path) const {
  auto made = wanted_type() == crypto::KeyType::rsa
                  ? crypto::SigningKey::generate_rsa(
                        static_cast<unsigned>(options_.bits.value_or(kUsualBits)))
                  : Result<crypto::SigningKey>(crypto::SigningKey::generate_ed25519());
  if (!made) return made;
  const auto pem = made->pem();
  if (!pem) return fail(pem.error());
  const auto published = publish_file(path, pem->reveal(), 0600, AtomicFile::Existing::keep);
  if (published) return made;
  auto existing = crypto::SigningKey::from_file(path);
  if (!existing || existing->type() != wanted_type()) return fail(published.error());
  return existing;
}

Result<Rotation> Run::begin(const name::Domain& domain, const std::optional<Rotation>& before) {
  std::vector<std::string> taken = {current_.selector};
  if (before) {
    taken = before->earlier;
    taken.push_back(before->old_key.selector);
    // The configuration may still name a key from before the last rotation.
    const auto active = dkim::active_key(*before, current_.selector);
    if (active) current_ = *active;
  }
  auto overlap = Result<std::chrono::seconds>(kUsualOverlap);
  if (options_.overlap) overlap = parse_duration(*options_.overlap);
  if (!overlap) return fail(overlap.error(), "--overlap");
  std::vector<std::string> all = taken;
  all.push_back(current_.selector);
  const std::string selector =
      options_.new_selector.empty() ? dkim::fresh_selector(now_, all) : options_.new_selector;
  if (auto name = dkim::key_record_name(domain, selector); !name) return fail(name.error());
  if (std::find(all.begin(), all.end(), selector) != all.end()) {
    return fail(Errc::usage, "the selector " + printable(selector) + " has been used already");
  }
  const std::string path = state_->key_path(selector);
  const auto key = make_new_key(path);
  if (!key) return fail(key.error());
  std::erase(taken, current_.selector);
  Rotation rotation{.domain = domain,
                    .type = wanted_type(),
                    .old_key = current_,
                    .new_key = {selector, path, dkim::record_text(key->public_key())},
                    .earlier = std::move(taken),
                    .started = now_,
                    .overlap = *overlap};
  if (auto noted = state_->record(rotation, "key-made"); !noted) return fail(noted.error());
  report_.lines.push_back("made the key " + selector + " in " + path);
  return rotation;
}

Result<bool> Run::is_published(const Rotation& rotation, dns::Resolver& resolver) {
  const auto name = dkim::key_record_name(rotation.domain, rotation.new_key.selector);
  if (!name) return fail(name.error());
  const auto wanted = dkim::parse_key_record(rotation.new_key.record);
  if (!wanted.record) return fail(Errc::configuration, "the rotation's state has no usable key");
  report_.waiting_for = missing(
      look_everywhere(resolver, *name, reach()),
      [&](const dkim::KeyAnswer& answer) { return dkim::shows_key(answer, wanted.record->key); });
  if (report_.waiting_for.empty()) return true;
  report_.record = dkim::format_record(dkim::RecordFormat::zone, *name, rotation.new_key.record);
  return false;
}

Result<bool> Run::is_revoked(const Rotation& rotation, dns::Resolver& resolver) {
  const auto name = dkim::key_record_name(rotation.domain, rotation.old_key.selector);
  if (!name) return fail(name.error());
  report_.waiting_for = missing(look_everywhere(resolver, *name, reach()), dkim::shows_revocation);
  if (report_.waiting_for.empty()) return true;
  report_.record = dkim::format_record(dkim::RecordFormat::zone, *name,
                                       dkim::revoked_record_text(rotation.type));
  return false;
}

/// Takes the step that is due; false where it has to wait.
Result<bool> Run::take_step(Rotation& rotation, dns::Resolver& resolver) {
  const auto note = [&](RotationPhase phase, const std::string& step,
                        std::string line) -> Result<bool> {
    rotation.phase = phase;
    if (auto noted = state_->record(rotation, step); !noted) return fail(noted.error());
    report_.lines.push_back(std::move(line));
    return true;
  };
  switch (rotation.phase) {
    case RotationPhase::publish: {
      const auto is_seen = is_published(rotation, resolver);
      if (!is_seen || !*is_seen) return is_seen;
      rotation.switched = now_;
      return note(RotationPhase::overlap, "switched",
                  "switched: " + rotation.new_key.selector + " signs from now on");
    }
    case RotationPhase::overlap:
      if (now_ < *rotation.overlap_ends()) return false;
      return note(RotationPhase::revoke, "overlap-ended",
                  "the overlap is over: " + rotation.old_key.selector + " is to be revoked");
    case RotationPhase::revoke: {
      const auto is_gone = is_revoked(rotation, resolver);
      if (!is_gone || !*is_gone) return is_gone;
      return note(RotationPhase::done, "revoked",
                  "done: " + rotation.old_key.selector + " is revoked; its private key " +
                      rotation.old_key.key + " can be destroyed");
    }
    case RotationPhase::done:
      return false;
  }
  return false;
}

Result<Rotation> Run::advance(Rotation rotation, dns::Resolver& resolver) {
  for (;;) {
    const auto taken = take_step(rotation, resolver);
    if (!taken) return fail(taken.error());
    if (!*taken) return rotation;
  }
}

void Run::tell(const Rotation& rotation) const {
  auto& out = options_.common.out();
  const auto ends = rotation.overlap_ends();
  if (options_.common.is_json) {
    JsonArray waiting;
    for (const std::string& one : report_.waiting_for)
      waiting.add(one);
    std::optional<std::string> until;
    if (ends && rotation.phase == RotationPhase::overlap) until = utc_text(*ends);
    std::optional<std::string> record;
    if (report_.record) record = trimmed(*report_.record, "\n");
    out.line(JsonObject()
                 .add("domain", rotation.domain.text())
                 .add("phase", dkim::text(rotation.phase))
                 .add("active_selector", rotation.active().selector)
                 .add("active_key", rotation.active().key)
                 .add("old_selector", rotation.old_key.selector)
                 .add("new_selector", rotation.new_key.selector)
                 .add("until", until)
                 .add("publish", record)
                 .add_raw("waiting_for", waiting.text())
                 .text());
    return;
  }
  for (const std::string& line : report_.lines)
    out.line(line);
  if (report_.record) out.line("publish:").print(*report_.record);
  for (const std::string& one : report_.waiting_for)
    out.line("waiting for " + one);
  if (rotation.phase == RotationPhase::overlap) {
    out.line("waiting until " + utc_text(*ends) + ": messages signed by " +
             rotation.old_key.selector + " are still on their way");
  }
  if (report_.lines.empty() && rotation.phase == RotationPhase::done) {
    out.line("done: " + rotation.new_key.selector + " signs, " + rotation.old_key.selector +
             " is revoked");
  }
}

Result<cli::Verdict> Run::give_up(const std::optional<Rotation>& rotation) {
  if (!rotation || rotation->phase == RotationPhase::done) {
    return fail(Errc::usage, "there is no rotation under way");
  }
  if (rotation->phase != RotationPhase::publish) {
    return fail(Errc::usage, "the new key signs already: the rotation can only go on",
                "smsign rotate --again replaces it when this one is done");
  }
  if (auto forgotten = state_->forget(*rotation); !forgotten) return fail(forgotten.error());
  options_.common.out().line("given up: " + rotation->old_key.selector + " goes on signing");
  return cli::Verdict::yes;
}

Result<cli::Verdict> Run::run() {
  const auto domain = domain_of(options_);
  if (!domain) return fail(domain.error());
  auto state = RotationState::open(config_, *domain, wanted_type(), organisation(*domain));
  if (!state) return fail(std::move(state).error());
  state_.emplace(std::move(*state));
  const auto before = state_->load();
  if (!before) return fail(before.error());
  if (options_.aborts) return give_up(*before);
  if (options_.shows_status) {
    if (!*before) {
      options_.common.out().line("there has been no rotation");
      return cli::Verdict::no;
    }
    tell(**before);
    options_.common.out().line("phase: " + std::string(dkim::text((*before)->phase)));
    return (*before)->phase == RotationPhase::done ? cli::Verdict::yes : cli::Verdict::temporary;
  }
  std::optional<Rotation> rotation = *before;
  // One that is done stays so when it is asked for again: cron may go on asking.
  const bool is_done = rotation && rotation->phase == RotationPhase::done;
  if (!rotation || (is_done && options_.begins_again)) {
    if (auto found = find_current_key(*domain); !found) return fail(found.error());
    auto begun = begin(*domain, *before);
    if (!begun) return fail(std::move(begun).error());
    rotation = std::move(*begun);
  }
  const auto resolver = resolver_of(options_);
  if (!resolver) return fail(resolver.error());
  const auto advanced = advance(std::move(*rotation), **resolver);
  if (!advanced) return fail(advanced.error());
  tell(*advanced);
  return advanced->phase == RotationPhase::done ? cli::Verdict::yes : cli::Verdict::temporary;
}

}  // namespace

Result<cli::Verdict> rotate(const Options& options) {
  const auto now = time_or_now(options.now);
  if (!now) return fail(now.error());
  const auto config = cli::load_config(options.common, options.network);
  if (!config) return fail(config.error());
  return Run(options, *config, *now).run();
}

}  // namespace sm::smsign
