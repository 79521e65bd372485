#pragma once
// The disclosures files of a folder, read along with its records. Part of verify.h.

#include <cstdint>
#include <optional>
#include <string>

#include "audit/extent.h"
#include "audit/findings.h"
#include "audit/layout.h"
#include "audit/segment_lines.h"

namespace sm::audit {

class DisclosureStream {
 public:
  /// `layout`: none for a log that comes without disclosures.
  DisclosureStream(std::optional<Layout> layout, const Extent& extent);

  Result<void> begin_segment(std::uint64_t number);
  /// Adds the lines below seq `end` to `into`.
  Result<void> take_below(std::uint64_t end, std::string& into, Findings& findings);
  /// What is left at a segment's end belongs to no record. Behind the last record it is what a
  /// crash leaves.
  Result<void> end_segment(bool is_last, std::uint64_t next, Findings& findings);

 private:
  std::optional<Layout> layout_;
  std::uint64_t last_segment_ = 0;
  std::uint64_t last_size_ = 0;
  std::uint64_t segment_ = 0;
  std::optional<SegmentLines> lines_;
  std::optional<std::string> pending_;
};

}  // namespace sm::audit
