#pragma once
// What a batch leaves for its caller: results as NDJSON (FORMATS §4), and the rows that were not
// sent as CSV with one more column, `error`, that can be mended and fed back.
//
// Both are mode 0600 and appear under their names when the batch ends, whole for the rows that had
// their end by then; what is no regular file (a pipe, /dev/stdout) is written as it goes.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "batch/row.h"
#include "delivery/result.h"

namespace sm::batch {

/// A file that is written in pieces.
class OutFile {
 public:
  /// Errc::io, temporary or no_input where it cannot be made.
  static Result<OutFile> create(const std::string& path);
  Result<void> write(std::string_view text);
  /// What is left is written; it gets its name. Once.
  Result<void> publish();

 private:
  OutFile() = default;
  Result<void> flush();
  std::string path_;
  std::optional<AtomicFile> atomic_{};
  UniqueFd plain_{};
  std::string waiting_;
};

/// The rows to feed back.
class FailedRows {
 public:
  /// `columns`: those of the input, in order. `error` among them is replaced.
  static Result<FailedRows> create(const std::string& path, std::vector<std::string> columns,
                                   char separator);
  Result<void> add(const Row& row, const delivery::RecipientResult& result);
  Result<void> publish() { return file_.publish(); }

  /// Whether a row with this end is one of them.
  static bool takes(delivery::Status status);

 private:
  FailedRows(OutFile file, std::vector<std::string> columns, char separator)
      : file_(std::move(file)), columns_(std::move(columns)), separator_(separator) {}
  OutFile file_;
  std::vector<std::string> columns_;
  char separator_;
};

}  // namespace sm::batch
