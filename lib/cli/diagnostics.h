#pragma once
// stderr: messages for people, `smprobe: error: …`, each one line. Whatever came from outside is
// shown by printable(), so a hostile server's words cannot drive a terminal. Colour and progress
// only on a terminal.

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace sm::cli {

class Diagnostics {
 public:
  Diagnostics(std::string tool, int fd);
  Diagnostics(const Diagnostics&) = delete;
  Diagnostics& operator=(const Diagnostics&) = delete;

  /// `tool: error: what` and, where there is one, `tool: hint: hint`.
  void error(const Error& error);
  void warning(std::string_view text);  ///< not under --quiet
  void hint(std::string_view text);     ///< not under --quiet
  /// Only when -v was given at least `level` times.
  void detail(std::string_view text, int level = 1);

  void set_quiet(bool is_quiet) { is_quiet_ = is_quiet; }
  void set_verbosity(int verbosity) { verbosity_ = verbosity; }
  void set_colour(bool has_colour) { has_colour_ = has_colour && is_terminal_; }
  [[nodiscard]] bool is_terminal() const { return is_terminal_; }
  [[nodiscard]] bool is_quiet() const { return is_quiet_; }

 private:
  friend class Progress;
  void say(std::string_view kind, std::string_view colour, std::string_view text);
  std::string tool_;
  int fd_;
  bool is_terminal_;
  bool has_colour_;
  bool is_quiet_ = false;
  bool has_progress_ = false;  ///< a progress line stands on the terminal
  int verbosity_ = 0;
};

/// One line that counts: "412/1000  23/s  0:26 left". Nothing where stderr is no terminal or under
/// --quiet. Not thread-safe: the caller's thread that collects results counts them.
class Progress {
 public:
  Progress(Diagnostics& diagnostics, const Clock& clock, std::size_t total);
  /// Where the total is an estimate, made from what is done; 0: not known.
  Progress(Diagnostics& diagnostics, const Clock& clock,
           std::function<std::size_t(std::size_t done)> estimate);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  ///< wipes the line
  void count(std::size_t more = 1);

 private:
  void draw();
  Diagnostics* diagnostics_;
  const Clock* clock_;
  std::size_t total_;
  std::function<std::size_t(std::size_t)> estimate_{};
  std::size_t done_ = 0;
  Monotonic started_;
  Monotonic drawn_;
};

}  // namespace sm::cli
