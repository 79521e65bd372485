#include "envelope/resumable.h"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/hkdf.h"
#include "envelope/fixed_bytes.h"

namespace sm::envelope {
namespace {

constexpr std::string_view kRecordWord = "smtools-resume/v1";
constexpr std::string_view kRecordLabel = "smtools-envelope/v1 resume";

std::string time_text(const timespec& time) {
  return std::to_string(time.tv_sec) + '.' + std::to_string(time.tv_nsec);
}

/// What tells one state of a file from another: device, inode, size, times. The change time cannot
/// be set back by whoever sets the modification time back.
Result<std::string> stamp(int fd, const std::string& name) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail_errno("reading " + name, errno);
  if (!S_ISREG(status.st_mode)) return fail(Errc::usage, name + " is not a regular file");
  return std::to_string(status.st_dev) + ' ' + std::to_string(status.st_ino) + ' ' +
         std::to_string(status.st_size) + ' ' + time_text(status.st_mtim) + ' ' +
         time_text(status.st_ctim);
}

/// The record's MAC: nobody without the message key can make us seal under a salt of their choice.
std::string mac(const MessageKey& mk, const EnvelopeId& id, std::size_t n, std::string_view text) {
  SecretKey<32> key;
  const std::string info = std::string(kRecordLabel) + '\0' + id.text() + ' ' + std::to_string(n);
  crypto::hkdf_expand_sha512(mk.reveal(), as_bytes(info), key.writable());
  return to_base64(crypto::hmac_sha512(key.reveal(), as_bytes(text)));
}

/// "smtools-resume/v1 <salt ‖ commitment> <stamp>", LF, MAC, LF.
std::string record_line(const crypto::ChunkedPrefix& prefix, const std::string& stamp) {
  return std::string(kRecordWord) + ' ' + to_base64(prefix) + ' ' + stamp + '\n';
}

/// The salt of the attempt before, where its record is ours and speaks of the same file.
std::optional<crypto::ChunkedKeys> find_begun(const MessageKey& mk, const EnvelopeId& id,
                                              std::size_t n, const std::string& stamp,
                                              const std::string& target) {
  const auto record = read_file(resume_record(target), 4096);
  if (!record) return std::nullopt;
  const auto fields = split(*record, ' ');
  if (fields.size() < 2 || fields[0] != kRecordWord) return std::nullopt;
  const auto prefix = fixed_from_base64<crypto::kChunkedPrefixSize>(fields[1]);
  if (!prefix) return std::nullopt;
  const std::string line = record_line(*prefix, stamp);
  const std::string expected = line + mac(mk, id, n, line) + '\n';
  if (!equal_constant_time(as_bytes(expected), as_bytes(*record))) return std::nullopt;
  return part_keys(mk, id, n, *prefix);
}

/// Compares what is on disk, and writes what comes after it.
class ComparingSink final : public Sink {
 public:
  ComparingSink(int fd, const std::string& name, std::uint64_t on_disk)
      : fd_(fd), name_(name), on_disk_(on_disk) {}

  Result<void> write(Bytes bytes) override {
    const std::uint64_t left = on_disk_ > position_ ? on_disk_ - position_ : 0;
    const Bytes old = bytes.first(std::min<std::uint64_t>(left, bytes.size()));
    if (auto same = compare(old); !same) return same;
    const auto written = pwrite_all(fd_, bytes.subspan(old.size()), position_ + old.size(), name_);
    position_ += bytes.size();
    return written;
  }
  [[nodiscard]] bool found_difference() const { return found_difference_; }
  [[nodiscard]] std::uint64_t position() const { return position_; }

 private:
  Result<void> compare(Bytes expected) {
    buffer_.resize(expected.size());
    const auto got = pread_full(fd_, buffer_.data(), buffer_.size(), position_, name_);
    if (!got) return fail(got.error());
    if (std::ranges::equal(buffer_, expected)) return {};
    found_difference_ = true;
    return fail(Errc::malformed, name_ + " holds something else");
  }

  int fd_;
  const std::string& name_;
  std::uint64_t on_disk_;
  std::uint64_t position_ = 0;
  bool found_difference_ = false;
  std::vector<std::uint8_t> buffer_;
};

struct Attempt {
  const MessageKey& mk;
  const EnvelopeId& id;
  std::size_t n;
  int fd;
  const std::string& name;
  const std::string& target;
  std::string stamp;
};

/// Seals under these keys over what is on disk. Nothing: what is on disk is something else.
Result<std::optional<SealedFile>> seal_over(const Attempt& attempt, const crypto::ChunkedKeys& keys,
                                            int out, std::uint64_t on_disk) {
  if (::lseek(attempt.fd, 0, SEEK_SET) != 0) return fail_errno("reading " + attempt.name, errno);
  FdSource source(attempt.fd, attempt.name);
  ComparingSink sink(out, attempt.target, on_disk);
  const auto size = seal_body(keys, source, sink);
  if (!size && sink.found_difference()) return std::optional<SealedFile>();
  if (!size) return fail(size.error());
  if (on_disk > sink.position()) return std::optional<SealedFile>();
  const auto after = stamp(attempt.fd, attempt.name);
  if (!after) return fail(after.error());
  if (*after != attempt.stamp) {
    return fail(Errc::temporary, attempt.name + " changed while it was being sealed");
  }
  if (auto synced = sync_file(out, attempt.target); !synced) return fail(synced.error());
  return std::optional(SealedFile{*size, keys.prefix(), on_disk});
}

/// Whether the file was last changed well before now, as the kernel's clock stamps files. One that
/// was just written can change again within the clock's grain, and keep its stamp.
Result<bool> is_settled(const Attempt& attempt, int out) {
  constexpr time_t kGrain = 1;
  const timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
  struct stat source {};
  struct stat target {};
  if (::futimens(out, now) != 0 || ::fstat(out, &target) != 0 ||
      ::fstat(attempt.fd, &source) != 0) {
    return fail_errno("reading " + attempt.target, errno);
  }
  return source.st_ctim.tv_sec + kGrain < target.st_mtim.tv_sec;
}

/// A fresh salt, on disk with the file's stamp before anything is sealed under it, and before what
/// was sealed under the last one goes: at no moment is there an old salt with nothing to compare.
Result<crypto::ChunkedKeys> begin_anew(const Attempt& attempt, int out) {
  auto keys = fresh_part_keys(attempt.mk, attempt.id, attempt.n);
  const auto settled = is_settled(attempt, out);
  if (!settled) return fail(settled.error());
  const std::string line =
      record_line(keys.prefix(), *settled ? attempt.stamp : attempt.stamp + " unsettled");
  const std::string record = line + mac(attempt.mk, attempt.id, attempt.n, line) + '\n';
  auto published = publish_file(resume_record(attempt.target), as_bytes(record));
  if (!published) return fail(std::move(published).error());
  if (::ftruncate(out, 0) != 0) return fail_errno("writing " + attempt.target, errno);
  return keys;
}

}  // namespace

std::string resume_record(const std::string& target) {
  return target + ".resume";
}

Result<SealedFile> seal_file_resumably(const MessageKey& mk, const EnvelopeId& id, std::size_t n,
                                       int fd, const std::string& name, const std::string& target) {
  const auto now = stamp(fd, name);
  if (!now) return fail(now.error());
  const auto out = open_file(target, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (!out) return fail(out.error());
  const Attempt attempt{mk, id, n, fd, name, target, *now};

  struct stat status {};
  if (::fstat(out->get(), &status) != 0) return fail_errno("reading " + target, errno);
  if (const auto begun = find_begun(mk, id, n, *now, target)) {
    const auto on_disk = static_cast<std::uint64_t>(status.st_size);
    auto sealed = seal_over(attempt, *begun, out->get(), on_disk);
    if (!sealed) return fail(std::move(sealed).error());
    if (*sealed) return **sealed;
  }
  const auto keys = begin_anew(attempt, out->get());
  if (!keys) return fail(keys.error());
  auto sealed = seal_over(attempt, *keys, out->get(), 0);
  if (!sealed) return fail(std::move(sealed).error());
  if (!*sealed) return fail(Errc::bug, "an empty file holds something else");
  return **sealed;
}

}  // namespace sm::envelope
