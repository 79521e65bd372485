#pragma once
// What was said on a connection, for --explain: commands and replies in order, never message
// content. Bounded: after kMaxOctets only the number of lines left out is kept.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sm::smtp {

class Transcript {
 public:
  static constexpr std::size_t kMaxOctets = 32 * 1024;
  enum class Speaker { client, server, note };
  struct Line {
    Speaker speaker;
    std::string text;  ///< printable(), one line, no line end
  };

  void add(Speaker speaker, std::string_view text);
  [[nodiscard]] const std::vector<Line>& lines() const { return lines_; }
  [[nodiscard]] std::size_t left_out() const { return left_out_; }

 private:
  std::vector<Line> lines_;
  std::size_t octets_ = 0;
  std::size_t left_out_ = 0;
};

}  // namespace sm::smtp
