#include "setup/machine.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace sm::setup {
namespace {

constexpr const char* kServiceUser = "smtools";
constexpr mode_t kOthers = S_IRWXG | S_IRWXO;
constexpr mode_t kWritableByOthers = S_IWGRP | S_IWOTH;

/// Gathers what is wrong with one file after the other; one line where nothing is.
class RightsCheck {
 public:
  explicit RightsCheck(Findings& findings) : findings_(findings) {}
  ~RightsCheck() {
    if (!is_any_wrong_) {
      findings_.push_back({"rights", "", Standing::good,
                           "only their owner can read the keys, and nobody else change the state"});
    }
  }
  RightsCheck(const RightsCheck&) = delete;
  RightsCheck& operator=(const RightsCheck&) = delete;

  void wrong(const std::string& path, const std::string& what, const std::string& mend,
             Standing standing = Standing::missing) {
    is_any_wrong_ = true;
    findings_.push_back({"rights", path, standing, path + " " + what, mend});
  }
  /// The file's status; where it cannot be told, that is what is wrong.
  std::optional<struct stat> look(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) return status;
    const bool is_absent = errno == ENOENT;
    wrong(path, is_absent ? "is not there" : std::string("cannot be looked at: ") + strerror(errno),
          is_absent ? "smsetup init makes it" : "run smsetup check as root or as the state's owner",
          is_absent ? Standing::missing : Standing::unknown);
    return std::nullopt;
  }
  /// Nobody but its owner may do anything with it.
  void must_be_private(const std::string& path, uid_t owner) {
    const auto status = look(path);
    if (!status) return;
    if ((status->st_mode & kOthers) != 0) {
      wrong(path, "can be read by others than its owner", "chmod go= " + path);
    } else if (status->st_uid != owner && status->st_uid != 0) {
      wrong(path, "belongs to another user than the state", "chown it to the state's owner");
    } else if (status->st_uid != owner) {
      wrong(path, "belongs to root, and the state to somebody else, who cannot read it",
            "chown it to the state's owner");
    }
  }

 private:
  Findings& findings_;
  bool is_any_wrong_ = false;
};

void check_configuration(const std::string& path, RightsCheck& check) {
  const auto status = check.look(path);
  if (status && S_ISREG(status->st_mode) && (status->st_mode & kWritableByOthers) != 0) {
    check.wrong(path, "can be changed by others than its owner, and with it the policy",
                "chmod go-w " + path);
  }
}

void check_keys(const std::string& folder, uid_t owner, RightsCheck& check) {
  check.must_be_private(folder, owner);
  std::error_code error;
  std::filesystem::recursive_directory_iterator each(folder, error);
  for (; !error && each != std::filesystem::recursive_directory_iterator(); each.increment(error))
    check.must_be_private(each->path().string(), owner);
  if (error && error != std::errc::no_such_file_or_directory) {
    check.wrong(folder, "cannot be looked into: " + error.message(),
                "run smsetup check as root or as the state's owner", Standing::unknown);
  }
}

constexpr std::uint64_t kMebi = 1024 * 1024;

std::string units_enabled(const std::string& units, const std::string& timer) {
  return units + "/timers.target.wants/" + timer;
}

}  // namespace

void check_rights(const config::Config& config, Findings& findings) {
  RightsCheck check(findings);
  if (config.file) check_configuration(*config.file, check);
  const auto state = check.look(config.state);
  if (!state) return;
  if ((state->st_mode & (S_IROTH | S_IWOTH)) != 0 || (state->st_mode & S_IWGRP) != 0) {
    check.wrong(config.state, "is open to others than its owner", "chmod g-w,o-rw " + config.state);
  }
  if (state->st_uid == 0 && ::getpwnam(kServiceUser) != nullptr) {
    check.wrong(config.state,
                "belongs to root, so the services, which run as smtools, cannot use it",
                "chown -R smtools: " + config.state, Standing::advice);
  }
  check_keys(config.state + "/keys", state->st_uid, check);
  for (const auto& organisation : config.organisations) {
    for (const auto& key : organisation.dkim) {
      for (const auto& file : {key.key, key.key2.value_or("")}) {
        if (!file.starts_with('/') || file.starts_with(config.state + "/keys/")) continue;
        check.must_be_private(file, state->st_uid);
      }
    }
  }
}

void check_groups(Findings& findings) {
  std::string absent;
  for (const char* group : {"smtools-submit", "smtools-operate", "smtools-audit"}) {
    if (::getgrnam(group) == nullptr) absent += (absent.empty() ? "" : ", ") + std::string(group);
  }
  if (absent.empty()) {
    findings.push_back({"groups", "", Standing::good, "the groups are there"});
    return;
  }
  findings.push_back(
      {"groups", "", Standing::advice,
       "there is no group " + absent + ": only the state's owner can send, operate and audit",
       "systemd-sysusers makes them from the package's smtools.conf"});
}

void check_clock(const Clock& clock, Findings& findings) {
  if (clock.is_synchronised()) {
    findings.push_back({"clock", "", Standing::good, "the clock is kept in step"});
    return;
  }
  findings.push_back({"clock", "", Standing::advice,
                      "the kernel does not say that the clock is kept in step: evidence records "
                      "that, and locks may last longer",
                      "run systemd-timesyncd or chrony"});
}

void check_space(const config::Config& config, Findings& findings) {
  constexpr std::uint64_t kLeast = 100 * kMebi;
  constexpr std::uint64_t kEnough = 1024 * kMebi;
  struct statvfs disk {};
  if (::statvfs(config.state.c_str(), &disk) != 0) {
    findings.push_back({"disk", config.state, Standing::unknown,
                        "the space under " + config.state + " cannot be told: " + strerror(errno),
                        "smsetup init makes the state"});
    return;
  }
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  const auto text = std::to_string(free / kMebi) + " MiB are free for the state";
  if (free >= kEnough && (disk.f_files == 0 || disk.f_favail > 1000)) {
    findings.push_back({"disk", config.state, Standing::good, text});
    return;
  }
  findings.push_back({"disk", config.state, free < kLeast ? Standing::missing : Standing::advice,
                      text + (free < kEnough ? "" : ", but hardly any inodes"),
                      "make room: without room for the record nothing is sent"});
}

void check_timers(const std::string& units, bool has_systemd, Findings& findings) {
  constexpr std::array kTimers = {"smtools-sweep.timer", "smtools-queue.timer",
                                  "smtools-checkpoint.timer"};
  if (!has_systemd) {
    findings.push_back({"timers", "", Standing::advice,
                        "systemd does not run here, so its timers do not either",
                        "let cron run `smretain sweep` every ten minutes, and `smsend -q` every "
                        "minute"});
    return;
  }
  std::string absent;
  for (const char* timer : kTimers) {
    struct stat status {};
    if (::lstat(units_enabled(units, timer).c_str(), &status) == 0) continue;
    absent += (absent.empty() ? "" : " ") + std::string(timer);
  }
  if (absent.empty()) {
    findings.push_back({"timers", "", Standing::good, "the timers are enabled"});
    return;
  }
  findings.push_back({"timers", "", Standing::missing, "not enabled: " + absent,
                      "systemctl enable --now " + absent});
}

}  // namespace sm::setup
