#pragma once
// The commands that ask the DNS, read the configuration, or keep state.

#include <memory>

#include "base/result.h"
#include "cli/main.h"
#include "dns/resolver.h"
#include "options.h"
#include "sign.h"

namespace sm::smsign {

/// The resolver that flags and configuration name.
Result<std::unique_ptr<dns::Resolver>> resolver_of(const Options& options);

/// The keys that the configuration has for the domain in From, or what a rotation put in their
/// place.
Result<Identity> named_by_configuration(const Options& options, const message::HeaderIndex& header);

Result<cli::Verdict> verify(const Options& options);
Result<cli::Verdict> check_record(const Options& options);
Result<cli::Verdict> rotate(const Options& options);

}  // namespace sm::smsign
