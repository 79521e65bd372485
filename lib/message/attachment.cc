#include "message/attachment.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/file_name.h"
#include "base/text.h"
#include "message/header.h"
#include "message/octets.h"
#include "message/parameters.h"
#include "message/source.h"
#include "message/transfer.h"

namespace sm::message {
namespace {

constexpr std::string_view kAnything = "application/octet-stream";

/// message/rfc822 is not here: it may not be in base64 (RFC 2046 §5.2.1), and these bytes must
/// arrive as they are.
constexpr std::array<std::pair<std::string_view, std::string_view>, 41> kTypes{{
    {"7z", "application/x-7z-compressed"},
    {"avi", "video/x-msvideo"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"csv", "text/csv"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"epub", "application/epub+zip"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ics", "text/calendar"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"json", "application/json"},
    {"md", "text/markdown"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"ogg", "audio/ogg"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"rtf", "application/rtf"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"txt", "text/plain"},
    {"vcf", "text/vcard"},
    {"wav", "audio/vnd.wave"},
    {"webp", "image/webp"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"zip", "application/zip"},
}};

Result<UniqueFd> open_attachment(const std::string& path) {
  auto file = open_file(path, O_RDONLY | O_NOCTTY);
  if (!file) return file;
  struct ::stat status {};
  if (::fstat(file->get(), &status) == 0 && S_ISDIR(status.st_mode)) {
    return fail(Errc::no_input, path + " is a folder", "attach an archive of it");
  }
  return file;
}

/// Whether the beginning of a file can be called UTF-8 text; a character may be cut at its end.
bool is_text(std::string_view beginning) {
  Utf8Stream utf8;
  utf8.feed(beginning);
  return utf8.is_valid() && beginning.find('\0') == beginning.npos;
}

Result<std::string> type_field(const Attachment& attachment, std::string_view name,
                               std::string_view beginning) {
  if (!attachment.type.empty()) {
    const auto type = parse_structured(attachment.type);
    const bool is_composite =
        type && (type->value.starts_with("multipart/") || type->value.starts_with("message/"));
    if (!type || is_composite || type->value.find('/') == std::string::npos) {
      return fail(Errc::malformed,
                  "'" + printable(attachment.type) + "' is not a type of an attachment");
    }
    return make_field("Content-Type", attachment.type);
  }
  const auto type = type_of_name(name);
  if (!type.starts_with("text/")) return make_field("Content-Type", type);
  if (!is_text(beginning)) return make_field("Content-Type", kAnything);
  return make_field("Content-Type", std::string(type) + "; charset=utf-8");
}

Result<void> append_content(Source& source, Bytes block, Scratch& out) {
  Base64Encoder encoder;
  std::string text;
  while (!block.empty()) {
    text.clear();
    encoder.feed(block, text);
    if (auto appended = out.append(text); !appended) return appended;
    const auto next = source.next();
    if (!next) return fail(next.error());
    block = *next;
  }
  text.clear();
  encoder.finish(text);
  return out.append(text + "\r\n");
}

Result<void> append_text(const Attachment& attachment, std::string_view boundary, Scratch& out) {
  return out.append("--" + std::string(boundary) +
                    "\r\nContent-Type: text/plain; charset=us-ascii\r\n"
                    "Content-Transfer-Encoding: 7bit\r\nContent-Disposition: inline" +
                    (attachment.name.empty() ? "" : parameter_text("filename", attachment.name)) +
                    "\r\n\r\n" + attachment.text + "\r\n");
}

Result<void> append_attachment(const Attachment& attachment, std::string_view boundary,
                               Scratch& out) {
  if (!attachment.text.empty()) return append_text(attachment, boundary, out);
  auto file = open_attachment(attachment.path);
  if (!file) return fail(std::move(file).error());
  std::string name = safe_file_name(attachment.name.empty() ? attachment.path : attachment.name);
  if (name.empty()) name = "attachment";
  const auto source = read_descriptor(file->get(), attachment.path);
  const auto first = source->next();
  if (!first) return fail(first.error());
  const auto type = type_field(attachment, name, as_text(*first));
  if (!type) return fail(type.error());
  const std::string header = "--" + std::string(boundary) + "\r\n" + *type +
                             "Content-Transfer-Encoding: base64\r\n"
                             "Content-Disposition: attachment" +
                             parameter_text("filename", name) + "\r\n\r\n";
  if (auto appended = out.append(header); !appended) return appended;
  return append_content(*source, *first, out);
}

}  // namespace

std::string_view type_of_name(std::string_view name) {
  const auto dot = name.rfind('.');
  if (dot == name.npos) return kAnything;
  const auto extension = to_lower(name.substr(dot + 1));
  const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](const auto& type) { return type.first == extension; });
  return found == kTypes.end() ? kAnything : found->second;
}

Result<void> append_attachments(const std::vector<Attachment>& attachments,
                                std::string_view boundary, Scratch& out) {
  for (const auto& attachment : attachments) {
    if (auto appended = append_attachment(attachment, boundary, out); !appended) return appended;
  }
  return {};
}

}  // namespace sm::message
