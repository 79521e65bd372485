#include "envelope/envelope.h"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>

namespace sm::envelope {
namespace {

constexpr std::size_t kBlock = 16 * 1024;

Unexpected truncated(const std::string& what) {
  return fail(Errc::malformed, "truncated envelope: " + what);
}
Unexpected damaged(const std::string& what) {
  return fail(Errc::malformed, "damaged envelope: " + what);
}

/// A regular file that is closed when nobody reads from it any more.
class OwnedFile final : public Source {
 public:
  OwnedFile(UniqueFd fd, const std::string& name) : fd_(std::move(fd)), source_(fd_.get(), name) {}
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    return source_.read_at(offset, into);
  }
  [[nodiscard]] bool is_positioned() const override { return source_.is_positioned(); }
  [[nodiscard]] std::optional<std::uint64_t> size() const override { return source_.size(); }

 private:
  UniqueFd fd_;
  FdSource source_;
};

/// A pipe of which more was read than the header: what is too much comes first.
class AheadSource final : public Source {
 public:
  explicit AheadSource(std::shared_ptr<Source> rest) : rest_(std::move(rest)) {}
  /// Reads on and keeps what was read.
  Result<bool> look_ahead() {
    const std::size_t before = ahead_.size();
    ahead_.resize(before + kBlock);
    auto got = rest_->read_at(before, std::span(ahead_).subspan(before));
    ahead_.resize(before + (got ? *got : 0));
    if (!got) return fail(std::move(got).error());
    return *got > 0;
  }
  [[nodiscard]] Bytes ahead() const { return ahead_; }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    std::size_t done = 0;
    if (offset < ahead_.size()) {
      done = std::min<std::uint64_t>(into.size(), ahead_.size() - offset);
      std::copy_n(ahead_.begin() + static_cast<std::ptrdiff_t>(offset), done, into.begin());
    }
    if (done == into.size()) return done;
    const auto more = rest_->read_at(offset + done, into.subspan(done));
    if (!more) return more;
    return done + *more;
  }
  [[nodiscard]] bool is_positioned() const override { return rest_->is_positioned(); }
  [[nodiscard]] std::optional<std::uint64_t> size() const override { return rest_->size(); }

 private:
  std::shared_ptr<Source> rest_;
  std::vector<std::uint8_t> ahead_;
};

Result<Secret> open_manifest(const Header& header, const crypto::ChunkedKeys& keys, Source& in) {
  SecretSink out(header.manifest_size);
  const auto opened = open_body(keys, in, out);
  if (!opened) return fail(opened.error(), "the manifest");
  return out.bytes().clone();
}

}  // namespace

OpenPart::OpenPart(std::shared_ptr<Source> whole, std::unique_ptr<Source> body,
                   crypto::ChunkedKeys keys, std::optional<std::uint64_t> size)
    : whole_(std::move(whole)), body_(std::move(body)), keys_(std::move(keys)), size_(size) {}

Result<std::uint64_t> OpenPart::copy_to(Sink& out, std::optional<Range> range) {
  return open_body(keys_, *body_, out, range);
}

Result<std::size_t> OpenPart::read(std::uint64_t offset, std::span<std::uint8_t> into) {
  if (!body_->is_positioned() || !size_) {
    return fail(Errc::usage, "a pipe can be read only from front to end");
  }
  if (!reader_) reader_ = std::make_unique<BodyReader>(keys_, *body_, *size_);
  return reader_->read(offset, into);
}

Result<Envelope> Envelope::open(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return open_folder(path);
  auto fd = open_file(path, O_RDONLY);
  if (!fd) return fail(std::move(fd).error());
  return from_source(std::make_shared<OwnedFile>(std::move(*fd), path));
}

Result<Envelope> Envelope::read(int fd, const std::string& name) {
  return from_source(std::make_shared<FdSource>(fd, name));
}

Result<Envelope> Envelope::open_folder(const std::string& path) {
  const auto head = read_file(path + "/head", kMaxHeaderSize + 1);
  if (!head) return fail(head.error());
  auto header = parse_header(*head);
  if (!header) return fail(std::move(header).error());
  return Envelope(std::move(*header), nullptr, head->size(), path);
}

Result<Envelope> Envelope::from_source(std::shared_ptr<Source> whole) {
  auto ahead = std::make_shared<AheadSource>(std::move(whole));
  std::optional<std::size_t> end;
  while (!end && ahead->ahead().size() <= kMaxHeaderSize) {
    const auto more = ahead->look_ahead();
    if (!more) return fail(more.error());
    if (!*more) break;
    end = find_header_end(as_text(ahead->ahead()));
  }
  const std::string_view text = as_text(ahead->ahead()).substr(0, end.value_or(std::string::npos));
  auto header = parse_header(text);
  if (!header) return fail(std::move(header).error());
  return Envelope(std::move(*header), std::move(ahead), *end, "");
}

Result<void> Envelope::unlock(const OpeningKeys& keys) {
  auto mk = find_message_key(header_, keys);
  if (!mk) return fail(std::move(mk).error());
  return unlock(std::move(*mk));
}

Result<void> Envelope::unlock(MessageKey mk) {
  auto manifest = body(0, header_.manifest_size);
  if (!manifest) return fail(std::move(manifest).error());
  const auto prefix = read_prefix(*manifest->source);
  if (!prefix) return fail(prefix.error());
  const auto keys = part_keys(mk, header_.id, 0, header_.manifest);
  if (*prefix != header_.manifest || !keys) {
    return damaged("its manifest is not the one that its header names");
  }
  const auto text = open_manifest(header_, *keys, *manifest->source);
  if (!text) return fail(text.error());
  auto parsed = parse_manifest(as_text(text->reveal()));
  if (!parsed) return fail(std::move(parsed).error());
  manifest_ = std::move(*parsed);
  mk_ = std::move(mk);
  return check_length();
}

Result<OpenPart> Envelope::part(std::size_t n) {
  if (n < 1 || n > manifest_.parts.size()) {
    return fail(Errc::usage, "the envelope has no part " + std::to_string(n));
  }
  const Part& part = manifest_.parts[n - 1];
  std::optional<std::uint64_t> sealed;
  if (part.info.size) sealed = crypto::sealed_size(*part.info.size);
  auto found = body(n, sealed);
  if (!found) return fail(std::move(found).error());
  const auto prefix = read_prefix(*found->source);
  if (!prefix) return fail(prefix.error());
  auto keys = part_keys(*mk_, header_.id, n, part.sealed);
  if (*prefix != part.sealed || !keys) {
    return damaged("part " + std::to_string(n) + " is not the one that the manifest names");
  }
  std::optional<std::uint64_t> size = part.info.size;
  if (!size && found->source->size()) size = crypto::plaintext_size(*found->source->size());
  return OpenPart(std::move(found->whole), std::move(found->source), std::move(*keys), size);
}

/// Where part n begins in one file.
std::uint64_t Envelope::offset_of(std::size_t n) const {
  std::uint64_t offset = header_size_;
  if (n > 0) offset += header_.manifest_size;
  for (std::size_t i = 1; i < n; ++i)
    offset += crypto::sealed_size(manifest_.parts[i - 1].info.size.value_or(0));
  return offset;
}

Result<Envelope::Body> Envelope::body(std::size_t n, std::optional<std::uint64_t> sealed_size) {
  std::shared_ptr<Source> whole = whole_;
  std::uint64_t offset = 0;
  if (!whole) {
    const std::string path = folder_ + "/" + std::to_string(n);
    auto fd = open_file(path, O_RDONLY);
    if (!fd && fd.error().code == Errc::no_input) {
      return truncated("part " + std::to_string(n) + " is missing");
    }
    if (!fd) return fail(std::move(fd).error());
    whole = std::make_shared<OwnedFile>(std::move(*fd), path);
    if (sealed_size && whole->size().value_or(0) > *sealed_size) {
      return damaged("part " + std::to_string(n) + " is longer than it may be");
    }
  } else {
    offset = offset_of(n);
    if (auto there = skip_to(offset); !there) return fail(std::move(there).error());
  }
  if (const auto size = whole->size()) {
    if (*size < offset || (sealed_size && *sealed_size > *size - offset)) {
      return truncated("part " + std::to_string(n) + " is not all there");
    }
    if (!sealed_size) sealed_size = *size - offset;
  }
  position_ = offset + sealed_size.value_or(0);
  auto source = std::make_unique<PartialSource>(*whole, offset, sealed_size);
  return Body{std::move(whole), std::move(source)};
}

/// Of a pipe: reads what lies before the offset.
Result<void> Envelope::skip_to(std::uint64_t offset) {
  if (!is_pipe()) return {};
  if (position_ == 0) position_ = header_size_;
  if (offset < position_) return fail(Errc::usage, "a pipe can be read only from front to end");
  std::vector<std::uint8_t> block(256 * 1024);
  while (position_ < offset) {
    const auto wanted =
        std::span(block).first(std::min<std::uint64_t>(block.size(), offset - position_));
    const auto got = whole_->read_at(position_, wanted);
    if (!got) return fail(got.error());
    if (*got < wanted.size()) return truncated("it ends before its last part");
    position_ += *got;
  }
  return {};
}

/// Of one file: it is as long as header and manifest say.
Result<void> Envelope::check_length() {
  const auto size = whole_ ? whole_->size() : std::nullopt;
  if (!size) return {};
  const std::uint64_t last = offset_of(manifest_.parts.size());
  if (*size < last) return truncated("it ends before its last part");
  const auto& last_size = manifest_.parts.back().info.size;
  if (!last_size) {
    if (!crypto::plaintext_size(*size - last)) return truncated("its last part is cut");
    return {};
  }
  const std::uint64_t end = last + crypto::sealed_size(*last_size);
  if (*size < end) return truncated("its last part is cut");
  if (*size > end) return damaged("there is something after its end");
  return {};
}

Result<void> Envelope::check_end() {
  if (!is_pipe() || !manifest_.parts.back().info.size) return {};
  const std::uint64_t end =
      offset_of(manifest_.parts.size()) + crypto::sealed_size(*manifest_.parts.back().info.size);
  if (auto there = skip_to(end); !there) return there;
  std::uint8_t more = 0;
  const auto got = whole_->read_at(end, {&more, 1});
  if (!got) return fail(got.error());
  if (*got > 0) return damaged("there is something after its end");
  return {};
}

}  // namespace sm::envelope
