#include "sealing/premises.h"

#include "state/signed_trees.h"

namespace sm::sealing {

struct Premises::Parts {
  config::Config config;
  store::Index index;
  state::SignedTrees trees;
  envelope::Keyring keys;
  std::unique_ptr<Logs> logs;
  Office office{};

  Parts(config::Config with, store::Index own, store::Index for_trees)
      : config(std::move(with)), index(std::move(own)), trees(std::move(for_trees)) {}
};

Premises::Premises(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Premises::~Premises() = default;

Result<std::unique_ptr<Premises>> Premises::open(config::Config config, const Options& options) {
  auto index = store::Index::open(config.state);
  if (!index) return fail(std::move(index).error());
  auto for_trees = store::Index::open(config.state);
  if (!for_trees) return fail(std::move(for_trees).error());
  auto parts = std::make_unique<Parts>(std::move(config), std::move(*index), std::move(*for_trees));
  auto keyring = keys::load_keyring(
      {parts->config.state, options.environment_key, options.credentials_directory});
  if (keyring) {
    parts->keys = std::move(*keyring);
  } else if (options.needs_keys) {
    return fail(std::move(keyring).error());
  }
  parts->logs = std::make_unique<Logs>(parts->config, *options.clock, options.tool, &parts->trees);
  parts->office = {&parts->config, &parts->index, &parts->keys, parts->logs.get(), options.clock};
  return std::unique_ptr<Premises>(new Premises(std::move(parts)));
}

Office& Premises::office() {
  return parts_->office;
}

const config::Config& Premises::config() const {
  return parts_->config;
}

Result<std::unique_ptr<Premises::Desk>> Premises::another_office() {
  auto index = store::Index::open(parts_->config.state);
  if (!index) return fail(std::move(index).error());
  auto desk = std::unique_ptr<Desk>(new Desk{std::move(*index), parts_->office});
  desk->office.index = &desk->index;
  return desk;
}

}  // namespace sm::sealing
