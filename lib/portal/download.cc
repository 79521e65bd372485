#include "portal/download.h"

#include <algorithm>
#include <cstring>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "envelope/output.h"
#include "portal/pages.h"
#include "portal/zip.h"
#include "sealing/assemble.h"

namespace sm::portal {
namespace {

/// What all downloads have in common: the session behind them, and whether it still holds.
class Download : public Stream {
 public:
  explicit Download(sealing::Reading reading) : reading_(std::move(reading)) {}

  Result<std::size_t> read(Staff& staff, std::span<std::uint8_t> into) final {
    if (auto held = check(staff); !held) return fail(std::move(held).error());
    return next(into);
  }

 protected:
  virtual Result<std::size_t> next(std::span<std::uint8_t> into) = 0;
  [[nodiscard]] envelope::Envelope& envelope() const { return *reading_.envelope; }
  [[nodiscard]] const sealing::Reading& reading() const { return reading_; }

  /// Asked before each block: who has lost the right gets nothing more.
  Result<void> check(Staff& staff) {
    auto live = staff.access.is_live(reading_.session);
    if (!live) return fail(std::move(live).error());
    if (!*live) return fail(Errc::denied, "the reader's right has ended");
    return {};
  }
  Result<void> record_all(Staff& staff) {
    const auto parts = envelope().manifest().parts.size();
    for (std::size_t n = 1; n <= parts; ++n) {
      auto told = staff.access.downloaded(reading_, n, true);
      if (!told) return told;
    }
    return {};
  }

 private:
  sealing::Reading reading_;
};

class PartDownload final : public Download {
 public:
  PartDownload(sealing::Reading reading, std::size_t n, envelope::OpenPart part, ByteRange range,
               bool is_whole)
      : Download(std::move(reading)),
        n_(n),
        part_(std::move(part)),
        at_(range.first),
        left_(range.size()),
        is_whole_(is_whole) {}

  Result<void> finish(Staff& staff) override {
    if (auto held = check(staff); !held) return held;
    return staff.access.downloaded(reading(), n_, is_whole_);
  }

 protected:
  Result<std::size_t> next(std::span<std::uint8_t> into) override {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left_, into.size()));
    auto read = part_.read(at_, into.first(wanted));
    if (!read) return read;
    at_ += *read;
    left_ -= *read;
    return read;
  }

 private:
  std::size_t n_;
  envelope::OpenPart part_;
  std::uint64_t at_;
  std::uint64_t left_;
  bool is_whole_;
};

/// The message as one mail: its length is known at its end.
class MailDownload final : public Download {
 public:
  MailDownload(sealing::Reading reading, std::unique_ptr<message::Source> mail)
      : Download(std::move(reading)), mail_(std::move(mail)) {}

  Result<void> finish(Staff& staff) override {
    if (auto held = check(staff); !held) return held;
    return record_all(staff);
  }

 protected:
  Result<std::size_t> next(std::span<std::uint8_t> into) override {
    if (block_.empty()) {
      auto block = mail_->next();
      if (!block) return fail(std::move(block).error());
      block_ = *block;
    }
    const auto given = std::min(block_.size(), into.size());
    std::memcpy(into.data(), block_.data(), given);
    block_ = block_.subspan(given);
    return given;
  }

 private:
  std::unique_ptr<message::Source> mail_;
  Bytes block_{};
};

/// The message without its attachments, and each attachment, as files.
class ZipDownload final : public Download {
 public:
  ZipDownload(sealing::Reading reading, std::vector<ZipWriter::Entry> entries,
              std::chrono::sys_seconds time)
      : Download(std::move(reading)),
        zip_(std::move(entries), time,
             [this](std::size_t n, std::uint64_t offset, std::span<std::uint8_t> into) {
               return read_part(n + 1, offset, into);
             }) {}

  [[nodiscard]] std::uint64_t size() const { return zip_.size(); }
  Result<void> finish(Staff& staff) override {
    if (auto held = check(staff); !held) return held;
    return record_all(staff);
  }

 protected:
  Result<std::size_t> next(std::span<std::uint8_t> into) override { return zip_.next(into); }

 private:
  Result<std::size_t> read_part(std::size_t n, std::uint64_t offset, std::span<std::uint8_t> into) {
    if (opened_ != n) {
      auto part = envelope().part(n);
      if (!part) return fail(std::move(part).error());
      part_.emplace(std::move(*part));
      opened_ = n;
    }
    return part_->read(offset, into);
  }
  ZipWriter zip_;
  std::optional<envelope::OpenPart> part_;
  std::size_t opened_ = 0;
};

/// A strong validator (RFC 9110 §8.8.3) that tells nothing: bodies never change.
std::string entity_tag(const envelope::Part& part) {
  const auto digest = crypto::sha256(part.sealed);
  return '"' + to_base64url(Bytes(digest).first(12)) + '"';
}

Answer file_answer(std::string_view name, std::string_view type) {
  Answer answer;
  answer.header("Content-Type", std::string(type))
      .header("Content-Disposition", attachment_disposition(name))
      .header("X-Frame-Options", "DENY");
  add_safety_headers(answer, kFilePolicy);
  return answer;
}

/// A file's name for a whole message: nothing of it, not even the subject, is told by the name.
std::string whole_name(const sealing::Reading& reading, std::string_view extension) {
  return (reading.language == "nl" ? "bericht." : "message.") + std::string(extension);
}

/// The same, beside attachments that may be called so too.
std::string own_name(const sealing::Reading& reading, const std::vector<std::string>& taken) {
  std::string name = whole_name(reading, "eml");
  for (int i = 1; std::find(taken.begin(), taken.end(), name) != taken.end(); ++i)
    name = whole_name(reading, std::to_string(i) + ".eml");
  return name;
}

}  // namespace

Result<std::optional<Answer>> part_download(sealing::Reading reading, std::size_t n,
                                            const Request& request) {
  const auto& manifest = reading.envelope->manifest();
  if (n == 0 || n > manifest.parts.size()) return std::optional<Answer>();
  const auto& part = manifest.parts[n - 1];
  if (part.info.role != envelope::Role::file) return std::optional<Answer>();
  auto opened = reading.envelope->part(n);
  if (!opened) return fail(std::move(opened).error());
  const auto size = opened->size().value_or(0);
  const auto tag = entity_tag(part);
  // RFC 9110 §13.1.5: of another file's range nothing is of use.
  const bool is_other = !request.if_range.empty() && request.if_range != tag;
  const auto asked =
      is_other || request.verb == Verb::head ? RangeAnswer{} : parse_range(request.range, size);

  Answer answer = file_answer(envelope::file_names(manifest)[n - 1], "application/octet-stream");
  answer.header("Accept-Ranges", "bytes").header("ETag", tag);
  if (asked.kind == RangeKind::unsatisfiable) {
    answer.status = 416;
    answer.header("Content-Range", "bytes */" + std::to_string(size));
    return std::optional<Answer>(std::move(answer));
  }
  ByteRange range{0, size == 0 ? 0 : size - 1};
  answer.stream_size = size;
  if (asked.kind == RangeKind::part) {
    range = asked.range;
    answer.status = 206;
    answer.stream_size = range.size();
    answer.header("Content-Range", "bytes " + std::to_string(range.first) + "-" +
                                       std::to_string(range.last) + "/" + std::to_string(size));
  }
  const bool has_last = size == 0 || range.last == size - 1;
  answer.stream =
      std::make_unique<PartDownload>(std::move(reading), n, std::move(*opened), range, has_last);
  return std::optional<Answer>(std::move(answer));
}

Result<Answer> mail_download(sealing::Reading reading) {
  auto mail = sealing::assemble(*reading.envelope);
  if (!mail) return fail(std::move(mail).error());
  Answer answer = file_answer(whole_name(reading, "eml"), "application/octet-stream");
  answer.stream = std::make_unique<MailDownload>(std::move(reading), std::move(*mail));
  return answer;
}

Result<Answer> zip_download(sealing::Reading reading, const Clock& clock) {
  const auto& manifest = reading.envelope->manifest();
  auto names = envelope::file_names(manifest);
  std::vector<ZipWriter::Entry> entries;
  for (std::size_t n = 1; n <= manifest.parts.size(); ++n) {
    auto part = reading.envelope->part(n);
    if (!part) return fail(std::move(part).error());
    const bool is_mail = manifest.parts[n - 1].info.role == envelope::Role::message;
    if (is_mail) names[n - 1] = own_name(reading, names);
    entries.push_back({names[n - 1], part->size().value_or(0)});
  }
  Answer answer = file_answer(whole_name(reading, "zip"), "application/octet-stream");
  const auto now = std::chrono::floor<std::chrono::seconds>(clock.now());
  auto stream = std::make_unique<ZipDownload>(std::move(reading), std::move(entries), now);
  answer.stream_size = stream->size();
  answer.stream = std::move(stream);
  return answer;
}

}  // namespace sm::portal
