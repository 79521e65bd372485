#pragma once
// The lines of one file of the log, one after the other, from any offset that begins a line.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace sm::audit {

/// The last whole line of a file's first `size` bytes.
struct LastLine {
  std::string text;         ///< without LF; empty where there is no whole line
  std::uint64_t begin = 0;  ///< its offset
  std::uint64_t end = 0;    ///< behind its LF
};
Result<LastLine> last_line(int fd, std::uint64_t size, const std::string& path);

class SegmentLines {
 public:
  /// No line of a log is as long: what could be disclosed of a record came from one command line.
  static constexpr std::size_t kMostBytes = std::size_t{64} << 20;

  /// `end`: where the file ends for this reader, whatever is behind it.
  static Result<SegmentLines> open(const std::string& path, std::uint64_t offset = 0,
                                   std::uint64_t end = std::uint64_t(-1));

  /// The next line without its LF, with kPadding readable bytes behind it; it lives until the next
  /// call. Nothing at the end of the file; is_torn() then says whether bytes without LF follow.
  /// Errc::malformed: a line longer than kMostBytes.
  Result<std::optional<std::string_view>> next();
  /// Where the line after the last one begins.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] bool is_torn() const { return end_ > begin_; }
  /// Whether another file has the name now: an erasure puts one there, and overwrites this one.
  [[nodiscard]] bool was_replaced() const;

 private:
  SegmentLines(UniqueFd fd, std::string path, std::uint64_t offset, std::uint64_t file_end);
  Result<bool> fill();  ///< false at the end of the file

  UniqueFd fd_;
  std::string path_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;  ///< what of the buffer is unread
  std::uint64_t offset_ = 0;         ///< of begin_ in the file
  std::uint64_t file_end_ = 0;
};

}  // namespace sm::audit
