#include "state/signed_trees.h"

#include <algorithm>

namespace sm::state {

Result<std::optional<audit::SignedTree>> SignedTrees::newest(const std::string& org) {
  auto rows = index_->prepare("SELECT size,root FROM audit_signed WHERE org=?");
  if (!rows) return fail(std::move(rows).error());
  auto found = rows->bind(org).row();
  if (!found) return fail(std::move(found).error());
  if (!*found) return std::optional<audit::SignedTree>();
  audit::SignedTree tree{.size = static_cast<std::uint64_t>(rows->number(0))};
  const auto root = rows->blob(1);
  if (root.size() != tree.root.size()) {
    return fail(Errc::configuration, "the state's newest signed root of " + org + " is damaged");
  }
  std::copy(root.begin(), root.end(), tree.root.begin());
  return std::optional(tree);
}

Result<void> SignedTrees::remember(const std::string& org, const audit::SignedTree& tree) {
  auto statement = index_->prepare("INSERT OR REPLACE INTO audit_signed VALUES(?,?,?)");
  if (!statement) return fail(std::move(statement).error());
  return statement->bind(org)
      .bind(static_cast<std::int64_t>(tree.size))
      .bind(Bytes(tree.root))
      .run();
}

}  // namespace sm::state
