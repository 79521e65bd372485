#include "keys/witness.h"

#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "audit/layout.h"
#include "audit/scan.h"
#include "base/file.h"
#include "base/text.h"

namespace sm::keys {
namespace {

namespace fs = std::filesystem;

/// Whatever else a record of a key's life says, it contains this.
constexpr std::string_view kNeedle = "\"event\":\"kek_";

/// A file's bytes, mapped: a log can be large, and its end is what counts.
class Mapping {
 public:
  static Result<Mapping> of(const std::string& path) {
    const auto fd = open_file(path, O_RDONLY);
    if (!fd) return fail(fd.error());
    struct stat status {};
    if (::fstat(fd->get(), &status) != 0) return fail_errno("reading " + path, errno);
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size == 0) return Mapping(nullptr, 0);
    void* bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd->get(), 0);
    if (bytes == MAP_FAILED) return fail_errno("reading " + path, errno);
    return Mapping(bytes, size);
  }
  Mapping(Mapping&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping() {
    if (bytes_ != nullptr) ::munmap(bytes_, size_);
  }
  [[nodiscard]] std::string_view text() const { return {static_cast<const char*>(bytes_), size_}; }

 private:
  Mapping(void* bytes, std::size_t size) : bytes_(bytes), size_(size) {}
  void* bytes_;
  std::size_t size_;
};

bool is_kek_event(audit::Event event) {
  return event == audit::Event::kek_created || event == audit::Event::kek_rotated ||
         event == audit::Event::kek_destroyed;
}

/// The mark in a line, where the line is a record that carries one.
std::optional<Mark> mark_in(std::string_view line) {
  const auto record = audit::parse_record(line);
  if (!record || !is_kek_event(record->event)) return std::nullopt;
  const auto counter = parse_decimal(record->fact(kCounterFact));
  if (!counter) return std::nullopt;
  return Mark{*counter, record->fact(kSha256Fact)};
}

/// The last mark in a segment. A torn last line is no record; its appender never said it was done.
std::optional<Mark> last_mark(std::string_view text) {
  text = text.substr(0, text.rfind('\n') + 1);
  for (auto at = text.rfind(kNeedle); at != text.npos; at = text.rfind(kNeedle)) {
    const auto start = text.rfind('\n', at);
    const std::size_t begin = start == text.npos ? 0 : start + 1;
    if (auto mark = mark_in(text.substr(begin, text.find('\n', at) - begin))) return mark;
    text = text.substr(0, begin);
  }
  return std::nullopt;
}

/// The last mark in one organisation's log: its segments from the newest back.
Result<std::optional<Mark>> newest_in(const std::string& folder) {
  const auto segments = audit::segments_in(folder);
  if (!segments) return fail(segments.error());
  const audit::Layout layout{folder};
  for (auto number = segments->rbegin(); number != segments->rend(); ++number) {
    const auto mapping = Mapping::of(layout.segment(*number));
    if (!mapping) return fail(mapping.error());
    if (auto mark = last_mark(mapping->text())) return mark;
  }
  return std::optional<Mark>();
}

}  // namespace

Result<std::optional<Mark>> newest_mark(const std::string& state) {
  std::optional<Mark> newest;
  std::error_code error;
  for (fs::directory_iterator it(state + "/audit", error), end; !error && it != end;
       it.increment(error)) {
    if (!it->is_directory(error)) continue;
    const auto mark = newest_in(it->path());
    if (!mark) return fail(mark.error(), "the audit log");
    if (*mark && (!newest || newest->counter < (*mark)->counter)) newest = *mark;
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail_errno(Errc::configuration, "reading " + state + "/audit", error.value());
  }
  return newest;
}

}  // namespace sm::keys
