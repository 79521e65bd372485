#include "mta.h"

#include <array>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"

namespace sm::smsend {
namespace {

constexpr cli::SignalAnswer kOnSignal{75, "4.3.0 ended by a signal before the message was sent\n"};

/// A pipe transport that cannot write all of the message takes that for a failure of its own.
void drain_stdin() {
  std::array<char, 65536> block{};
  while (::read(STDIN_FILENO, block.data(), block.size()) > 0) {
  }
}

/// Whether a status says something definite about this message.
bool is_definite(int status) {
  return status == 65 || status == 67 || status == 69 || status == 77;
}

bool g_has_answered = false;
int g_answer_fd = -1;  ///< stdout once more: the tool closes its own before it ends

void answer(std::string_view line) {
  g_has_answered = true;
  // stdout may be a pipe that nobody reads any more: the exit status says the same.
  (void)!::write(g_answer_fd, line.data(), line.size());
}

}  // namespace

MtaMode::MtaMode(int argc, char** argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
    if (std::string_view(argv[i]) == "--mta") is_on_ = true;
  }
  if (!is_on_) return;
  cli::answer_signals_with(&kOnSignal);
  g_answer_fd = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  // The status line is all that is printed.
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null >= 0) ::dup2(null, STDERR_FILENO);
}

int MtaMode::status(int tool_status) const {
  if (!is_on_ || tool_status == 0 || tool_status == 75) return tool_status;
  if (is_definite(tool_status) && g_has_answered) return tool_status;
  drain_stdin();
  if (!g_has_answered) answer("4.3.5 the mail tool could not start: its command line is wrong\n");
  return 75;
}

std::string mta_line(const std::string& enhanced, const std::string& text) {
  g_has_answered = true;
  return enhanced + " " + printable(text);
}

cli::Verdict mta_answer(cli::Printer& out, const Error& error) {
  drain_stdin();
  switch (error.code) {
    case Errc::malformed:  // the message itself
      out.line(mta_line("5.6.0", error.what));
      return cli::Verdict::malformed;
    case Errc::denied:
      out.line(mta_line("5.7.1", error.what));
      return cli::Verdict::denied;
    case Errc::usage:
    case Errc::no_input:
    case Errc::unavailable:
    case Errc::bug:
    case Errc::io:
    case Errc::temporary:
    case Errc::protocol:
    case Errc::configuration:
      break;
  }
  out.line(mta_line("4.3.0", error.what));
  return cli::Verdict::temporary;
}

}  // namespace sm::smsend
