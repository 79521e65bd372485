#include "audit/disclosure_stream.h"

#include "base/text.h"

namespace sm::audit {
namespace {

/// The seq that a line of a disclosures file begins with: `{"seq":777,`.
std::optional<std::uint64_t> seq_of(std::string_view line) {
  constexpr std::string_view kPrefix = "{\"seq\":";
  if (!line.starts_with(kPrefix)) return std::nullopt;
  line.remove_prefix(kPrefix.size());
  const auto end = line.find(',');
  return end == line.npos || end > 20 ? std::nullopt : parse_decimal(line.substr(0, end));
}

}  // namespace

DisclosureStream::DisclosureStream(std::optional<Layout> layout, const Extent& extent)
    : layout_(std::move(layout)),
      last_segment_(extent.segments.empty() ? 0 : extent.segments.back()),
      last_size_(extent.last_disclosures) {}

Result<void> DisclosureStream::begin_segment(std::uint64_t number) {
  segment_ = number;
  lines_.reset();
  pending_.reset();
  if (!layout_) return {};
  const auto is_there = exists(layout_->disclosures(number));
  if (!is_there) return fail(is_there.error());
  if (!*is_there) return {};
  const std::uint64_t end = number == last_segment_ ? last_size_ : std::uint64_t(-1);
  auto lines = SegmentLines::open(layout_->disclosures(number), 0, end);
  if (!lines) return fail(std::move(lines).error());
  lines_ = std::move(*lines);
  return {};
}

Result<void> DisclosureStream::take_below(std::uint64_t end, std::string& into,
                                          Findings& findings) {
  while (lines_) {
    if (!pending_) {
      auto line = lines_->next();
      if (!line && line.error().code == Errc::malformed) {
        findings.add(FindingKind::disclosure_mismatch, segment_ * kSegmentRecords,
                     line.error().what);
        lines_.reset();
        break;
      }
      if (!line) return fail(std::move(line).error());
      if (!*line) break;
      pending_ = std::string(**line);
    }
    const auto seq = seq_of(*pending_);
    if (seq && *seq >= end) break;
    if (seq) {
      into += *pending_ + '\n';
    } else {
      findings.add(FindingKind::disclosure_mismatch, std::nullopt,
                   "a line of a disclosures file is none");
    }
    pending_.reset();
  }
  return {};
}

Result<void> DisclosureStream::end_segment(bool is_last, std::uint64_t next, Findings& findings) {
  std::string rest;
  auto done = take_below(std::uint64_t(-1), rest, findings);
  if (!done) return done;
  const auto kind = is_last ? FindingKind::torn_tail : FindingKind::disclosure_mismatch;
  if (!rest.empty()) findings.add(kind, next, "disclosures without a record");
  if (lines_ && lines_->is_torn()) findings.add(kind, next, "disclosures that end in a half line");
  return {};
}

}  // namespace sm::audit
