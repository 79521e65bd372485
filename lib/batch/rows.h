#pragma once
// The rows of a batch, from CSV or NDJSON, one at a time and in bounded memory (FORMATS §5).
//
// The first character that is no blank tells which: "{" begins NDJSON. A CSV file's first record is
// its heading, whose separator is that of the file. What is wrong with one row is told of that row,
// by line and reason, and the rows after it are read on; what is wrong with the heading is an
// Error, since no row could be read right.

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/result.h"
#include "batch/csv.h"
#include "batch/row.h"

namespace sm::batch {

/// A row that cannot be sent as it is.
struct BadRow {
  Row row;             ///< with its values as far as they could be told
  std::string reason;  ///< "not-utf8: column 'name'"
};
using AnyRow = std::variant<Row, BadRow>;

class RowReader {
 public:
  static constexpr std::size_t kMostJson = std::size_t{4} << 20;  ///< octets of one NDJSON row

  /// Reads the heading. Errc::malformed: none, not UTF-8 (UTF-16 included), a column without a name
  /// or twice. `name`: of the file, for messages.
  static Result<RowReader> open(ReadBlock read, std::string name);

  /// Nothing at the end.
  Result<std::optional<AnyRow>> next();

  [[nodiscard]] bool is_json() const { return is_json_; }
  /// CSV: the columns, in order. NDJSON: empty, each row has its own.
  [[nodiscard]] const std::vector<std::string>& columns() const { return *columns_; }
  [[nodiscard]] char separator() const { return separator_; }
  /// How many rows a file of so many bytes has, judged by what was read of it; 0: not known yet.
  /// From any thread.
  [[nodiscard]] std::uint64_t estimate(std::uint64_t size) const {
    const auto offset = in_->offset();
    if (offset == 0) return 0;
    return static_cast<std::uint64_t>(static_cast<double>(in_->rows()) * static_cast<double>(size) /
                                      static_cast<double>(offset));
  }

 private:
  RowReader(std::unique_ptr<Characters> in, std::string name)
      : in_(std::move(in)), name_(std::move(name)) {}
  Result<void> begin();
  Result<void> read_heading(std::string heading);
  Result<std::string> first_line();
  Result<std::optional<AnyRow>> next_csv();
  Result<std::optional<AnyRow>> next_json();

  std::unique_ptr<Characters> in_;
  std::string name_;
  bool is_json_ = false;
  char separator_ = ',';
  std::shared_ptr<const std::vector<std::string>> columns_ =
      std::make_shared<const std::vector<std::string>>();
  std::unique_ptr<CsvReader> csv_;
};

/// Reads a descriptor in blocks; `is_over` (may be empty) is asked while nothing comes, and its
/// yes ends the file.
ReadBlock read_from(int fd, std::string name, std::function<bool()> is_over);

}  // namespace sm::batch
