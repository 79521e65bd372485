#include "reading/render.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "base/encoding.h"
#include "base/text.h"
#include "envelope/output.h"
#include "message/header.h"
#include "message/mime.h"
#include "message/source.h"
#include "message/transfer.h"
#include "reading/html.h"
#include "reading/plain.h"

namespace sm::reading {
namespace {

using message::Part;
using message::TransferEncoding;

/// A stretch of a part's plaintext.
class PartSource final : public message::Source {
 public:
  PartSource(envelope::OpenPart& part, std::uint64_t begin, std::uint64_t end)
      : part_(part), at_(begin), end_(end), block_(std::size_t{64} << 10) {}

  Result<Bytes> next() override {
    const auto most = std::min<std::uint64_t>(block_.size(), end_ - std::min(at_, end_));
    auto read = part_.read(at_, block_.writable().first(static_cast<std::size_t>(most)));
    has_failed_ = !read;
    if (!read) return fail(std::move(read).error());
    at_ += *read;
    return block_.reveal().first(*read);
  }
  /// The envelope could not be read: what came of it says nothing of the message.
  [[nodiscard]] bool has_failed() const { return has_failed_; }

 private:
  envelope::OpenPart& part_;
  std::uint64_t at_, end_;
  Secret block_;
  bool has_failed_ = false;
};

struct Content {
  std::string octets;
  bool is_cut = false;
};

/// A part's content, decoded, at most `most` octets.
Result<Content> read_content(envelope::OpenPart& opened, std::uint64_t body_at, const Part& part,
                             std::size_t most) {
  PartSource source(opened, body_at + part.body.begin, body_at + part.body.end);
  message::Base64Decoder base64;
  message::QuotedPrintableDecoder quoted_printable;
  Content content;
  while (content.octets.size() <= most) {
    auto block = source.next();
    if (!block) return fail(std::move(block).error());
    if (block->empty()) {
      if (part.encoding == TransferEncoding::quoted_printable)
        quoted_printable.finish(content.octets);
      break;
    }
    if (part.encoding == TransferEncoding::base64) {
      base64.feed(*block, content.octets);
    } else if (part.encoding == TransferEncoding::quoted_printable) {
      quoted_printable.feed(*block, content.octets);
    } else {
      content.octets += as_text(*block);
    }
  }
  content.is_cut = content.octets.size() > most;
  content.octets.resize(std::min(content.octets.size(), most));
  return content;
}

/// Places in the table of parts; `plain` and `rich` say the same where both are there.
struct Passage {
  std::vector<std::size_t> plain, rich;
};

/// What of a message is read, and in which order.
class Outline {
 public:
  explicit Outline(const std::vector<Part>& parts) : parts_(parts), children_(parts.size()) {
    for (std::size_t i = 1; i < parts.size(); ++i)
      children_[parts[i].parent].push_back(i);
    if (!parts.empty()) passages = walk(0);
  }

  std::vector<Passage> passages;
  std::vector<std::size_t> images;  ///< in a multipart/related, beside its text
  bool is_complete = true;

 private:
  /// At most 50 deep: the table's limit.
  std::vector<Passage> walk(std::size_t i) {
    const Part& part = parts_[i];
    const auto& type = part.type.value;
    if (type == "text/plain" && part.disposition != "attachment") return {{.plain = {i}}};
    if (type == "text/html" && part.disposition != "attachment") return {{.rich = {i}}};
    // A multipart without parts has something else in it, or its boundary is nowhere.
    if (type == "multipart/encrypted" || !part.is_multipart() || children_[i].empty()) {
      is_complete = false;
      return {};
    }
    if (type == "multipart/alternative") return {alternative(i)};
    if (type == "multipart/related" || type == "multipart/signed") return first_of(i);
    std::vector<Passage> all;
    for (const auto child : children_[i]) {
      auto more = walk(child);
      std::move(more.begin(), more.end(), std::back_inserter(all));
    }
    return all;
  }

  /// RFC 2046 §5.1.4: the last that can be shown is the best, here of each kind.
  Passage alternative(std::size_t i) {
    Passage made;
    for (const auto child : children_[i]) {
      std::vector<std::size_t> leaves;
      bool is_rich = false;
      for (const auto& passage : walk(child)) {
        is_rich = is_rich || !passage.rich.empty();
        const auto& chosen = passage.rich.empty() ? passage.plain : passage.rich;
        leaves.insert(leaves.end(), chosen.begin(), chosen.end());
      }
      if (!leaves.empty()) (is_rich ? made.rich : made.plain) = std::move(leaves);
    }
    return made;
  }

  /// The text of a multipart/related (RFC 2387), what is signed of a multipart/signed (RFC 1847).
  std::vector<Passage> first_of(std::size_t i) {
    const bool is_related = parts_[i].type.value == "multipart/related";
    const auto& children = children_[i];
    for (std::size_t n = 1; is_related && n < children.size(); ++n) {
      const bool is_image = parts_[children[n]].type.value.starts_with("image/");
      if (is_image) images.push_back(children[n]);
      if (!is_image) is_complete = false;
    }
    return children.empty() ? std::vector<Passage>() : walk(children.front());
  }

  const std::vector<Part>& parts_;
  std::vector<std::vector<std::size_t>> children_;
};

std::string charset_of(const Part& part) {
  const auto* charset = part.type.find("charset");
  return charset == nullptr ? std::string() : *charset;
}

bool says(const Part& part, std::string_view parameter, std::string_view value) {
  const auto* found = part.type.find(parameter);
  return found != nullptr && equal_ignoring_case(*found, value);
}

std::string decoded_text(const Part& part, std::string_view octets) {
  auto text = with_plain_lines(text_of_charset(octets, charset_of(part)));
  return says(part, "format", "flowed") ? unflowed(text, says(part, "delsp", "yes")) : text;
}

std::string as_paragraphs(std::string_view text) {
  return "<div style=\"white-space:pre-wrap\">" + escape_html(text) + "</div>";
}

/// A message part of an envelope on its way to a page.
class Rendering {
 public:
  Rendering(envelope::OpenPart part, const Options& options, Page& page)
      : opened_(std::move(part)), options_(options), page_(page) {}

  Result<void> render() {
    auto has_header = read_header();
    if (!has_header) return fail(std::move(has_header).error());
    if (!*has_header) return not_understood();
    PartSource body(opened_, body_at_, opened_.size().value_or(0));
    auto parts = message::scan_mime(header_, body);
    if (!parts && (body.has_failed() || parts.error().code != Errc::malformed)) {
      return fail(std::move(parts).error());
    }
    if (!parts) return not_understood();
    parts_ = std::move(*parts);
    const Outline outline(parts_);
    page_.is_complete = outline.is_complete;
    if (auto done = find_images(outline.images); !done) return done;
    if (auto done = write_text(outline.passages); !done) return done;
    if (auto done = write_document(outline.passages); !done) return done;
    const auto shown = std::count_if(images_.begin(), images_.end(),
                                     [](const auto& image) { return image.second.is_shown; });
    if (static_cast<std::size_t>(shown) < outline.images.size()) page_.is_complete = false;
    return {};
  }

 private:
  struct Image {
    std::size_t part;
    bool is_read = false;
    bool is_shown = false;
    std::size_t octets = 0;
    std::string url{};  ///< empty where it is not to be shown
  };

  Result<void> not_understood() {
    page_.is_complete = false;
    return {};
  }

  /// False where there is none that is one.
  Result<bool> read_header() {
    // Few headers need more than the first piece, none more than the last.
    constexpr std::size_t kMost = message::HeaderIndex::kMaxBytes + 2;
    for (std::size_t size = std::size_t{16} << 10;; size = std::min(size * 8, kMost)) {
      header_text_.resize(size);
      auto read = opened_.read(
          0, std::span<std::uint8_t>(reinterpret_cast<std::uint8_t*>(header_text_.data()), size));
      if (!read) return fail(std::move(read).error());
      header_text_.resize(*read);
      if (*read < size || size == kMost || header_text_.find("\r\n\r\n") != std::string::npos)
        break;
    }
    const auto end = header_text_.starts_with("\r\n") ? 0 : header_text_.find("\r\n\r\n");
    if (end == header_text_.npos) return false;
    const std::size_t size = end == 0 ? 0 : end + 2;
    header_text_.resize(size);
    body_at_ = size + 2;
    auto index = message::HeaderIndex::parse(header_text_, message::Syntax::lenient);
    if (!index) return false;
    header_ = std::move(*index);
    page_.subject = value_of("subject", shown_value);
    page_.from = value_of("from", shown_addresses);
    page_.to = value_of("to", shown_addresses);
    page_.cc = value_of("cc", shown_addresses);
    page_.date = value_of("date", shown_value);
    if (const auto date = parse_date(page_.date)) page_.sent = SentDate{date->time, date->offset};
    return true;
  }

  [[nodiscard]] std::string value_of(std::string_view name,
                                     std::string (*shown)(std::string_view, std::size_t)) const {
    const auto* field = header_.first(name);
    return field == nullptr ? std::string() : shown(field->value, 2000);
  }

  /// What the images call themselves (RFC 2392 §2). Their content is read only when one is shown.
  Result<void> find_images(const std::vector<std::size_t>& images) {
    for (const auto i : images) {
      PartSource source(opened_, body_at_ + parts_[i].header.begin,
                        body_at_ + parts_[i].header.end);
      auto bytes = message::read_all(source, message::HeaderIndex::kMaxBytes);
      if (!bytes) return fail(std::move(bytes).error());
      const auto header = message::HeaderIndex::parse(*bytes, message::Syntax::lenient);
      const auto* field = header ? header->first("content-id") : nullptr;
      if (field == nullptr) continue;
      const auto id = message::unfolded(field->value);
      images_.emplace(std::string(trimmed(id, "<> \t")), Image{i});
    }
    return {};
  }

  std::optional<std::string> find_image(std::string_view content_id) {
    const auto found = images_.find(std::string(content_id));
    if (found == images_.end()) return std::nullopt;
    Image& image = found->second;
    if (!image.is_read) load(image);
    if (image.url.empty() || !admit(image.octets)) return std::nullopt;
    image.is_shown = true;
    return image.url;
  }

  /// Once, whatever comes of it: a text may name the same image a hundred thousand times.
  void load(Image& image) {
    image.is_read = true;
    auto content = read_content(opened_, body_at_, parts_[image.part], options_.limits.image);
    if (!content) {
      failure_ = std::move(content).error();
      return;
    }
    const auto type = raster_type(content->octets);
    if (content->is_cut || type.empty()) return;
    image.octets = content->octets.size();
    image.url = "data:" + std::string(type) + ";base64," + to_base64(as_bytes(content->octets));
  }

  bool admit(std::size_t octets) {
    if (octets > options_.limits.image || octets > options_.limits.images - image_octets_)
      return false;
    image_octets_ += octets;
    return true;
  }

  Result<std::string> read_text(std::size_t i, std::size_t most) {
    auto content = read_content(opened_, body_at_, parts_[i], most);
    if (!content) return fail(std::move(content).error());
    if (content->is_cut) page_.is_complete = false;
    return parts_[i].type.value == "text/html"
               ? text_of_charset(content->octets, charset_of(parts_[i]))
               : decoded_text(parts_[i], content->octets);
  }

  Result<void> write_text(const std::vector<Passage>& passages) {
    const auto most = options_.limits.text;
    for (const auto& passage : passages) {
      for (const auto i : passage.plain.empty() ? passage.rich : passage.plain) {
        if (page_.text.size() >= most) {
          page_.is_complete = false;
          return {};
        }
        const bool is_html = parts_[i].type.value == "text/html";
        auto text = read_text(i, is_html ? options_.limits.html : most - page_.text.size());
        if (!text) return fail(std::move(text).error());
        if (!page_.text.empty() && !page_.text.ends_with('\n')) page_.text += '\n';
        page_.text += is_html ? text_of_html(*text) : *text;
      }
    }
    return {};
  }

  Result<void> write_document(const std::vector<Passage>& passages) {
    const auto has_html = [](const Passage& passage) { return !passage.rich.empty(); };
    if (std::none_of(passages.begin(), passages.end(), has_html)) return {};
    const FindImage find = [this](std::string_view id) { return find_image(id); };
    const AdmitImage admit_image = [this](std::size_t octets) { return admit(octets); };
    std::string styles;
    std::string body;
    std::size_t left = options_.limits.html;
    for (const auto& passage : passages) {
      for (const auto i : passage.rich.empty() ? passage.plain : passage.rich) {
        auto text = read_text(i, left);
        if (!text) return fail(std::move(text).error());
        left -= std::min(left, text->size());
        if (parts_[i].type.value != "text/html") {
          body += as_paragraphs(*text);
          continue;
        }
        auto clean = clean_html(*text, find, admit_image);
        if (failure_) return fail(*std::move(failure_));
        styles += clean.styles;
        body += clean.body;
        page_.has_blocked_images = page_.has_blocked_images || clean.has_blocked_images;
      }
    }
    page_.html_document = document(styles, body);
    return {};
  }

  [[nodiscard]] std::string document(std::string_view styles, std::string_view body) const {
    // The sender's own styles come after ours and may change them.
    return "<!DOCTYPE html>\n<html lang=\"" + escape_html(language()) +
           "\"><head><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">"
           "<meta name=\"viewport\" content=\"width=device-width\"><title>" +
           escape_html(options_.title) +
           "</title><style>body{margin:8px;color:#111;background:#fff;font-family:sans-serif;"
           "line-height:1.4;overflow-wrap:anywhere}img{max-width:100%;height:auto}"
           "pre{white-space:pre-wrap}</style><style>" +
           std::string(styles) + "</style></head><body><main>" + std::string(body) +
           "</main></body></html>\n";
  }

  /// RFC 3282 §2, where it names one language.
  [[nodiscard]] std::string language() const {
    const auto* field = header_.first("content-language");
    const auto said = field == nullptr ? std::string() : message::unfolded(field->value);
    const bool is_one =
        !said.empty() && said.size() <= 20 &&
        std::all_of(said.begin(), said.end(), [](char c) { return is_alnum(c) || c == '-'; });
    return is_one ? said : options_.language;
  }

  envelope::OpenPart opened_;
  const Options& options_;
  Page& page_;
  std::string header_text_;
  message::HeaderIndex header_;
  std::uint64_t body_at_ = 0;
  std::vector<Part> parts_;
  std::map<std::string, Image> images_;  ///< by Content-ID
  std::size_t image_octets_ = 0;
  std::optional<Error> failure_;
};

/// A type that a response header and a list can carry.
std::string listed_type(std::string_view type) {
  const bool is_type =
      type.size() <= 100 && std::count(type.begin(), type.end(), '/') == 1 &&
      std::all_of(type.begin(), type.end(), [](char c) {
        return is_alnum(c) || std::string_view("/!#$&-^_.+").find(c) != std::string_view::npos;
      });
  return is_type ? to_lower(type) : "application/octet-stream";
}

}  // namespace

Result<Page> render(envelope::Envelope& envelope, const Options& options) {
  Page page;
  const auto& parts = envelope.manifest().parts;
  const auto names = envelope::file_names(envelope.manifest());
  bool has_message = false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& info = parts[i].info;
    if (info.role == envelope::Role::message && !has_message) {
      has_message = true;
      auto part = envelope.part(i + 1);
      if (!part) return fail(std::move(part).error());
      if (auto done = Rendering(std::move(*part), options, page).render(); !done) {
        return fail(std::move(done).error(), "the sealed message");
      }
      continue;
    }
    page.attachments.push_back({i + 1, names[i], listed_type(info.type), info.size.value_or(0)});
  }
  return page;
}

}  // namespace sm::reading
