#pragma once
// smsend --batch: a template and a file of rows.

#include "base/result.h"
#include "cli/main.h"
#include "delivery/equipment.h"
#include "options.h"
#include "sealing/fallback.h"
#include "store/index.h"

namespace sm::smsend {

// What one message and a batch have in common (run.cc).
sealing::SealingRequest request_of(const Options& options);
Result<std::unique_ptr<delivery::Equipment>> make_equipment(const Options& options,
                                                            const config::Config& config);
/// `index` is the state's; `resolver` may be null.
Result<std::unique_ptr<delivery::Equipment>> make_equipment(
    const Options& options, const config::Config& config, std::shared_ptr<store::Index> index,
    std::unique_ptr<dns::Resolver> resolver);

/// Whether any of --batch's flags was given.
bool is_batch(const Options& options);
Result<cli::Verdict> run_batch(const Options& options);

}  // namespace sm::smsend
