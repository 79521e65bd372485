#include "rotation_state.h"

#include <unistd.h>

#include "audit/log.h"
#include "base/clock.h"
#include "base/version.h"
#include "state/signed_trees.h"

namespace sm::smsign {
namespace {

constexpr std::size_t kMostState = 65536;

}  // namespace

Result<RotationState> RotationState::open(const config::Config& config, const name::Domain& domain,
                                          crypto::KeyType type, std::string organisation) {
  const std::string folder = config.state + "/dkim";
  for (const std::string& needed : {folder, config.state + "/keys"}) {
    if (auto made = make_folders(needed); !made) return fail(made.error());
  }
  std::string name = dkim::rotation_name(domain, type);
  auto lock = FileLock::try_acquire(folder + "/" + name + ".lock");
  if (!lock) return fail(std::move(lock).error());
  if (!*lock) {
    return fail(Errc::temporary, "another smsign rotates this key just now");
  }
  return RotationState(config, std::move(organisation), std::move(name), folder, std::move(**lock));
}

Result<std::optional<dkim::Rotation>> RotationState::load() const {
  if (::access(path().c_str(), F_OK) != 0 && errno == ENOENT) {
    return std::optional<dkim::Rotation>();
  }
  const auto text = read_file(path(), kMostState);
  if (!text) return fail(text.error());
  auto rotation = dkim::parse_rotation(*text, path());
  if (!rotation) return fail(std::move(rotation).error());
  return std::optional<dkim::Rotation>(std::move(*rotation));
}

Result<void> RotationState::append(const dkim::Rotation& rotation, const std::string& step) {
  auto index = store::Index::open(config_->state);
  if (!index) return fail(std::move(index).error());
  state::SignedTrees trees(std::move(*index));
  const auto* organisation = config_->find_organisation(organisation_);
  auto log =
      audit::Log::open(config_->state, organisation_, system_clock(),
                       {.tool = "smsign/" + std::string(kVersion),
                        .host = {},
                        .origin = organisation ? organisation->audit_origin : config_->audit_origin,
                        .signed_state = &trees});
  if (!log) return fail(std::move(log).error());
  audit::Record record(audit::Event::policy_changed);
  record.fact("change", "dkim-rotation")
      .fact("step", step)
      .fact("type", rotation.type == crypto::KeyType::rsa ? "rsa" : "ed25519")
      .disclose("domain", rotation.domain.text())
      .disclose("old_selector", rotation.old_key.selector)
      .disclose("new_selector", rotation.new_key.selector);
  const auto appended = log->append(record);
  if (!appended) return fail(appended.error(), "the audit log takes no record");
  return {};
}

Result<void> RotationState::record(const dkim::Rotation& rotation, const std::string& step) {
  if (auto appended = append(rotation, step); !appended) return appended;
  return publish_file(path(), as_bytes(dkim::to_json(rotation) + "\n"));
}

Result<void> RotationState::forget(const dkim::Rotation& rotation) {
  if (auto appended = append(rotation, "given-up"); !appended) return appended;
  if (::unlink(path().c_str()) != 0) return fail_errno("removing " + path(), errno);
  return sync_folder(folder_);
}

std::string RotationState::key_path(const std::string& selector) const {
  return config_->state + "/keys/dkim-" + name_ + "-" + selector + ".pem";
}

}  // namespace sm::smsign
