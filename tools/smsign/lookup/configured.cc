#include "cli/settings.h"
#include "commands.h"
#include "dkim/author.h"
#include "dkim/rotation.h"

namespace sm::smsign {

Result<Identity> named_by_configuration(const Options& options,
                                        const message::HeaderIndex& header) {
  const auto config = cli::load_config(options.common);
  if (!config) return fail(config.error());
  const auto author = dkim::author_domain(header);
  if (!author) return fail(author.error());
  const auto* organisation = config->organisation_of(*author);
  if (organisation) {
    for (const auto& key : organisation->dkim) {
      if (!(key.domain == *author)) continue;
      Identity identity{key.domain, {{key.selector, key.key}}};
      if (key.key2) identity.keys.push_back({key.selector2.value_or(""), *key.key2});
      for (NamedKey& named : identity.keys) {
        // A rotation may have replaced what the configuration names.
        const auto active =
            dkim::find_active_key(config->state + "/dkim", key.domain, named.selector);
        if (!active) return fail(active.error());
        if (*active) named = {(*active)->selector, (*active)->key};
      }
      return identity;
    }
  }
  return fail(Errc::usage, "no key is given, and none is configured for " + author->text(),
              "--domain, --selector and --key name one");
}

}  // namespace sm::smsign
