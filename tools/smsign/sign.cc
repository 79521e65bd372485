#include "sign.h"

#include <memory>

#include <unistd.h>

#include "base/text.h"
#include "dkim/signer.h"
#include "keys.h"
#include "passage.h"
#include "times.h"

namespace sm::smsign {
namespace {

Result<Identity> named_by_flags(const Options& options) {
  auto domain = domain_of(options);
  if (!domain) return fail(domain.error());
  for (const auto& [value, flag] :
       {std::pair(options.selector, "--selector"), std::pair(options.key, "--key")}) {
    if (auto given = required(value, flag); !given) return fail(given.error());
  }
  if (options.selector2.empty() != options.key2.empty()) {
    return fail(Errc::usage, "--selector2 and --key2 belong together");
  }
  Identity identity{std::move(*domain), {{options.selector, options.key}}};
  if (!options.key2.empty()) identity.keys.push_back({options.selector2, options.key2});
  return identity;
}

Result<dkim::Signer> signer_for(const Options& options, const Identity& identity,
                                dkim::Canons canons) {
  dkim::SignOptions how{.canons = canons, .identity = options.identity};
  if (options.expire) {
    const auto lifetime = parse_duration(*options.expire);
    if (!lifetime) return fail(lifetime.error(), "--expire");
    how.lifetime = *lifetime;
  }
  std::vector<dkim::SelectedKey> keys;
  for (const NamedKey& named : identity.keys) {
    auto key = open_key(options.common, named.key);
    if (!key) return fail(std::move(key).error());
    keys.push_back({named.selector, std::make_shared<const crypto::SigningKey>(std::move(*key))});
  }
  return dkim::Signer::create(identity.domain, std::move(keys), std::move(how));
}

}  // namespace

Result<cli::Verdict> sign(const Options& options, const FindIdentity& by_configuration) {
  const auto now = time_or_now(options.now);
  if (!now) return fail(now.error());
  const auto canons = dkim::Canons::parse(options.canons.value_or("relaxed/relaxed"));
  if (!canons) {
    return fail(Errc::usage, "--canonicalization: '" + printable(*options.canons) + "' is unknown",
                "simple or relaxed for header and body, such as relaxed/simple");
  }
  // What the flags say is checked before a byte is read.
  const bool is_by_flags =
      !options.key.empty() || !options.domain.empty() || !options.selector.empty();
  std::optional<dkim::Signer> signer;
  if (is_by_flags) {
    const auto identity = named_by_flags(options);
    if (!identity) return fail(identity.error());
    auto made = signer_for(options, *identity, *canons);
    if (!made) return fail(std::move(made).error());
    signer = std::move(*made);
  }
  dkim::BodyHasher hasher(canons->body);
  Passage passage([&](Bytes body) { hasher.update(body); });
  if (auto read = passage.read(STDIN_FILENO); !read) return fail(read.error());
  if (!signer) {
    const auto identity = by_configuration(options, passage.header());
    if (!identity) return fail(identity.error());
    auto made = signer_for(options, *identity, *canons);
    if (!made) return fail(std::move(made).error());
    signer = std::move(*made);
  }
  const auto fields = signer->sign(passage.header(), hasher.finish(), *now);
  if (!fields) return fail(fields.error());
  if (auto written = passage.write(fields->fields, options.common.out()); !written) {
    return fail(written.error());
  }
  return cli::Verdict::yes;
}

}  // namespace sm::smsign
