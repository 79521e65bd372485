#include "audit/reader.h"

namespace sm::audit {

Result<LogReader> LogReader::open(const std::string& folder, std::uint64_t seq) {
  const auto numbers = segments_in(folder);  // so that a folder that is none is told
  if (!numbers) return fail(numbers.error());
  return LogReader(Layout{folder}, segment_of(seq));
}

Result<bool> LogReader::open_segment() {
  const std::string path = layout_.segment(segment_);
  const auto is_there = exists(path);
  if (!is_there || !*is_there) return is_there;
  auto lines = SegmentLines::open(path);
  if (!lines) return fail(std::move(lines).error());
  lines_ = std::move(*lines);
  disclosures_.reset();
  pending_.reset();
  seq_ = segment_ * kSegmentRecords;
  return true;
}

Result<void> LogReader::read_disclosures(std::uint64_t seq) {
  entry_.disclosures.clear();
  auto found = find_disclosures(seq);
  if ((found && !entry_.disclosures.empty()) || !disclosures_ || !disclosures_->was_replaced()) {
    return found;
  }
  // An erasure came by: what we read from is no part of the log any more.
  disclosures_.reset();
  pending_.reset();
  return find_disclosures(seq);
}

Result<void> LogReader::find_disclosures(std::uint64_t seq) {
  if (!disclosures_) {
    const std::string path = layout_.disclosures(segment_);
    const auto is_there = exists(path);
    if (!is_there) return fail(is_there.error());
    if (!*is_there) return {};
    auto lines = SegmentLines::open(path);
    if (!lines) return fail(std::move(lines).error());
    disclosures_ = std::move(*lines);
  }
  while (!pending_ || pending_->seq < seq) {
    const auto line = disclosures_->next();
    if (!line) return fail(line.error());
    if (!*line) return {};
    pending_ = DisclosureLine::parse(**line);
    if (!pending_) {
      return fail(Errc::malformed, layout_.disclosures(segment_) + " is damaged",
                  "smaudit verify tells more");
    }
  }
  if (pending_->seq == seq) entry_.disclosures = std::move(pending_->disclosures);
  return {};
}

Result<const EntryView*> LogReader::next() {
  return next(nullptr);
}

Result<const EntryView*> LogReader::next(const std::function<bool(std::string_view)>& wanted) {
  for (;;) {
    if (!lines_) {
      const auto opened = open_segment();
      if (!opened) return fail(opened.error());
      if (!*opened) return nullptr;
    }
    const auto line = lines_->next();
    if (!line) return fail(line.error());
    if (!*line) {
      if (seq_ < (segment_ + 1) * kSegmentRecords) return nullptr;
      ++segment_;
      lines_.reset();
      continue;
    }
    const std::uint64_t seq = seq_++;
    if (wanted && !wanted(**line)) continue;
    const RecordView* const record = scanner_.scan(**line);
    if (record == nullptr) {
      return fail(Errc::malformed,
                  layout_.segment(segment_) + ": line " +
                      std::to_string(seq % kSegmentRecords + 1) +
                      " is no record: " + scanner_.defect(),
                  "smaudit verify tells more");
    }
    entry_.line = **line;
    entry_.record = record;
    auto read = read_disclosures(record->seq);
    if (!read) return fail(std::move(read).error());
    return &entry_;
  }
}

std::vector<Disclosure> parse_disclosures(const std::vector<std::string>& texts) {
  std::vector<Disclosure> disclosures;
  for (const std::string& text : texts) {
    auto parsed = Disclosure::parse(text);
    if (parsed) disclosures.push_back(std::move(*parsed));
  }
  return disclosures;
}

std::string disclosed(const std::vector<Disclosure>& disclosures, std::string_view name) {
  for (const Disclosure& one : disclosures) {
    if (one.name == name) return one.text;
  }
  return {};
}

}  // namespace sm::audit
