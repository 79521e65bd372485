#include <cerrno>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"

namespace sm::smsetup {

Result<std::vector<IpAddress>> addresses_of(const Options& options) {
  std::vector<IpAddress> addresses;
  for (const auto& text : options.addresses) {
    const auto address = IpAddress::parse(text);
    if (!address) return fail(Errc::usage, "--address: '" + text + "' is no IP address");
    addresses.push_back(*address);
  }
  return addresses;
}

keys::KeyPlaces key_places(const Options& options, const std::string& state) {
  const auto& environment = options.common.environment;
  keys::KeyPlaces places{state, nullptr, environment.credentials_directory};
  if (environment.master_key) places.environment_key = &*environment.master_key;
  return places;
}

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

Result<cli::Verdict> run(const Options& options) {
  switch (options.command) {
    case Command::init:
      return init(options);
    case Command::check:
      return check(options);
    case Command::none:
      break;
  }
  return fail(Errc::usage, "no command");
}

}  // namespace sm::smsetup
