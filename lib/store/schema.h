#pragma once
// The database's tables, as numbered steps: a database remembers how many it has taken
// (PRAGMA user_version), and opening takes the rest, each in a transaction of its own. A step that
// was released never changes; a new one is added behind it.

#include "base/result.h"
#include "store/index.h"

namespace sm::store {

/// Errc::configuration for a database that has taken more steps than this program knows.
Result<void> migrate(Index& index);

}  // namespace sm::store
