#pragma once
// What an installation needs to run: keys, log, SMS gateway, portal. The keyring is opened and the
// log is asked for room, as a message that goes out does; nothing is written to them.

#include "base/clock.h"
#include "config/config.h"
#include "dns/resolver.h"
#include "keys/key_store.h"
#include "setup/finding.h"

namespace sm::setup {

/// The master key opens the keyring, and the organisation has a key in it.
void check_keys(const keys::KeyPlaces& places, const std::string& org, Findings& findings);
/// Users without rights find the organisation's present key to seal to.
void check_handover(const config::Config& config, const keys::KeyPlaces& places,
                    const std::string& org, Findings& findings);
/// A record could be written, and signed. The log is not begun by this.
void check_log(const config::Config& config, const config::Organisation& organisation,
               const Clock& clock, Findings& findings);
void check_sms(const config::Organisation& organisation, Findings& findings);
/// GET <portal>/healthz answers 200.
void check_portal(const config::Config& config, const config::Organisation& organisation,
                  dns::Resolver& resolver, Findings& findings);

}  // namespace sm::setup
