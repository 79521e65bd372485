#include "cli/prompt.h"

#include <fcntl.h>

#include "base/file.h"
#include "cli/process.h"

namespace sm::cli {
namespace {

constexpr std::size_t kMostOctets = 4096;  // the terminal's own line limit (N_TTY)

Result<Secret> read_line(int terminal) {
  Secret line;
  SecretKey<1> octet;
  for (;;) {
    const auto n = read_some(terminal, octet.writable().data(), 1, "the terminal");
    if (!n) return fail(n.error());
    if (*n == 0 && line.empty()) return fail(Errc::no_input, "nothing was entered");
    if (*n == 0 || octet.reveal()[0] == '\n') return line;
    if (line.size() == kMostOctets) return fail(Errc::malformed, "the line is too long");
    line.append(octet.reveal());
  }
}

}  // namespace

Result<Secret> prompt_secret(std::string_view question) {
  const auto terminal = open_file("/dev/tty", O_RDWR | O_NOCTTY);
  if (!terminal) return fail(Errc::unavailable, "there is no terminal to ask on");
  const auto silence = TerminalGuard::without_echo(terminal->get());
  if (!silence) return fail(silence.error());
  const std::string prompt = std::string(question) + ": ";
  if (auto asked = write_all(terminal->get(), as_bytes(prompt), "the terminal"); !asked) {
    return fail(asked.error());
  }
  auto line = read_line(terminal->get());
  (void)write_all(terminal->get(), as_bytes("\n"), "the terminal");
  return line;
}

Result<Secret> prompt_new_secret(std::string_view question) {
  auto first = prompt_secret(question);
  if (!first) return first;
  auto second = prompt_secret(std::string(question) + " again");
  if (!second) return second;
  if (!equal_constant_time(first->reveal(), second->reveal())) {
    return fail(Errc::usage, "the two entries differ", "try again");
  }
  return first;
}

}  // namespace sm::cli
