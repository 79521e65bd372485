#pragma once
// smsign is two programs. Whoever signs starts it once for each message, and most of what it would
// load then is never used: resolver, database, JSON and YAML readers take longer to load than a
// signature to make. So smsign itself has what signing with a key needs, and all else (verify,
// check, rotate, keys out of the configuration) is smsign-lookup's, which it becomes by execv(2).

#include <vector>

namespace sm::smsign {

/// Whether these arguments (argv, the command in it) are for smsign-lookup.
bool is_for_lookup(const std::vector<char*>& arguments);

/// Becomes smsign-lookup, in ../libexec/smtools beside the folder of this program. Returns only
/// where that cannot be run: the exit status, after it said so.
int become_lookup(std::vector<char*> arguments);

}  // namespace sm::smsign
