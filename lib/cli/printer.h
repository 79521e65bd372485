#pragma once
// stdout: data for the next program. Text is gathered and leaves in whole pieces: at flush(), or
// when the tool ends with a verdict. Success is claimed only after the last write and the close
// went well, so a full disk is an Error (74), never a silent loss. A reader that went away (EPIPE)
// is no news to anybody: the tool ends with 74 and without a message.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sm::cli {

class Printer {
 public:
  /// `fd` stays the caller's.
  explicit Printer(int fd) : fd_(fd) {}
  Printer(const Printer&) = delete;
  Printer& operator=(const Printer&) = delete;

  /// Adds text as it is.
  Printer& print(std::string_view text);
  /// Adds text and a line end.
  Printer& line(std::string_view text);
  /// Writes what was gathered. Once a write failed, every later one fails the same way.
  Result<void> flush();
  /// Forgets what was gathered since the last flush().
  void drop();
  /// flush(), then close: some file systems report a full disk only there.
  Result<void> finish();
  /// The reader of a pipe went away.
  [[nodiscard]] bool lost_its_reader() const { return lost_its_reader_; }

 private:
  void note(int error_number);
  int fd_;
  std::string gathered_;
  bool lost_its_reader_ = false;
  std::optional<Error> failure_;
};

}  // namespace sm::cli
