#include "inputs.h"

#include <array>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

namespace sm::smseal {
namespace {

constexpr std::string_view kStdin = "-";

/// The types that matter to whoever gets them in a browser; all else is octet-stream.
constexpr std::array<std::pair<std::string_view, std::string_view>, 20> kTypes{{
    {"csv", "text/csv"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"eml", "message/rfc822"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"html", "text/html"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"json", "application/json"},
    {"mp4", "video/mp4"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"tar", "application/x-tar"},
    {"txt", "text/plain"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"zip", "application/zip"},
}};

std::string type_of(std::string_view name) {
  const auto dot = name.rfind('.');
  if (dot != name.npos) {
    for (const auto& [ending, type] : kTypes) {
      if (equal_ignoring_case(name.substr(dot + 1), ending)) return std::string(type);
    }
  }
  return "application/octet-stream";
}

/// Some files of /proc say that they are empty and are not: they are streams.
bool is_really_empty(int fd) {
  char byte = 0;
  return ::pread(fd, &byte, 1, 0) == 0;
}

Result<Input> find_input(const std::string& path) {
  Input input{path, {}, {}};
  struct stat status {};
  UniqueFd fd;
  if (path == kStdin) {
    fd = UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!fd) return fail_errno(Errc::no_input, "reading standard input", errno);
  } else {
    auto opened = open_file(path, O_RDONLY);
    if (!opened) return fail(std::move(opened).error());
    fd = std::move(*opened);
    input.info.name = to_valid_utf8(path.substr(path.rfind('/') + 1));
    input.info.type = type_of(*input.info.name);
  }
  if (::fstat(fd.get(), &status) != 0) return fail_errno("reading " + path, errno);
  if (S_ISDIR(status.st_mode)) {
    return fail(Errc::no_input, path + " is a folder", "tar -c " + path + " | smseal seals one");
  }
  const off_t at = S_ISREG(status.st_mode) ? ::lseek(fd.get(), 0, SEEK_CUR) : -1;
  const bool is_file = at >= 0 && (status.st_size > 0 || is_really_empty(fd.get()));
  if (is_file) {
    input.info.size = static_cast<std::uint64_t>(status.st_size > at ? status.st_size - at : 0);
  }
  if (!is_file || path == kStdin) input.stream = std::move(fd);
  return input;
}

}  // namespace

Result<std::vector<Input>> find_inputs(const Options& options) {
  std::vector<std::string> paths = options.files;
  if (paths.empty()) paths.emplace_back(kStdin);
  if (paths.size() > 1 && (options.name || options.type)) {
    return fail(Errc::usage, "--name and --type are for one part");
  }
  if (paths.size() > envelope::kMaxParts) {
    return fail(Errc::usage, "an envelope takes at most 10,000 parts");
  }
  std::vector<Input> inputs;
  for (const auto& path : paths) {
    if (!inputs.empty() && !inputs.back().info.size) {
      return fail(Errc::usage, inputs.back().path + " is no file, so its size is not known",
                  "name it last");
    }
    auto input = find_input(path);
    if (!input) return fail(std::move(input).error());
    inputs.push_back(std::move(*input));
  }
  envelope::PartInfo& only = inputs.front().info;
  if (options.name) {
    only.name = to_valid_utf8(*options.name);
    if (!options.type) only.type = type_of(*options.name);
  }
  if (options.type) only.type = to_valid_utf8(*options.type);
  if (inputs.size() == 1 && equal_ignoring_case(only.type, "message/rfc822")) {
    only.role = envelope::Role::message;
  }
  return inputs;
}

}  // namespace sm::smseal
