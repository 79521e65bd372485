#include "audit/findings.h"

#include <algorithm>
#include <array>

namespace sm::audit {

std::string_view text(FindingKind kind) {
  static constexpr std::array kNames = {
      std::string_view("altered"),
      std::string_view("chain-break"),
      std::string_view("tree-mismatch"),
      std::string_view("shorter-than-checkpoint"),
      std::string_view("key-out-of-epoch"),
      std::string_view("torn-tail"),
      std::string_view("disclosure-mismatch"),
      std::string_view("unsigned-tail"),
      std::string_view("anchor-age"),
      std::string_view("lifecycle-incomplete"),
      std::string_view("origin-unproven"),
      std::string_view("tail-not-proven"),
  };
  static_assert(kNames.size() == static_cast<std::size_t>(FindingKind::tail_not_proven) + 1);
  return kNames[static_cast<std::size_t>(kind)];
}

void Findings::add(FindingKind kind, std::optional<std::uint64_t> seq, std::string detail,
                   std::uint64_t count) {
  add(Finding{kind, seq, count, std::move(detail), false});
}

void Findings::add(Finding finding) {
  const auto same = std::find_if(found_.begin(), found_.end(),
                                 [&](const Finding& one) { return one.kind == finding.kind; });
  if (same == found_.end()) {
    found_.push_back(std::move(finding));
    return;
  }
  const std::uint64_t count = same->count + finding.count;
  if (finding.seq && (!same->seq || *finding.seq < *same->seq)) *same = std::move(finding);
  same->count = count;
}

std::vector<Finding> Findings::all() const {
  std::vector<Finding> sorted = found_;
  std::sort(sorted.begin(), sorted.end(),
            [](const Finding& a, const Finding& b) { return a.kind < b.kind; });
  return sorted;
}

}  // namespace sm::audit
