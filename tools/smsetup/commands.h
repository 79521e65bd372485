#pragma once
// The two commands, and what they share.

#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "cli/main.h"
#include "keys/key_store.h"
#include "options.h"

namespace sm::smsetup {

Result<cli::Verdict> init(const Options& options);
Result<cli::Verdict> check(const Options& options);

/// --address, read.
Result<std::vector<IpAddress>> addresses_of(const Options& options);

/// Where the keys are, for this state.
keys::KeyPlaces key_places(const Options& options, const std::string& state);

}  // namespace sm::smsetup
