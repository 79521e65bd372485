#pragma once
// How the machine itself stands: rights of files and folders, groups, clock, space on the disk,
// timers. Looks, changes nothing. What only the state's owner may see is to be asked as that user.

#include "base/clock.h"
#include "config/config.h"
#include "setup/finding.h"

namespace sm::setup {

/// The configuration file, the state, everything under `<state>/keys`, the DKIM keys.
void check_rights(const config::Config& config, Findings& findings);
/// smtools-submit, smtools-operate, smtools-audit.
void check_groups(Findings& findings);
void check_clock(const Clock& clock, Findings& findings);
/// Room for the log and for what waits.
void check_space(const config::Config& config, Findings& findings);
/// The jobs that must run again and again: smretain sweep, smaudit checkpoint, smsend -q.
/// `units` is where systemd keeps what is enabled: /etc/systemd/system.
void check_timers(const std::string& units, bool has_systemd, Findings& findings);

}  // namespace sm::setup
