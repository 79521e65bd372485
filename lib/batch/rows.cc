#include "batch/rows.h"

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <set>

#include <poll.h>

#include "base/file.h"
#include "base/json.h"
#include "base/spreadsheet.h"
#include "base/text.h"

namespace sm::batch {
namespace {

constexpr std::size_t kMostHeading = 256 * 1024;

std::string scalar_text(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return {};
  if (value.is_boolean()) return value.get<bool>() ? "true" : "";
  return value.dump();  // a number
}

/// What may be said of a row's values whatever its form was.
std::string fault_of(const Row& row) {
  for (std::size_t i = 0; i < row.values.size(); ++i) {
    const auto& value = row.values[i];
    const std::string column = i < row.names->size() ? printable((*row.names)[i]) : "?";
    if (!is_utf8(value)) return "not-utf8: the value of '" + column + "' is not UTF-8";
    if (value.find('\0') != value.npos) return "nul: the value of '" + column + "' has a NUL";
    if (is_formula(value)) {
      return "formula: the value of '" + column + "' is a formula for a spreadsheet";
    }
  }
  return {};
}

}  // namespace

Result<RowReader> RowReader::open(ReadBlock read, std::string name) {
  RowReader reader(std::make_unique<Characters>(std::move(read)), std::move(name));
  if (auto begun = reader.begin(); !begun) return fail(std::move(begun).error(), reader.name_);
  return reader;
}

Result<void> RowReader::begin() {
  auto c = in_->peek();
  if (!c) return fail(std::move(c).error());
  if (*c == 0xEF) {  // a byte order mark, in UTF-8
    for (const int wanted : {0xEF, 0xBB, 0xBF}) {
      c = in_->peek();
      if (!c) return fail(std::move(c).error());
      if (*c != wanted) return fail(Errc::malformed, "it is not UTF-8", "save it as UTF-8");
      in_->take();
    }
    c = in_->peek();
    if (!c) return fail(std::move(c).error());
  }
  if (*c == 0xFE || *c == 0xFF) {
    return fail(Errc::malformed, "it is UTF-16", "save it as UTF-8");
  }
  while (*c == ' ' || *c == '\t' || *c == '\r' || *c == '\n') {
    in_->take();
    c = in_->peek();
    if (!c) return fail(std::move(c).error());
  }
  if (*c < 0) return fail(Errc::malformed, "there is nothing in it");
  if (*c == '{') {
    is_json_ = true;
    return {};
  }
  auto heading = first_line();
  if (!heading) return fail(std::move(heading).error());
  // What Excel writes and reads: the separator on a line of its own.
  const auto told = trimmed(*heading, " \t\r\n\"");
  if (told == "sep=;" || told == "sep=,") {
    separator_ = told.back();
    heading = first_line();
    if (!heading) return fail(std::move(heading).error());
  } else {
    separator_ = separator_of(*heading);
  }
  return read_heading(std::move(*heading));
}

/// The heading whole: line ends inside quotes belong to it.
Result<std::string> RowReader::first_line() {
  std::string line;
  for (bool is_quoted = false;;) {
    auto c = in_->peek();
    if (!c) return fail(std::move(c).error());
    if (*c < 0 || line.size() > kMostHeading) break;
    line += in_->take();
    if (line.back() == '"') is_quoted = !is_quoted;
    if (line.back() == '\n' && !is_quoted) break;
  }
  if (line.size() > kMostHeading) return fail(Errc::malformed, "its heading is too long");
  return line;
}

Result<void> RowReader::read_heading(std::string heading) {
  if (!is_utf8(heading)) {
    return fail(Errc::malformed, "its heading is not UTF-8", "save it as UTF-8");
  }
  bool is_read = false;
  Characters characters([&]() -> Result<std::string_view> {
    return std::exchange(is_read, true) ? std::string_view() : std::string_view(heading);
  });
  auto record = CsvReader(characters, separator_).next();
  if (!record) return fail(std::move(record).error());
  if (!*record) return fail(Errc::malformed, "it has no heading");
  if (!(*record)->fault.empty()) return fail(Errc::malformed, "its heading: " + (*record)->fault);
  std::set<std::string> seen;
  std::vector<std::string> columns;
  for (const auto& cell : (*record)->cells) {
    const std::string column(trimmed(cell));
    if (column.empty() || column.find_first_of("\r\n") != column.npos) {
      return fail(Errc::malformed, "a column of its heading has no name");
    }
    if (!seen.insert(column).second) {
      return fail(Errc::malformed, "the column '" + printable(column) + "' is there twice");
    }
    columns.push_back(column);
  }
  columns_ = std::make_shared<const std::vector<std::string>>(std::move(columns));
  csv_ = std::make_unique<CsvReader>(*in_, separator_);
  return {};
}

Result<std::optional<AnyRow>> RowReader::next() {
  return is_json_ ? next_json() : next_csv();
}

Result<std::optional<AnyRow>> RowReader::next_csv() {
  auto record = csv_->next();
  if (!record) return fail(std::move(record).error(), name_);
  if (!*record) return std::optional<AnyRow>();
  Row row{.number = in_->count_row(),
          .line = (*record)->line,
          .names = columns_,
          .values = std::move((*record)->cells)};
  std::string reason = std::move((*record)->fault);
  if (!reason.empty()) {
    reason = "not-csv: " + reason;
  } else if (row.values.size() != columns_->size()) {
    reason = "not-csv: the row has " + std::to_string(row.values.size()) + " cells, the heading " +
             std::to_string(columns_->size());
  } else {
    reason = fault_of(row);
  }
  if (reason.empty()) return std::optional<AnyRow>(std::move(row));
  row.values.resize(columns_->size());
  return std::optional<AnyRow>(BadRow{std::move(row), std::move(reason)});
}

Result<std::optional<AnyRow>> RowReader::next_json() {
  std::string text;
  bool is_too_large = false;
  std::uint64_t line = in_->line();
  for (;;) {
    auto c = in_->peek();
    if (!c) return fail(std::move(c).error(), name_);
    if (*c < 0) break;
    if (*c != '\n') {
      const auto taken = in_->take_until("\n");
      is_too_large = is_too_large || text.size() + taken.size() > kMostJson;
      if (!is_too_large) text += taken;
      continue;
    }
    in_->take();
    if (!trimmed(text, " \t\r").empty() || is_too_large) break;
    text.clear();
    line = in_->line();
  }
  if (trimmed(text, " \t\r").empty() && !is_too_large) return std::optional<AnyRow>();
  auto names = std::make_shared<std::vector<std::string>>();
  Row row{.number = in_->count_row(), .line = line, .names = names, .values = {}};
  const auto bad = [&](std::string reason) {
    return std::optional<AnyRow>(BadRow{std::move(row), std::move(reason)});
  };
  if (is_too_large) return bad("not-json: the row is larger than 4 MiB");
  const auto value = parse_json(text, "the row", {.depth = 8, .size = kMostJson});
  if (!value) return bad("not-json: " + value.error().what);
  if (!value->is_object()) return bad("not-json: the row is no object");
  std::string nested;
  for (const auto& [name, one] : value->items()) {
    if (one.is_structured()) nested = name;
    names->push_back(name);
    row.values.push_back(one.is_structured() ? std::string() : scalar_text(one));
  }
  if (!nested.empty()) return bad("not-json: '" + printable(nested) + "' is no single value");
  if (auto reason = fault_of(row); !reason.empty()) return bad(std::move(reason));
  return std::optional<AnyRow>(std::move(row));
}

ReadBlock read_from(int fd, std::string name, std::function<bool()> is_over) {
  constexpr std::size_t kBlock = 65536;
  auto block = std::make_shared<std::vector<char>>(kBlock);
  return [fd, name = std::move(name), is_over = std::move(is_over),
          block]() -> Result<std::string_view> {
    for (;;) {
      pollfd watched{fd, POLLIN, 0};
      const int ready = ::poll(&watched, 1, 200);
      if (is_over && is_over()) return std::string_view();
      if (ready < 0 && errno != EINTR) return fail_errno("reading " + name, errno);
      if (ready <= 0) continue;
      auto read = read_some(fd, reinterpret_cast<std::uint8_t*>(block->data()), kBlock, name);
      if (!read) return fail(std::move(read).error());
      return std::string_view(block->data(), *read);
    }
  };
}

}  // namespace sm::batch
