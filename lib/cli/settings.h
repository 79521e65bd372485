#pragma once
// From the command line and the environment to a configuration: the step between main_for, which
// only reads words, and lib/config, which reads files.

#include "base/result.h"
#include "cli/common.h"
#include "config/config.h"

namespace sm::cli {

/// The configuration that these flags choose and change. `policy` is what further flags of the tool
/// (--minimum and the like) say. Errc::usage for a flag that cannot be read, Errc::denied for one
/// that would loosen the binding policy, Errc::configuration for a file that is wrong.
Result<config::Config> load_config(const Common& common, const NetworkFlags& network = {},
                                   const config::PolicyLayer& policy = {});

/// "trusted" or "verified", as --minimum takes it (add_choice lets nothing else through).
std::optional<config::Minimum> minimum_of(const std::optional<std::string>& flag);

}  // namespace sm::cli
