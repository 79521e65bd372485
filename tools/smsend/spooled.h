#pragma once
// The queue from smsend's side: taking a message into it, handing one over without rights, running
// it, listing it.

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/main.h"
#include "config/config.h"
#include "delivery/result.h"
#include "options.h"
#include "sealing/premises.h"
#include "submission/submit.h"

namespace sm::smsend {

/// Who runs this may not touch the state: the message is handed over through the drop.
bool lacks_rights(const config::Config& config);
/// Those who may not read the state do not know who is registered: the runner looks.
config::Config without_registration(config::Config config);

/// How keys are found, and what the log calls us.
sealing::Premises::Options premises_of(const Options& options);

/// Into the spool (with rights) or the drop (without); a result for each recipient. Errc::denied
/// where the policy forbids what the flags ask for.
Result<std::vector<delivery::RecipientResult>> enqueue(const Options& options,
                                                       const config::Config& config,
                                                       const submission::Mail& mail);

/// Recipients for whom the same message waits already are taken out of the envelope; their results,
/// with their places.
struct Waiting {
  std::size_t place;
  delivery::RecipientResult result;
};
Result<std::vector<Waiting>> take_waiting(store::Index& index, submission::Mail& mail);

/// -q: once, or with an interval again and again.
Result<cli::Verdict> run_queue(const Options& options);
/// -bp.
Result<cli::Verdict> list_queue(const Options& options);

}  // namespace sm::smsend
