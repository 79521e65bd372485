#include "keys/witness.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "audit/layout.h"
#include "audit/scan.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/digest.h"

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

/// The last mark in these lines.
std::optional<Mark> last_mark(std::string_view lines) {
  std::optional<Mark> mark;
  const char* const end = lines.data() + lines.size();
  for (const char* at = lines.data(); at < end;) {
    const auto left = static_cast<std::size_t>(end - at);
    const auto* found =
        static_cast<const char*>(::memmem(at, left, kNeedle.data(), kNeedle.size()));
    if (found == nullptr) break;
    const auto hit = static_cast<std::size_t>(found - lines.data());
    const auto begin = lines.rfind('\n', hit) + 1;  // npos + 1 is 0
    const auto stop = lines.find('\n', hit);
    if (auto told = mark_in(lines.substr(begin, stop - begin))) mark = std::move(told);
    at = lines.data() + stop;
  }
  return mark;
}

/// Whether a search can go on there: the segment is there, and a line begins at the offset.
bool is_line_start(std::string_view text, std::uint64_t offset) {
  return offset == 0 || (offset <= text.size() && text[offset - 1] == '\n');
}

/// One organisation's log, from where the search before ended; from its start where that cannot be
/// (the mark that was found then counts all the same).
Result<Searched> search(const std::string& folder, const Searched& before, std::uint64_t& bytes) {
  const auto segments = audit::segments_in(folder);
  if (!segments) return fail(segments.error());
  const audit::Layout layout{folder};
  Searched searched = before;
  const bool goes_on = std::ranges::binary_search(*segments, before.segment);
  for (const std::uint64_t number : *segments) {
    if (goes_on && number < before.segment) continue;
    const auto mapping = Mapping::of(layout.segment(number));
    if (!mapping) return fail(mapping.error());
    std::uint64_t start = number == before.segment ? before.offset : 0;
    if (!is_line_start(mapping->text(), start)) start = 0;
    // A torn last line is no record: its appender never said that it was done.
    const auto end = mapping->text().rfind('\n') + 1;
    const std::string_view lines = mapping->text().substr(0, end).substr(std::min(start, end));
    auto mark = last_mark(lines);
    const std::uint64_t least = searched.mark ? searched.mark->counter : 0;
    if (mark && mark->counter >= least) searched.mark = std::move(mark);
    searched.segment = number;
    searched.offset = end;
    bytes += lines.size();
  }
  return searched;
}

constexpr std::string_view kProgressWord = "smtools-keyring/v1 searched";

std::string mac_of(std::string_view text, Bytes key) {
  return to_base64(crypto::hmac_sha512(key, as_bytes(text)));
}

/// "<org> <segment> <offset>", and " <counter> <sha256>" where there is a mark.
std::optional<std::pair<std::string, Searched>> parse_line(std::string_view line) {
  const auto fields = split(line, ' ');
  if (fields.size() != 3 && fields.size() != 5) return std::nullopt;
  const auto segment = parse_decimal(fields[1]);
  const auto offset = parse_decimal(fields[2]);
  if (!segment || !offset) return std::nullopt;
  Searched searched{*segment, *offset, std::nullopt};
  if (fields.size() == 5) {
    const auto counter = parse_decimal(fields[3]);
    if (!counter) return std::nullopt;
    searched.mark = Mark{*counter, std::string(fields[4])};
  }
  return std::pair(std::string(fields[0]), std::move(searched));
}

}  // namespace

std::string progress_text(const SearchProgress& progress, Bytes mac_key) {
  std::string text(kProgressWord);
  text += '\n';
  for (const auto& [org, searched] : progress) {
    text += org + ' ' + std::to_string(searched.segment) + ' ' + std::to_string(searched.offset);
    if (searched.mark) {
      text += ' ' + std::to_string(searched.mark->counter) + ' ' + searched.mark->sha256;
    }
    text += '\n';
  }
  return text + "--- " + mac_of(text, mac_key) + '\n';
}

std::optional<SearchProgress> parse_progress(std::string_view text, Bytes mac_key) {
  const auto last = text.rfind("--- ");
  if (last == text.npos || !text.starts_with(kProgressWord)) return std::nullopt;
  const std::string expected = "--- " + mac_of(text.substr(0, last), mac_key) + '\n';
  if (!equal_constant_time(as_bytes(expected), as_bytes(text.substr(last)))) return std::nullopt;
  SearchProgress progress;
  const auto lines = split(text.substr(0, last), '\n');
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    auto line = parse_line(lines[i]);
    if (!line) return std::nullopt;
    progress.insert(std::move(*line));
  }
  return progress;
}

Result<Witness> find_witness(const std::string& state, const SearchProgress& before) {
  Witness witness;
  witness.progress = before;
  std::error_code error;
  for (fs::directory_iterator it(state + "/audit", error), end; !error && it != end;
       it.increment(error)) {
    if (!it->is_directory(error)) continue;
    Searched& searched = witness.progress[it->path().filename()];
    auto found = search(it->path(), searched, witness.bytes);
    if (!found) return fail(std::move(found).error(), "the audit log");
    searched = std::move(*found);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail_errno(Errc::configuration, "reading " + state + "/audit", error.value());
  }
  for (const auto& [org, searched] : witness.progress) {
    if (!searched.mark) continue;
    if (!witness.newest || witness.newest->counter < searched.mark->counter) {
      witness.newest = searched.mark;
    }
  }
  return witness;
}

}  // namespace sm::keys
