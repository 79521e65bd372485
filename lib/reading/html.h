#pragma once
// A stranger's HTML made harmless: read as tokens, written anew.
//
// What comes out is markup of our own making: elements and attributes of a list, balanced, every
// text and value escaped. It has no script, style sheet, form, frame, object, SVG, MathML, comment
// or raw text in which a browser could find more than we wrote, and no address but those of <a
// href> (http, https, mailto, opened elsewhere by a click) and images as data:. So safety depends
// on what is written, not on reading as a browser reads; reading differently only looks different.
//
// The tokenizer is ours since Debian's parsers do worse on strangers' input: gumbo frees its tree
// by recursion and searches the open elements for every tag, libxml2 builds trees of HTML 4.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sm::reading {

/// The image that a Content-ID (RFC 2392, decoded) names, as a data: URL; nothing where there is
/// none to show.
using FindImage = std::function<std::optional<std::string>(std::string_view content_id)>;
/// Whether one more image of that many octets may be shown.
using AdmitImage = std::function<bool(std::size_t octets)>;

struct CleanHtml {
  std::string body;    ///< stands inside <body> or any block
  std::string styles;  ///< stands inside <style>
  bool has_blocked_images = false;
};

/// `html` is UTF-8.
CleanHtml clean_html(std::string_view html, const FindImage& find_image,
                     const AdmitImage& admit_image);

/// What a person would read of it: lines that end in LF, blanks joined, no markup.
std::string text_of_html(std::string_view html);

/// Text for content and for quoted attribute values; control characters that HTML forbids are left
/// out.
std::string escape_html(std::string_view text);

/// The type of a raster image by its first octets: "image/png", "image/jpeg", "image/gif",
/// "image/webp"; empty for all else, SVG above all.
std::string_view raster_type(std::string_view octets);

}  // namespace sm::reading
