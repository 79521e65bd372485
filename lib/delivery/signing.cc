#include "delivery/signing.h"

#include <memory>

#include "dkim/rotation.h"
#include "dkim/signer.h"

namespace sm::delivery {
namespace {

using Keys = std::vector<dkim::SelectedKey>;

Result<void> add_key(Keys& keys, const std::string& selector, const std::string& key) {
  auto opened = crypto::SigningKey::open(key);
  if (!opened) return fail(std::move(opened).error(), "the DKIM key " + selector);
  keys.push_back({selector, std::make_shared<const crypto::SigningKey>(std::move(*opened))});
  return {};
}

/// The first configured pair whose domain is the author's (RFC 6376 §3.5: d= of the author aligns).
const config::DkimKey* key_for(const config::Organisation& organisation,
                               const name::Domain& author) {
  for (const auto& key : organisation.dkim) {
    if (key.domain == author) return &key;
  }
  return nullptr;
}

Result<crypto::Sha256> hash_body(const dkim::Signer& signer,
                                 const message::PreparedMessage& message) {
  auto hasher = signer.body_hasher();
  const auto body = message.open_body();
  for (;;) {
    auto block = body->next();
    if (!block) return fail(std::move(block).error());
    if (block->empty()) return hasher.finish();
    hasher.update(*block);
  }
}

Result<void> apply_rotation(const std::string& folder, const name::Domain& domain,
                            std::string& selector, std::string& key) {
  auto active = dkim::find_active_key(folder, domain, selector);
  if (!active) return fail(std::move(active).error());
  if (*active) {
    selector = (*active)->selector;
    key = (*active)->key;
  }
  return {};
}

}  // namespace

Result<void> apply_rotations(config::Config& config) {
  const std::string folder = config.state + "/dkim";
  for (auto& organisation : config.organisations) {
    for (auto& pair : organisation.dkim) {
      auto applied = apply_rotation(folder, pair.domain, pair.selector, pair.key);
      if (applied && pair.selector2 && pair.key2) {
        applied = apply_rotation(folder, pair.domain, *pair.selector2, *pair.key2);
      }
      if (!applied) return applied;
    }
  }
  return {};
}

namespace {

Result<dkim::Signer> open_signer(const config::DkimKey& configured, const name::Domain& author) {
  Keys keys;
  if (auto added = add_key(keys, configured.selector, configured.key); !added) {
    return fail(std::move(added).error());
  }
  if (configured.key2) {
    auto added = add_key(keys, configured.selector2.value_or(""), *configured.key2);
    if (!added) return fail(std::move(added).error());
  }
  return dkim::Signer::create(author, std::move(keys));
}

Result<std::vector<audit::DkimEvidence>> sign_with(const dkim::Signer& signer,
                                                   message::PreparedMessage& message,
                                                   const Clock& clock) {
  auto hash = hash_body(signer, message);
  if (!hash) return fail(std::move(hash).error());
  auto made =
      signer.sign(message.header(), *hash, std::chrono::floor<std::chrono::seconds>(clock.now()));
  if (!made) return fail(std::move(made).error());
  if (auto put = message.prepend_field(made->fields); !put) return fail(std::move(put).error());
  std::vector<audit::DkimEvidence> evidence;
  for (const auto& one : made->evidence) {
    evidence.push_back({one.d, one.s, one.a, one.bh, one.b_sha256});
  }
  return evidence;
}

}  // namespace

Result<std::vector<audit::DkimEvidence>> sign(message::PreparedMessage& message,
                                              const config::Organisation& organisation,
                                              const Clock& clock) {
  return SigningDesk().sign(message, organisation, clock);
}

Result<std::vector<audit::DkimEvidence>> SigningDesk::sign(message::PreparedMessage& message,
                                                           const config::Organisation& organisation,
                                                           const Clock& clock) {
  const auto& author = message.from().mailbox.domain();
  const auto* configured = key_for(organisation, author);
  if (configured == nullptr) return std::vector<audit::DkimEvidence>{};
  std::shared_ptr<const dkim::Signer> signer;
  {
    const std::lock_guard lock(mutex_);
    auto& known = signers_[organisation.id + " " + author.text()];
    if (!known) {
      auto opened = open_signer(*configured, author);
      if (!opened) return fail(std::move(opened).error());
      known = std::make_shared<const dkim::Signer>(std::move(*opened));
    }
    signer = known;
  }
  return sign_with(*signer, message, clock);
}

}  // namespace sm::delivery
