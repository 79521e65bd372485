#include "audit/layout.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

namespace sm::audit {
namespace {

constexpr std::string_view kSuffix = ".ndjson";

std::string padded(std::uint64_t number, int digits) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%0*llu", digits,
                      static_cast<unsigned long long>(number));
  return text.data();
}

/// The number that `digits` digits or more say, as padded() writes it.
std::optional<std::uint64_t> from_padded(std::string_view text, int digits) {
  const auto first = text.find_first_not_of('0');
  const auto number =
      first == text.npos ? std::optional<std::uint64_t>(0) : parse_decimal(text.substr(first));
  if (!number || padded(*number, digits) != text) return std::nullopt;
  return number;
}

template <class Each>
Result<void> for_each_name(const std::string& folder, Each each) {
  DIR* const opened = ::opendir(folder.c_str());
  if (opened == nullptr) return fail_errno(Errc::no_input, "opening " + folder, errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opened, ::closedir);
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    each(std::string_view(entry->d_name));
    errno = 0;
  }
  if (errno != 0) return fail_errno("reading " + folder, errno);
  return {};
}

/// What a folder grants its group. /tmp is everybody's, not a group's; and a group that a log is to
/// be read by (auditors) is set on purpose, by the set-group-ID bit that hands it down.
enum class GroupRights { none, read, write };

GroupRights group_rights(const struct stat& folder) {
  const bool is_shared = (folder.st_mode & S_ISVTX) == 0;
  if ((folder.st_mode & S_IWGRP) != 0) return is_shared ? GroupRights::write : GroupRights::none;
  const bool is_handed_down = (folder.st_mode & S_ISGID) != 0 && (folder.st_mode & S_IRGRP) != 0;
  return is_handed_down && is_shared ? GroupRights::read : GroupRights::none;
}

GroupRights group_rights(const std::string& folder) {
  struct stat status {};
  return ::stat(folder.c_str(), &status) == 0 ? group_rights(status) : GroupRights::none;
}

mode_t file_mode(GroupRights rights) {
  switch (rights) {
    case GroupRights::none:
      return 0600;
    case GroupRights::read:
      return 0640;
    case GroupRights::write:
      return 0660;
  }
  return 0600;
}

mode_t folder_mode(GroupRights rights) {
  switch (rights) {
    case GroupRights::none:
      return 0700;
    case GroupRights::read:
      return 02750;
    case GroupRights::write:
      return 02770;
  }
  return 0700;
}

}  // namespace

std::string segment_name(std::uint64_t number) {
  return padded(number, 8);
}

std::string Layout::segment(std::uint64_t number) const {
  return folder + '/' + segment_name(number) + std::string(kSuffix);
}

std::string Layout::disclosures(std::uint64_t number) const {
  return disclosures_folder() + '/' + segment_name(number) + std::string(kSuffix);
}

std::string Layout::archived(std::uint64_t size) const {
  return checkpoints_folder() + '/' + padded(size, 20);
}

std::string log_key_file(const std::string& state, const std::string& org, std::uint64_t epoch) {
  return state + "/keys/log-" + org + '-' + std::to_string(epoch) + ".key";
}

Result<std::vector<std::uint64_t>> segments_in(const std::string& folder) {
  std::vector<std::uint64_t> numbers;
  auto done = for_each_name(folder, [&](std::string_view name) {
    if (!name.ends_with(kSuffix)) return;
    const auto number = from_padded(name.substr(0, name.size() - kSuffix.size()), 8);
    if (number) numbers.push_back(*number);
  });
  if (!done) return fail(std::move(done).error());
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<std::vector<std::uint64_t>> archived_in(const std::string& checkpoints_folder) {
  std::vector<std::uint64_t> sizes;
  const auto is_there = exists(checkpoints_folder);
  if (!is_there) return fail(is_there.error());
  if (!*is_there) return sizes;
  auto done = for_each_name(checkpoints_folder, [&](std::string_view name) {
    const auto size = name.size() == 20 ? from_padded(name, 20) : std::nullopt;
    if (size) sizes.push_back(*size);
  });
  if (!done) return fail(std::move(done).error());
  std::sort(sizes.begin(), sizes.end());
  return sizes;
}

Result<std::vector<std::uint64_t>> anchored_in(const std::string& anchors_folder) {
  constexpr std::string_view kReply = ".tsr";
  std::vector<std::uint64_t> sizes;
  auto done = for_each_name(anchors_folder, [&](std::string_view name) {
    if (!name.ends_with(kReply) || name.size() != 20 + kReply.size()) return;
    const auto size = from_padded(name.substr(0, 20), 20);
    if (size) sizes.push_back(*size);
  });
  if (!done) return fail(std::move(done).error());
  std::sort(sizes.begin(), sizes.end());
  return sizes;
}

Result<bool> exists(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT) return false;
  return fail_errno("looking for " + path, errno);
}

Result<UniqueFd> open_regular(const std::string& path) {
  auto fd = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!fd) return fd;
  struct stat status {};
  if (::fstat(fd->get(), &status) != 0) return fail_errno("looking at " + path, errno);
  if (!S_ISREG(status.st_mode)) return fail(Errc::no_input, path + " is no regular file");
  return fd;
}

Result<std::string> read_regular(const std::string& path, std::size_t most) {
  const auto fd = open_regular(path);
  if (!fd) return fail(fd.error());
  struct stat status {};
  if (::fstat(fd->get(), &status) != 0) return fail_errno("looking at " + path, errno);
  std::string content(std::min(static_cast<std::size_t>(status.st_size), most) + 1, '\0');
  auto* const into = reinterpret_cast<std::uint8_t*>(content.data());
  const auto size = read_full(fd->get(), into, content.size(), path);
  if (!size) return fail(size.error());
  if (*size > most || *size == content.size())
    return fail(Errc::malformed, path + " is longer than it can be");
  content.resize(*size);
  return content;
}

Result<UniqueFd> open_shared(const std::string& path, int flags) {
  auto file = open_file(path, flags | O_NOFOLLOW);
  if (file) return file;
  // Made with O_EXCL, so that only who makes it sets its rights; another may be making it now.
  file = open_file(path, flags | O_NOFOLLOW | O_CREAT | O_EXCL, 0600);
  if (!file) return open_file(path, flags | O_NOFOLLOW);
  if (::fchmod(file->get(), file_mode(group_rights(folder_of(path)))) != 0) {
    return fail_errno("setting the rights of " + path, errno);
  }
  return file;
}

Result<void> make_shared_folder(const std::string& path) {
  const auto is_there = exists(path);
  if (!is_there) return fail(is_there.error());
  if (*is_there) return {};
  const std::string parent = folder_of(path);
  if (parent == path) return fail(Errc::io, "there is no folder " + path);
  auto above = make_shared_folder(parent);
  if (!above) return above;
  if (::mkdir(path.c_str(), 0700) != 0) {
    if (errno == EEXIST) return {};
    return fail_errno("making the folder " + path, errno);
  }
  if (::chmod(path.c_str(), folder_mode(group_rights(parent))) != 0) {
    return fail_errno("setting the rights of " + path, errno);
  }
  return sync_folder(parent);
}

std::uint32_t read_only_mode_in(const std::string& folder) {
  return group_rights(folder) == GroupRights::none ? 0600 : 0640;
}

}  // namespace sm::audit
