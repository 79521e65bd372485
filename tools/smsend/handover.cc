#include "handover.h"

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "envelope/stream.h"
#include "queue/layout.h"
#include "queue/parcel.h"

namespace sm::smsend {
namespace {

constexpr std::size_t kMostKeys = std::size_t{1} << 20;

/// Of the organisation's keys the last: `smkey export-public ORG >> file` adds the newest.
Result<envelope::PublicKey> find_key(const std::string& file, const std::string& org) {
  auto text = read_file(file, kMostKeys);
  if (!text) {
    return fail(Errc::configuration, "nothing can be handed over: " + text.error().what,
                "smkey export-public " + org + " >> " + file);
  }
  std::optional<envelope::PublicKey> found;
  for (const auto line : split(*text, '\n')) {
    if (line.empty() || line.front() == '#') continue;
    auto key = envelope::parse_public_key(line);
    if (!key) return fail(Errc::configuration, file + ": " + key.error().what);
    if (key->org == org) found = std::move(*key);
  }
  if (found) return std::move(*found);
  return fail(Errc::configuration, file + " has no key of " + org,
              "smkey export-public " + org + " >> " + file);
}

/// smsend-drop takes no word from its callers: it knows one drop. What another installation's queue
/// would find there must not be put there.
Result<void> check_drop(const std::string& state) {
  const std::string own = queue::Layout{state}.drop();
  if (own == queue::kSystemDrop) return {};
  struct stat mine {};
  struct stat known {};
  const bool is_same = ::stat(own.c_str(), &mine) == 0 && ::stat(queue::kSystemDrop, &known) == 0 &&
                       mine.st_dev == known.st_dev && mine.st_ino == known.st_ino;
  if (is_same) return {};
  return fail(
      Errc::configuration,
      std::string("smsend-drop hands over in ") + queue::kSystemDrop +
          ", which is not the drop of " + state,
      std::string("root can make it a link there: ln -s ") + own + " " + queue::kSystemDrop);
}

/// Beside the installed tools, or in the build.
Result<std::string> find_program() {
  std::array<char, PATH_MAX> self{};
  const auto size = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
  if (size <= 0) return fail_errno("finding smsend-drop", errno);
  const auto folder = folder_of(std::string(self.data(), static_cast<std::size_t>(size)));
  std::string program = folder + "/../libexec/smtools/smsend-drop";
  if (::access(program.c_str(), X_OK) == 0) return program;
  return fail(Errc::unavailable, "smsend-drop is not installed",
              "users without rights submit through it");
}

/// smsend-drop, fed by a pipe.
class Child final : public envelope::Sink {
 public:
  static Result<Child> start(const std::string& program) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno("making a pipe", errno);
    const UniqueFd in(ends[0]);
    UniqueFd out(ends[1]);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in.get(), STDIN_FILENO);
    std::string name = "smsend-drop";
    std::array<char*, 2> arguments = {name.data(), nullptr};
    std::array<char*, 1> environment = {nullptr};
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments.data(),
                                    environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return fail_errno(Errc::unavailable, "starting " + program, error);
    return Child(pid, std::move(out));
  }
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), out_(std::move(other.out_)) {}
  Child& operator=(Child&&) = delete;
  /// What was not finished is not to be stored: the end of its input would look like the end of the
  /// message.
  ~Child() override {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }

  Result<void> write(Bytes bytes) override {
    return write_all(out_.get(), bytes, "the pipe to smsend-drop");
  }

  /// Its answer.
  Result<void> finish() {
    out_.reset();
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0) {
      if (errno != EINTR) return fail_errno("waiting for smsend-drop", errno);
    }
    pid_ = -1;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 75;
    switch (code) {
      case 0:
        return {};
      case 69:
        return fail(Errc::unavailable, "there is no drop to hand the message over in");
      case 77:
        return fail(Errc::denied, "smsend-drop may not write into the drop",
                    "it belongs to the group smtools-submit, mode 2755");
      default:
        return fail(Errc::temporary, "the message could not be handed over now");
    }
  }

 private:
  Child(pid_t pid, UniqueFd out) : pid_(pid), out_(std::move(out)) {}
  pid_t pid_;
  UniqueFd out_;
};

}  // namespace

Result<std::vector<delivery::RecipientResult>> hand_over(const config::Config& config,
                                                         const std::string& org,
                                                         const submission::Mail& mail,
                                                         const queue::Ticket& ticket) {
  if (mail.message.size() > config.queue.message_limit) {
    return fail(Errc::malformed, "message-too-large: " + std::to_string(mail.message.size()) +
                                     " octets, and users may queue " +
                                     std::to_string(config.queue.message_limit));
  }
  if (auto checked = check_drop(config.state); !checked) return fail(checked.error());
  auto key = find_key(config.queue.public_keys, org);
  if (!key) return fail(std::move(key).error());
  auto program = find_program();
  if (!program) return fail(std::move(program).error());
  auto child = Child::start(*program);
  if (!child) return fail(std::move(child).error());
  auto written = queue::write_parcel(*key, mail.message, ticket, system_clock(), *child);
  if (written) written = child->finish();
  if (!written) return fail(std::move(written).error());
  std::vector<delivery::RecipientResult> results;
  for (const auto& recipient : mail.envelope.recipients) {
    results.emplace_back();
    results.back().recipient = recipient.mailbox.text();
    results.back().status = delivery::Status::queued;
  }
  return results;
}

}  // namespace sm::smsend
