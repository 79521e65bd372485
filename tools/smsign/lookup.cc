#include "lookup.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include <unistd.h>

#include "base/file.h"
#include "base/result.h"

namespace sm::smsign {
namespace {

constexpr std::array<std::string_view, 3> kLookups = {"verify", "check", "rotate"};

std::string lookup_path() {
  std::array<char, 4096> path{};
  const auto size = ::readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0 || static_cast<std::size_t>(size) == path.size()) return {};
  const std::string self(path.data(), static_cast<std::size_t>(size));
  return folder_of(folder_of(self)) + "/libexec/smtools/smsign-lookup";
}

bool is_key(std::string_view word) {
  return word == "--key" || word.starts_with("--key=");
}

}  // namespace

bool is_for_lookup(const std::vector<char*>& arguments) {
  bool is_signing = false;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (word == "--config" || word == "--state") {
      ++i;  // its value is no command
      continue;
    }
    for (const std::string_view command : kLookups) {
      if (!is_signing && word == command) return true;
    }
    if (word == "sign") is_signing = true;
    // keygen and dns ask nobody; help is the same everywhere.
    if (!is_signing && (word == "keygen" || word == "dns")) return false;
    if (is_signing && (is_key(word) || word == "--help" || word == "-h")) return false;
  }
  return is_signing;
}

int become_lookup(std::vector<char*> arguments) {
  const std::string path = lookup_path();
  arguments.push_back(nullptr);
  ::execv(path.c_str(), arguments.data());
  (void)std::fprintf(stderr, "smsign: error: running %s: %s\n", path.c_str(), std::strerror(errno));
  (void)std::fputs("smsign: hint: it is installed beside smsign, which cannot do this alone\n",
                   stderr);
  return exit_status(Errc::unavailable);
}

}  // namespace sm::smsign
