#include "store/schema.h"

#include <array>

namespace sm::store {
namespace {

constexpr std::array kSteps = {
    // MTA-STS policies (RFC 8461) and the fetches that failed; the size and root of each log's
    // newest checkpoint.
    "CREATE TABLE sts_policy("
    "  domain TEXT PRIMARY KEY, id TEXT NOT NULL, policy TEXT NOT NULL, fetched INTEGER NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE TABLE sts_failure("
    "  domain TEXT PRIMARY KEY, id TEXT NOT NULL, at INTEGER NOT NULL, kind INTEGER NOT NULL,"
    "  detail TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE audit_signed("
    "  org TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL) WITHOUT ROWID;",
};

Result<std::int64_t> steps_taken(Index& index) {
  auto statement = index.prepare("PRAGMA user_version");
  if (!statement) return fail(std::move(statement).error());
  auto row = statement->row();
  if (!row) return fail(std::move(row).error());
  return statement->number(0);
}

}  // namespace

Result<void> migrate(Index& index) {
  const auto known = static_cast<std::int64_t>(kSteps.size());
  auto taken = steps_taken(index);
  if (!taken) return fail(std::move(taken).error());
  if (*taken == known) return {};
  return index.transaction([&]() -> Result<void> {
    // Another process may have taken them while this one waited for its turn.
    auto now = steps_taken(index);
    if (!now) return fail(std::move(now).error());
    if (*now > known) {
      return fail(Errc::configuration, "the database is of a newer version of smtools",
                  "use the tools that made it, or newer ones");
    }
    for (auto step = *now; step < known; ++step) {
      if (auto made = index.execute(kSteps[static_cast<std::size_t>(step)]); !made) return made;
    }
    return index.execute(("PRAGMA user_version=" + std::to_string(known)).c_str());
  });
}

}  // namespace sm::store
