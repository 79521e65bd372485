#include "cli/rights.h"

#include <cerrno>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sm::cli {

Result<void> become_owner_of(const std::string& folder) {
  struct stat status {};
  if (::geteuid() != 0 || ::stat(folder.c_str(), &status) != 0 || status.st_uid == 0) return {};
  const passwd* user = ::getpwuid(status.st_uid);
  const bool has_groups = user != nullptr ? ::initgroups(user->pw_name, user->pw_gid) == 0
                                          : ::setgroups(0, nullptr) == 0;
  const gid_t group = user != nullptr ? user->pw_gid : status.st_gid;
  if (!has_groups || ::setresgid(group, group, group) != 0 ||
      ::setresuid(status.st_uid, status.st_uid, status.st_uid) != 0) {
    return fail_errno(Errc::denied, "becoming the owner of " + folder, errno);
  }
  return {};
}

}  // namespace sm::cli
