#include "personality.h"

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include <unistd.h>

#include "base/text.h"

namespace sm::smsend {
namespace {

std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

/// "-q15m": a digit follows at once.
bool is_interval(std::string_view word) {
  return word.size() > 2 && word.starts_with("-q") && is_digit(word[2]);
}

/// cron calls sendmail as the user whose job it was, in an environment of its own: a home that this
/// user may not enter is another's, and so is what is configured there.
void leave_foreign_home() {
  const char* home = std::getenv("HOME");
  if (home != nullptr && ::access(home, X_OK) != 0) ::unsetenv("HOME");
}

}  // namespace

CommandLine::CommandLine(int argc, char** argv) {
  const std::string_view name = argc > 0 ? name_of(argv[0]) : std::string_view();
  words_.emplace_back(argc > 0 ? argv[0] : "smsend");
  // Whoever calls sendmail expects that what it took will be delivered later, too.
  if (name == "sendmail") {
    words_.emplace_back("--queue");
    leave_foreign_home();
  }
  if (name == "mailq") words_.emplace_back("-bp");
  if (name == "newaliases") words_.emplace_back("-bi");
  bool are_flags = true;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    are_flags = are_flags && word != "--";
    if (are_flags && is_interval(word)) {
      words_.emplace_back("-q");
      words_.emplace_back("--every=" + std::string(word.substr(2)));
    } else {
      words_.emplace_back(word);
    }
  }
  for (auto& word : words_)
    pointers_.push_back(word.data());
  pointers_.push_back(nullptr);
}

bool is_sendmail() {
  return name_of(program_invocation_name) == "sendmail";
}

}  // namespace sm::smsend
