#include "batch/csv.h"

#include <algorithm>

#include "base/text.h"

namespace sm::batch {

Result<int> Characters::peek() {
  if (block_.empty() && !is_at_end_) {
    auto block = read_();
    if (!block) return fail(std::move(block).error());
    block_ = *block;
    is_at_end_ = block_.empty();
  }
  return is_at_end_ ? -1 : static_cast<unsigned char>(block_.front());
}

char Characters::take() {
  const char c = block_.front();
  block_.remove_prefix(1);
  ++offset_;
  if (c == '\n') ++line_;
  return c;
}

std::string_view Characters::take_until(std::string_view stops) {
  const auto end = std::min(block_.find_first_of(stops), block_.size());
  const auto taken = block_.substr(0, end);
  block_.remove_prefix(end);
  offset_ += end;
  line_ += static_cast<std::uint64_t>(std::count(taken.begin(), taken.end(), '\n'));
  return taken;
}

void CsvReader::keep(CsvRecord& record, std::string& cell, std::string_view text) {
  octets_ += text.size();
  if (octets_ > kMostOctets) {
    record.fault = "the row is larger than 4 MiB";
    return;
  }
  cell += text;
}

/// RFC 4180 §2, 5 to 7. The opening quote is taken.
Result<void> CsvReader::quoted(CsvRecord& record, std::string& cell) {
  for (;;) {
    auto c = in_.peek();
    if (!c) return fail(std::move(c).error());
    if (*c < 0) {
      record.fault = "a quote is never closed";
      return {};
    }
    if (*c != '"') {
      keep(record, cell, in_.take_until("\""));
      continue;
    }
    in_.take();
    c = in_.peek();
    if (!c) return fail(std::move(c).error());
    if (*c != '"') return {};
    in_.take();
    keep(record, cell, "\"");
  }
}

/// Up to the separator or the line's end, neither taken.
Result<void> CsvReader::plain(CsvRecord& record, std::string& cell) {
  const std::string stops = {separator_, '\n', '"'};
  for (;;) {
    auto c = in_.peek();
    if (!c) return fail(std::move(c).error());
    if (*c < 0 || *c == separator_ || *c == '\n') return {};
    if (*c == '"') {
      if (record.fault.empty()) record.fault = "a quote inside a cell that is not quoted";
      in_.take();
      continue;
    }
    keep(record, cell, in_.take_until(stops));
  }
}

/// True when another cell follows in this record.
Result<bool> CsvReader::cell(CsvRecord& record) {
  std::string text;
  auto c = in_.peek();
  if (!c) return fail(std::move(c).error());
  const bool is_quoted = *c == '"';
  if (is_quoted) {
    in_.take();
    if (auto taken = quoted(record, text); !taken) return fail(std::move(taken).error());
  }
  std::string rest;
  auto taken = plain(record, is_quoted ? rest : text);
  if (!taken) return fail(std::move(taken).error());
  c = in_.peek();
  if (!c) return fail(std::move(c).error());
  auto& last = is_quoted ? rest : text;
  if (*c != separator_ && last.ends_with('\r')) last.pop_back();
  if (!rest.empty() && record.fault.empty()) record.fault = "text after a closing quote";
  if (record.cells.size() == kMostCells) {
    record.fault = "the row has more than 1,000 cells";
  } else {
    record.cells.push_back(std::move(text));
  }
  if (*c < 0) return false;
  return in_.take() == separator_;
}

Result<std::optional<CsvRecord>> CsvReader::next() {
  for (;;) {
    auto c = in_.peek();
    if (!c) return fail(std::move(c).error());
    if (*c < 0) return std::optional<CsvRecord>();
    CsvRecord record{.line = in_.line()};
    octets_ = 0;
    for (bool has_more = true; has_more;) {
      auto more = cell(record);
      if (!more) return fail(std::move(more).error());
      has_more = *more;
    }
    const bool is_blank = record.cells.size() == 1 && record.cells.front().empty();
    if (is_blank && record.fault.empty()) continue;
    return std::optional(std::move(record));
  }
}

char separator_of(std::string_view heading) {
  bool is_quoted = false;
  std::size_t commas = 0, semicolons = 0;
  for (const char c : heading) {
    if (c == '"') is_quoted = !is_quoted;
    if (is_quoted) continue;
    if (c == '\n') break;
    if (c == ',') ++commas;
    if (c == ';') ++semicolons;
  }
  return semicolons > commas ? ';' : ',';
}

std::string csv_cell(std::string_view text, char separator) {
  const bool is_plain = text.find_first_of("\"\r\n") == text.npos &&
                        text.find(separator) == text.npos && trimmed(text) == text;
  if (is_plain) return std::string(text);
  std::string cell = "\"";
  for (const char c : text) {
    if (c == '"') cell += '"';
    cell += c;
  }
  return cell + '"';
}

}  // namespace sm::batch
