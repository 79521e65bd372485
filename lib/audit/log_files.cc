#include "audit/log_files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "audit/disclosure.h"
#include "audit/scan.h"
#include "audit/segment_lines.h"

namespace sm::audit {
namespace {

constexpr std::size_t kSlack = std::size_t{1} << 20;  // kept beyond need, so that we seldom ask

Result<void> digest_range(int fd, std::uint64_t begin, std::uint64_t end, const std::string& path,
                          crypto::Sha256Stream& digest) {
  std::vector<std::uint8_t> block(65'536);
  while (begin < end) {
    const auto n = pread_full(fd, block.data(), std::min<std::uint64_t>(block.size(), end - begin),
                              begin, path);
    if (!n) return fail(n.error());
    if (*n == 0) break;
    digest.update(Bytes(block).first(*n));
    begin += *n;
  }
  return {};
}

Result<void> truncate(int fd, std::uint64_t size, const std::string& path) {
  while (::ftruncate(fd, static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return fail_errno("cutting " + path, errno);
  }
  return sync_file_data(fd, path);
}

/// Where a failure does no harm.
void try_truncate(int fd, std::uint64_t size) {
  if (::ftruncate(fd, static_cast<off_t>(size)) != 0) return;
}

/// Whether the open file still is the one under that name.
bool is_file_of(int fd, const std::string& path, struct stat& opened) {
  struct stat named {};
  return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/// The offset of the first line that holds a NUL byte, or nothing.
Result<std::optional<std::uint64_t>> first_line_with_nul(int fd, std::uint64_t size,
                                                         const std::string& path) {
  std::vector<std::uint8_t> block(std::size_t{1} << 20);
  std::uint64_t line = 0;
  for (std::uint64_t base = 0; base < size;) {
    const auto n = pread_full(fd, block.data(), std::min<std::uint64_t>(block.size(), size - base),
                              base, path);
    if (!n) return fail(n.error());
    if (*n == 0) break;
    const auto* const nul = static_cast<const std::uint8_t*>(std::memchr(block.data(), 0, *n));
    const std::size_t readable = nul == nullptr ? *n : static_cast<std::size_t>(nul - block.data());
    const auto* const lf =
        static_cast<const std::uint8_t*>(::memrchr(block.data(), '\n', readable));
    if (lf != nullptr) line = base + static_cast<std::uint64_t>(lf - block.data()) + 1;
    if (nul != nullptr) return std::optional(line);
    base += *n;
  }
  return std::optional<std::uint64_t>();
}

bool is_space_missing(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/// Keeps `bytes` behind the file's end, without changing its size.
Result<void> keep_behind(int fd, std::uint64_t bytes, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail_errno("looking at " + path, errno);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const auto allocated = static_cast<std::uint64_t>(status.st_blocks) * 512;
  // A block of the file system's own books may be counted among the file's.
  constexpr std::uint64_t kBooks = 4096;
  if (bytes == 0 || allocated >= size + bytes + kBooks) return {};
  int error = 0;
  for (const std::uint64_t more : {std::uint64_t{kSlack}, std::uint64_t{kBooks}}) {
    if (::fallocate(fd, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(size),
                    static_cast<off_t>(bytes + more)) == 0) {
      return {};
    }
    error = errno;
    if (!is_space_missing(error)) break;
  }
  if (error != EOPNOTSUPP && error != ENOSYS) {
    return fail_errno(is_space_missing(error) ? Errc::temporary : Errc::io,
                      "keeping space behind " + path, error);
  }
  // A file system without reservations: the best that can be done is to look.
  struct statvfs volume {};
  if (::fstatvfs(fd, &volume) != 0) return fail_errno("looking for space for " + path, errno);
  if (std::uint64_t{volume.f_bavail} * volume.f_frsize >= bytes) return {};
  return fail_errno(Errc::temporary, "keeping space behind " + path, ENOSPC);
}

/// What the next record has to know of a line; nothing where it is no record.
struct Head {
  std::uint64_t seq;
  std::string boot;
};
std::optional<Head> head_of(const std::string& line) {
  const std::string padded = line + std::string(kPadding, '\0');
  LineScanner scanner;
  const RecordView* const record = scanner.scan(std::string_view(padded).substr(0, line.size()));
  if (record == nullptr) return std::nullopt;
  return Head{record->seq, std::string(record->boot)};
}

/// The record whose disclosures a line holds, or nothing.
std::optional<std::uint64_t> disclosed_seq(const std::string& line) {
  const std::string padded = line + std::string(kPadding, '\0');
  DisclosureScanner scanner;
  const auto* const view = scanner.scan(std::string_view(padded).substr(0, line.size()));
  if (view == nullptr) return std::nullopt;
  return view->seq;
}

Unexpected contradiction(const std::string& what) {
  return fail(Errc::configuration, what,
              "nothing was appended and nothing was cut; run smaudit verify, and put the whole log "
              "back from a newer copy");
}

}  // namespace

Result<void> LogFiles::open_segment(std::uint64_t number) {
  auto fd = open_shared(layout_.segment(number), O_RDWR);
  if (!fd) return fail(std::move(fd).error());
  records_ = {std::move(*fd), number, 0, false};
  return {};
}

Result<void> LogFiles::find_last_segment() {
  struct stat opened {};
  if (records_.fd && is_file_of(records_.fd.get(), layout_.segment(records_.number), opened)) {
    for (;;) {
      const auto is_more = exists(layout_.segment(records_.number + 1));
      if (!is_more) return fail(is_more.error());
      if (!*is_more) return {};
      auto done = open_segment(records_.number + 1);
      if (!done) return done;
    }
  }
  const auto numbers = segments_in(layout_.folder);
  if (!numbers) return fail(numbers.error());
  if (numbers->empty()) return create_segment(0);
  return open_segment(numbers->back());
}

Result<void> LogFiles::create_segment(std::uint64_t number) {
  const std::string path = layout_.segment(number);
  const std::string spare = layout_.folder + "/.spare";
  // The spare segment has its space already; where there is none, a file is made.
  if (::rename(spare.c_str(), path.c_str()) != 0 && errno != ENOENT) {
    return fail_errno("making " + path, errno);
  }
  auto done = open_segment(number);
  if (!done) return done;
  return sync_folder(layout_.folder);
}

Result<void> LogFiles::read_tail(std::uint64_t signed_size, const std::string& boot, Cut& cut,
                                 crypto::Sha256Stream& digest) {
  const std::string path = layout_.segment(records_.number);
  const int fd = records_.fd.get();
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail_errno("looking at " + path, errno);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  auto last = last_line(fd, size, path);
  while (last && last->text.find('\0') != std::string::npos) {
    last = last_line(fd, last->begin, path);
  }
  if (!last) return fail(std::move(last).error());

  auto record = head_of(last->text);
  if (record && !was_searched_for_nul_ && record->boot != boot) {
    // Written before this boot: a loss of power may have left NUL bytes further up.
    const auto nul = first_line_with_nul(fd, last->end, path);
    if (!nul) return fail(nul.error());
    if (*nul) {
      last = last_line(fd, **nul, path);
      if (!last) return fail(std::move(last).error());
      record = head_of(last->text);
    }
  }
  was_searched_for_nul_ = true;

  Tail tail{records_.number * kSegmentRecords, {}};
  if (last->end > 0) {
    if (!record || segment_of(record->seq) != records_.number) {
      return contradiction("the last line of " + path + " is not the record that belongs there");
    }
    tail = {record->seq + 1, leaf_hash(as_bytes(last->text))};
  } else if (records_.number > 0) {
    const std::string before_path = layout_.segment(records_.number - 1);
    auto before = open_file(before_path, O_RDONLY);
    if (!before) return contradiction("the segment " + before_path + " is missing");
    struct stat before_status {};
    if (::fstat(before->get(), &before_status) != 0) {
      return fail_errno("looking at " + before_path, errno);
    }
    const auto before_last =
        last_line(before->get(), static_cast<std::uint64_t>(before_status.st_size), before_path);
    if (!before_last) return fail(before_last.error());
    const auto before_record = head_of(before_last->text);
    if (!before_record || before_record->seq + 1 != tail.next) {
      return contradiction("the segment " + before_path + " does not end where " + path +
                           " begins");
    }
    tail.last = leaf_hash(as_bytes(before_last->text));
  }
  if (tail.next < signed_size) {
    return contradiction("the log in " + layout_.folder + " has " + std::to_string(tail.next) +
                         " records, but " + std::to_string(signed_size) + " were signed");
  }
  if (last->end < size) {
    auto read = digest_range(fd, last->end, size, path, digest);
    if (!read) return read;
    auto done = truncate(fd, last->end, path);
    if (!done) return done;
    cut.record_bytes = size - last->end;
  }
  records_.size = last->end;
  tail_ = tail;
  return {};
}

Result<bool> LogFiles::open_disclosures(std::uint64_t number, bool is_to_be_made) {
  const std::string path = layout_.disclosures(number);
  struct stat opened {};
  if (disclosures_.fd && disclosures_.number == number &&
      is_file_of(disclosures_.fd.get(), path, opened)) {
    if (static_cast<std::uint64_t>(opened.st_size) != disclosures_.size) {
      disclosures_.is_settled = false;
    }
    return true;
  }
  disclosures_ = {};
  const auto is_there = exists(path);
  if (!is_there) return is_there;
  if (!*is_there && !is_to_be_made) return false;
  auto folder = make_shared_folder(layout_.disclosures_folder());
  if (!folder) return fail(std::move(folder).error());
  const std::string spare = layout_.disclosures_folder() + "/.spare";
  if (!*is_there && ::rename(spare.c_str(), path.c_str()) != 0 && errno != ENOENT) {
    return fail_errno("making " + path, errno);
  }
  auto fd = open_shared(path, O_RDWR);
  if (!fd) return fail(std::move(fd).error());
  if (!*is_there) {
    auto done = sync_folder(layout_.disclosures_folder());
    if (!done) return fail(std::move(done).error());
  }
  if (::fstat(fd->get(), &opened) != 0) return fail_errno("looking at " + path, errno);
  disclosures_ = {std::move(*fd), number, static_cast<std::uint64_t>(opened.st_size), !*is_there};
  return true;
}

Result<void> LogFiles::settle_disclosures(Cut& cut, crypto::Sha256Stream& digest) {
  const std::uint64_t number = segment_of(tail_.next);
  const auto is_there = open_disclosures(number, false);
  if (!is_there) return fail(is_there.error());
  if (!*is_there || disclosures_.is_settled) return {};
  const std::string path = layout_.disclosures(number);
  const int fd = disclosures_.fd.get();
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail_errno("looking at " + path, errno);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  std::uint64_t end = size;
  std::uint64_t lines = 0;
  for (;;) {
    const auto last = last_line(fd, end, path);
    if (!last) return fail(last.error());
    if (last->end < end) ++lines;  // bytes without LF, once
    end = last->end;
    if (end == 0) break;
    const auto seq = disclosed_seq(last->text);
    if (seq && *seq < tail_.next) break;
    if (!seq && last->text.find('\0') == std::string::npos && end == size) {
      // Whole, at the end and yet no disclosures: nothing that a crash leaves.
      return contradiction("the last line of " + path + " holds no disclosures");
    }
    ++lines;
    end = last->begin;
  }
  if (end < size) {
    auto read = digest_range(fd, end, size, path, digest);
    if (!read) return read;
    auto done = truncate(fd, end, path);
    if (!done) return done;
    cut.disclosure_bytes = size - end;
    cut.disclosure_lines = lines;
  }
  disclosures_.size = end;
  disclosures_.is_settled = true;
  return {};
}

Result<Cut> LogFiles::settle(std::uint64_t signed_size, const std::string& boot) {
  Cut cut;
  crypto::Sha256Stream digest;
  auto done = find_last_segment();
  if (done) done = read_tail(signed_size, boot, cut, digest);
  if (done) done = settle_disclosures(cut, digest);
  if (!done) return fail(std::move(done).error());
  if (!cut.is_empty()) cut.sha256 = digest.finish();
  return cut;
}

Result<void> LogFiles::append_to_segment(std::span<const Entry> entries) {
  std::string records, disclosures;
  for (const Entry& entry : entries) {
    records += entry.line + '\n';
    if (!entry.disclosures.empty()) disclosures += entry.disclosures + '\n';
  }
  const std::string record_path = layout_.segment(records_.number);
  const std::string disclosure_path = layout_.disclosures(records_.number);
  Result<void> done;
  if (!disclosures.empty()) {
    const auto is_open = open_disclosures(records_.number, true);
    if (!is_open) return fail(is_open.error());
    done = pwrite_all(disclosures_.fd.get(), as_bytes(disclosures), disclosures_.size,
                      disclosure_path);
    if (done) done = sync_file_data(disclosures_.fd.get(), disclosure_path);
  }
  if (done) done = pwrite_all(records_.fd.get(), as_bytes(records), records_.size, record_path);
  if (done) done = sync_file_data(records_.fd.get(), record_path);
  if (!done) {
    // Taken back as far as that goes; what remains, the next appender cuts or accepts.
    try_truncate(records_.fd.get(), records_.size);
    if (disclosures_.fd && !disclosures.empty()) {
      try_truncate(disclosures_.fd.get(), disclosures_.size);
    }
    return done;
  }
  records_.size += records.size();
  disclosures_.size += disclosures.size();
  tail_ = {tail_.next + entries.size(), leaf_hash(as_bytes(entries.back().line))};
  return {};
}

Result<void> LogFiles::append(std::span<const Entry> entries) {
  while (!entries.empty()) {
    const std::uint64_t number = segment_of(tail_.next);
    if (number != records_.number) {
      // What was kept behind the end of the full segment is given back.
      try_truncate(records_.fd.get(), records_.size);
      auto done = sync_file_data(records_.fd.get(), layout_.segment(records_.number));
      if (!done) return done;
      done = create_segment(number);
      if (!done) return done;
    }
    const std::size_t room = kSegmentRecords - tail_.next % kSegmentRecords;
    const auto part = entries.first(std::min(room, entries.size()));
    auto done = append_to_segment(part);
    if (!done) return done;
    entries = entries.subspan(part.size());
  }
  return {};
}

Result<void> LogFiles::sync() {
  if (disclosures_.fd) {
    auto done = sync_file_data(disclosures_.fd.get(), layout_.disclosures(disclosures_.number));
    if (!done) return done;
  }
  return sync_file_data(records_.fd.get(), layout_.segment(records_.number));
}

Result<void> LogFiles::keep_space(std::uint64_t record_bytes, std::uint64_t disclosure_bytes) {
  if (record_bytes == 0 && disclosure_bytes == 0) return {};
  const auto is_open = open_disclosures(records_.number, true);
  if (!is_open) return fail(is_open.error());
  auto done = keep_behind(records_.fd.get(), record_bytes, layout_.segment(records_.number));
  if (!done) return done;
  return keep_behind(disclosures_.fd.get(), disclosure_bytes, layout_.disclosures(records_.number));
}

Result<void> LogFiles::keep_spare_segment(std::uint64_t record_bytes,
                                          std::uint64_t disclosure_bytes) {
  auto folder = make_shared_folder(layout_.disclosures_folder());
  if (!folder) return folder;
  const std::string records = layout_.folder + "/.spare";
  const std::string disclosures = layout_.disclosures_folder() + "/.spare";
  const auto record_fd = open_shared(records, O_RDWR);
  if (!record_fd) return fail(record_fd.error());
  auto done = keep_behind(record_fd->get(), record_bytes, records);
  if (!done) return done;
  const auto disclosure_fd = open_shared(disclosures, O_RDWR);
  if (!disclosure_fd) return fail(disclosure_fd.error());
  return keep_behind(disclosure_fd->get(), disclosure_bytes, disclosures);
}

}  // namespace sm::audit
