#include "cli/diagnostics.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include <poll.h>
#include <unistd.h>

#include "base/text.h"

namespace sm::cli {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kRedrawAfter = milliseconds(100);
constexpr std::string_view kWipeLine = "\r\x1b[K";

/// Nothing that a terminal obeys. A backslash stays one: words that are escaped already, as most
/// that come from outside are, read the same.
std::string one_line(std::string_view text) {
  std::string line;
  for (const auto piece : split(text, '\\')) {
    if (piece.data() != text.data()) line += '\\';
    line += printable(piece);
  }
  return line;
}

/// Nobody is told when stderr fails: there is no other place to say it.
void write_best(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd wait{fd, POLLOUT, 0};
      if (::poll(&wait, 1, 1000) <= 0) return;
    } else if (errno != EINTR) {
      return;
    }
  }
}

}  // namespace

Diagnostics::Diagnostics(std::string tool, int fd)
    : tool_(std::move(tool)), fd_(fd), is_terminal_(::isatty(fd) == 1), has_colour_(false) {}

void Diagnostics::error(const Error& error) {
  say("error", "31", error.what);
  if (!error.hint.empty()) say("hint", "36", error.hint);
}

void Diagnostics::warning(std::string_view text) {
  if (!is_quiet_) say("warning", "33", text);
}

void Diagnostics::hint(std::string_view text) {
  if (!is_quiet_) say("hint", "36", text);
}

void Diagnostics::detail(std::string_view text, int level) {
  if (!is_quiet_ && verbosity_ >= level) say("detail", "2", text);
}

void Diagnostics::say(std::string_view kind, std::string_view colour, std::string_view text) {
  std::string message;
  if (has_progress_) message += kWipeLine;
  has_progress_ = false;
  message += tool_ + ": ";
  if (has_colour_) message += "\x1b[" + std::string(colour) + 'm';
  message += std::string(kind) + ':';
  if (has_colour_) message += "\x1b[0m";
  message += ' ' + one_line(text) + '\n';
  write_best(fd_, message);
}

Progress::Progress(Diagnostics& diagnostics, const Clock& clock, std::size_t total)
    : diagnostics_(&diagnostics),
      clock_(&clock),
      total_(total),
      started_(clock.monotonic()),
      drawn_(started_) {}

Progress::Progress(Diagnostics& diagnostics, const Clock& clock,
                   std::function<std::size_t(std::size_t)> estimate)
    : Progress(diagnostics, clock, std::size_t{0}) {
  estimate_ = std::move(estimate);
}

Progress::~Progress() {
  if (!diagnostics_->has_progress_) return;
  write_best(diagnostics_->fd_, kWipeLine);
  diagnostics_->has_progress_ = false;
}

void Progress::count(std::size_t more) {
  done_ += more;
  if (!diagnostics_->is_terminal_ || diagnostics_->is_quiet_) return;
  const auto now = clock_->monotonic();
  if (now - drawn_ < kRedrawAfter) return;
  drawn_ = now;
  if (estimate_) total_ = std::max(estimate_(done_), done_);
  draw();
}

void Progress::draw() {
  const double elapsed = duration<double>(drawn_ - started_).count();
  const double rate = elapsed > 0 ? static_cast<double>(done_) / elapsed : 0;
  std::array<char, 96> text{};
  if (total_ == 0 || rate == 0) {
    (void)std::snprintf(text.data(), text.size(), "%zu  %.0f/s", done_, rate);
  } else {
    const auto left =
        static_cast<long>(static_cast<double>(total_ - std::min(done_, total_)) / rate + 0.5);
    (void)std::snprintf(text.data(), text.size(), "%zu/%zu  %.0f/s  %ld:%02ld left", done_, total_,
                        rate, left / 60, left % 60);
  }
  write_best(diagnostics_->fd_, std::string(kWipeLine) + text.data());
  diagnostics_->has_progress_ = true;
}

}  // namespace sm::cli
