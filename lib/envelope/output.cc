#include "envelope/output.h"

#include <cerrno>
#include <set>

#include <sys/stat.h>

#include "base/file_name.h"

namespace sm::envelope {
namespace {

/// "scan.pdf" and 7 → "scan-7.pdf".
std::string with_number(const std::string& name, std::size_t n) {
  const auto dot = name.rfind('.');
  const std::string number = '-' + std::to_string(n);
  if (dot == name.npos || dot == 0) return name + number;
  return name.substr(0, dot) + number + name.substr(dot);
}

}  // namespace

Result<void> check_replaceable(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno("making " + path, errno);
  }
  if (S_ISREG(status.st_mode)) return {};
  const char* kind = S_ISLNK(status.st_mode)   ? "a symbolic link"
                     : S_ISDIR(status.st_mode) ? "a folder"
                                               : "no regular file";
  return fail(Errc::usage, path + " is " + kind + ", and is not written to",
              S_ISDIR(status.st_mode) ? "-C writes into a folder" : "use > to write to it");
}

std::vector<std::string> file_names(const Manifest& manifest) {
  std::vector<std::string> names;
  std::set<std::string> taken;
  for (std::size_t n = 1; n <= manifest.parts.size(); ++n) {
    const auto& given = manifest.parts[n - 1].info.name;
    std::string name = given ? safe_file_name(*given) : "";
    if (name.empty()) name = "part-" + std::to_string(n);
    while (!taken.insert(name).second)
      name = with_number(name, n);
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace sm::envelope
