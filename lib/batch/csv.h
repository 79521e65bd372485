#pragma once
// Reading CSV (RFC 4180) from a stream, record by record, in bounded memory: quoted cells with
// separators, doubled quotes and line ends in them, CRLF and LF, with or without a line end at the
// end. Exact: what is no CSV is told, record by record, and never guessed at. Bytes only: encodings
// and headings are rows.h's.

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sm::batch {

/// Bytes of a file, a block at a time; empty at the end.
using ReadBlock = std::function<Result<std::string_view>()>;

/// One character after the other, with the number of the line.
class Characters {
 public:
  explicit Characters(ReadBlock read) : read_(std::move(read)) {}
  /// -1 at the end.
  Result<int> peek();
  /// After a peek() that was not the end.
  char take();
  /// All up to and not including one of `stops` that are at hand (maybe not all of them): for
  /// speed. After a peek().
  std::string_view take_until(std::string_view stops);
  [[nodiscard]] std::uint64_t line() const { return line_; }
  /// Bytes taken so far.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  /// Rows made of them: by whoever makes them.
  std::uint64_t count_row() { return ++rows_; }
  [[nodiscard]] std::uint64_t rows() const { return rows_; }

 private:
  ReadBlock read_;
  std::string_view block_{};
  bool is_at_end_ = false;
  std::uint64_t line_ = 1;
  // Asked by the thread that estimates.
  std::atomic<std::uint64_t> offset_{0};
  std::atomic<std::uint64_t> rows_{0};
};

struct CsvRecord {
  std::uint64_t line = 0;  ///< where it begins
  std::vector<std::string> cells{};
  std::string fault{};  ///< why it is no CSV, or too large; empty: it is
};

class CsvReader {
 public:
  static constexpr std::size_t kMostOctets = std::size_t{4} << 20;  ///< of one record
  static constexpr std::size_t kMostCells = 1000;

  CsvReader(Characters& in, char separator) : in_(in), separator_(separator) {}

  /// The next record; lines without anything are passed over. Nothing at the end. A record with a
  /// fault is taken to its end, or to the end of the file where a quote is never closed.
  Result<std::optional<CsvRecord>> next();

 private:
  Result<bool> cell(CsvRecord& record);
  Result<void> quoted(CsvRecord& record, std::string& cell);
  Result<void> plain(CsvRecord& record, std::string& cell);
  void keep(CsvRecord& record, std::string& cell, std::string_view text);

  Characters& in_;
  char separator_;
  std::size_t octets_ = 0;
};

/// The separator that a heading uses, ',' or ';': the more frequent outside quotes.
char separator_of(std::string_view heading);

/// A cell as CSV: quoted where it must be.
std::string csv_cell(std::string_view text, char separator);

}  // namespace sm::batch
