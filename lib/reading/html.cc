#include "reading/html.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/encoding.h"
#include "base/secret.h"
#include "base/text.h"
#include "message/octets.h"
#include "reading/css.h"
#include "reading/html_tokens.h"

namespace sm::reading {
namespace {

constexpr std::string_view kHtmlBlanks = " \t\r\n\f";
constexpr std::size_t kDeepest = 256;  // open elements; deeper ones lose their tags
constexpr std::size_t kMostStyles = std::size_t{256} << 10;

using Names = std::string_view;  // " a b c ": each between spaces

constexpr Names kElements =
    " a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code "
    "col "
    "colgroup dd del dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i "
    "img ins kbd li main mark ol p pre q s samp section small span strike strong sub sup table "
    "tbody td tfoot th thead time tr tt u ul var wbr ";
constexpr Names kVoid = " br col hr img wbr ";
/// Left out with all that is inside. (Raw ones are left out by their token.)
constexpr Names kDropped = " svg math template select datalist head ";
constexpr Names kBlocks =
    " address article aside blockquote body caption center dd div dl dt figcaption figure footer "
    "h1 "
    "h2 h3 h4 h5 h6 header hr li main ol p pre section table tr ul ";
/// Copied with their values escaped. What they can say is a number, a colour, a word.
constexpr Names kAttributes =
    " align alt bgcolor border cellpadding cellspacing class color colspan dir face height id lang "
    "nowrap rowspan size span start summary title type valign value width ";

bool is_in(std::string_view name, Names names) {
  return name.find(' ') == name.npos &&
         names.find(" " + std::string(name) + " ") != std::string_view::npos;
}

/// End tags that HTML lets people leave out: an element of the first column ends those of the
/// second, up to the nearest of the third.
struct Implied {
  Names starts, ends, up_to;
};
constexpr std::array kImplied = {
    Implied{" li ", " li ", " ul ol table "},
    Implied{" dt dd ", " dt dd ", " dl table "},
    Implied{" td th ", " td th ", " tr table "},
    Implied{" tr ", " tr td th ", " table "},
    Implied{" tbody thead tfoot ", " tbody thead tfoot tr td th ", " table "},
    Implied{" p div table ul ol dl h1 h2 h3 h4 h5 h6 pre blockquote hr address center ", " p ",
            " div td th li table blockquote "},
};

/// A URL as a browser reads an attribute: references decoded, line ends and tabs gone, blanks cut.
std::string url_of(std::string_view value) {
  std::string url;
  for (const char c : decode_references(value)) {
    if (c != '\t' && c != '\n' && c != '\r') url += c;
  }
  return std::string(trimmed(url, " \f"));
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// A place that a person may choose to go to.
bool is_followable(std::string_view url) {
  constexpr std::array<std::string_view, 3> kSchemes = {"https://", "http://", "mailto:"};
  return !has_control(url) &&
         std::any_of(kSchemes.begin(), kSchemes.end(), [&](std::string_view scheme) {
           return starts_with_ignoring_case(url, scheme) && url.size() > scheme.size();
         });
}

/// RFC 3986 §2.1, for cid: URLs (RFC 2392 §2).
std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? message::hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? message::hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
    } else {
      out += static_cast<char>(high << 4 | low);
      i += 2;
    }
  }
  return out;
}

class Cleaner {
 public:
  Cleaner(const FindImage& find_image, const AdmitImage& admit_image)
      : find_image_(find_image), admit_image_(admit_image) {}

  CleanHtml clean(std::string_view html) {
    HtmlTokens tokens(html);
    for (auto token = tokens.next(); token.kind != HtmlToken::Kind::end_of_input;
         token = tokens.next()) {
      take(token);
    }
    close_down_to(0);
    return std::move(made_);
  }

 private:
  void take(const HtmlToken& token) {
    if (!dropped_.empty()) {
      follow_dropped(token);
      return;
    }
    switch (token.kind) {
      case HtmlToken::Kind::text:
        put_text(token.text);
        return;
      case HtmlToken::Kind::raw:
        put_raw(token);
        return;
      case HtmlToken::Kind::start:
        start(token);
        return;
      case HtmlToken::Kind::end:
        end(token.name == "body" ? "div" : token.name);
        return;
      case HtmlToken::Kind::end_of_input:
        return;
    }
  }

  /// <head> ends without an end tag where the body begins; its style sheets are wanted.
  void follow_dropped(const HtmlToken& token) {
    using Kind = HtmlToken::Kind;
    if (dropped_ == "head") {
      if (token.kind == Kind::raw) put_raw(token);
      const bool is_body = token.kind == Kind::start && token.name == "body";
      const bool is_end = token.kind == Kind::end && token.name == "head";
      const bool is_shown = (token.kind == Kind::start && is_in(token.name, kElements)) ||
                            (token.kind == Kind::text && !trimmed(token.text, kHtmlBlanks).empty());
      if (!is_body && !is_end && !is_shown) return;
      dropped_.clear();
      if (!is_end) take(token);
      return;
    }
    if (token.name != dropped_) return;
    if (token.kind == Kind::start && !token.is_self_closing) ++dropped_depth_;
    if (token.kind == Kind::end && --dropped_depth_ == 0) dropped_.clear();
  }

  /// Character references pass as they are: they never make markup.
  void put_text(std::string_view text) {
    for (const char c : text)
      put_escaped(c);
  }
  void put_escaped(char c) {
    if (c == '<') {
      made_.body += "&lt;";
    } else if (c == '>') {
      made_.body += "&gt;";
    } else if (static_cast<unsigned char>(c) >= 0x20 || is_in_blanks(c)) {
      made_.body += c;
    }
  }
  static bool is_in_blanks(char c) { return kHtmlBlanks.find(c) != std::string_view::npos; }

  void put_raw(const HtmlToken& token) {
    if (token.name == "style" && token.text.size() + sheets_ <= kMostStyles) {
      sheets_ += token.text.size();
      made_.styles += clean_sheet(token.text);
    }
    if (token.name == "plaintext" || token.name == "xmp") made_.body += escape_html(token.text);
  }

  void start(const HtmlToken& token) {
    if (is_in(token.name, kDropped)) {
      if (token.is_self_closing && token.name != "head") return;
      dropped_ = token.name;
      dropped_depth_ = 1;
      return;
    }
    // What is said of the body is said of a box of its size.
    const std::string name = token.name == "body" ? "div" : token.name;
    if (!is_in(name, kElements)) return;
    close_implied(name);
    if (is_in(name, kVoid)) {
      open_tag(name, token);
    } else if (open_.size() < kDeepest) {
      open_tag(name, token);
      open_.push_back(name);
    }
  }

  void end(const std::string& name) {
    if (name == "br") made_.body += "<br>";  // as browsers have it
    const auto found = std::find(open_.rbegin(), open_.rend(), name);
    if (found != open_.rend()) close_down_to(static_cast<std::size_t>(open_.rend() - found) - 1);
  }

  void close_implied(const std::string& name) {
    for (const auto& rule : kImplied) {
      if (!is_in(name, rule.starts)) continue;
      std::size_t keep = open_.size();
      for (std::size_t i = open_.size(); i > 0 && !is_in(open_[i - 1], rule.up_to); --i) {
        if (is_in(open_[i - 1], rule.ends)) keep = i - 1;
      }
      close_down_to(keep);
    }
  }

  void close_down_to(std::size_t size) {
    while (open_.size() > size) {
      made_.body += "</" + open_.back() + ">";
      open_.pop_back();
    }
  }

  void open_tag(const std::string& name, const HtmlToken& token) {
    made_.body += "<" + name;
    for (const auto& attribute : token.attributes) {
      if (is_in(attribute.name, kAttributes)) {
        put_attribute(attribute.name, decode_references(attribute.value));
      } else if (attribute.name == "style") {
        const auto style = clean_declarations(decode_references(attribute.value));
        if (!style.empty()) put_attribute("style", style);
      } else if (attribute.name == "background") {
        made_.has_blocked_images = true;
      }
    }
    if (name == "a") put_link(token);
    if (name == "img") put_image(token);
    made_.body += ">";
  }

  void put_attribute(std::string_view name, std::string_view value) {
    made_.body += " " + std::string(name) + "=\"" + escape_html(value) + "\"";
  }

  void put_link(const HtmlToken& token) {
    const auto* href = token.find("href");
    if (href == nullptr) return;
    const auto url = url_of(*href);
    if (url.starts_with('#')) {
      put_attribute("href", url);
    } else if (is_followable(url)) {
      put_attribute("href", url);
      put_attribute("target", "_blank");
      put_attribute("rel", "noopener noreferrer nofollow");
    }
  }

  /// An image that is not shown keeps its alternative text.
  void put_image(const HtmlToken& token) {
    if (token.find("alt") == nullptr) put_attribute("alt", "");
    const auto* src = token.find("src");
    if (src == nullptr) {
      if (token.find("srcset") != nullptr) made_.has_blocked_images = true;
      return;
    }
    if (const auto shown = shown_image(url_of(*src))) {
      put_attribute("src", *shown);
    } else {
      made_.has_blocked_images = true;
    }
  }

  std::optional<std::string> shown_image(const std::string& url) {
    if (starts_with_ignoring_case(url, "cid:")) return find_image_(percent_decoded(url.substr(4)));
    const auto comma = url.find(',');
    if (!starts_with_ignoring_case(url, "data:image/") || comma == url.npos) return std::nullopt;
    if (!ends_with_ignoring_case(url.substr(0, comma), ";base64")) return std::nullopt;
    const auto octets = from_base64(url.substr(comma + 1));
    if (!octets) return std::nullopt;
    const auto type = raster_type(as_text(*octets));
    if (type.empty() || !admit_image_(octets->size())) return std::nullopt;
    return "data:" + std::string(type) + ";base64," + url.substr(comma + 1);
  }

  const FindImage& find_image_;
  const AdmitImage& admit_image_;
  CleanHtml made_;
  std::vector<std::string> open_;
  std::string dropped_;  ///< the element that is left out now
  std::size_t dropped_depth_ = 0;
  std::size_t sheets_ = 0;
};

/// Text as it is put together: blanks joined, at most one empty line.
class PlainText {
 public:
  void put(std::string_view text, bool is_preformatted) {
    for (const char c : text) {
      const bool is_blank = kHtmlBlanks.find(c) != std::string_view::npos;
      if (is_preformatted && is_blank) {
        end_blank();
        made_ += c == '\r' ? ' ' : c;
      } else if (is_blank) {
        has_blank_ = true;
      } else {
        end_blank();
        made_ += c;
      }
    }
  }
  void end_line() {
    has_blank_ = false;
    if (!made_.empty() && !made_.ends_with("\n")) made_ += '\n';
  }
  void end_paragraph() {
    end_line();
    if (!made_.empty() && !made_.ends_with("\n\n")) made_ += '\n';
  }
  void break_line() {
    has_blank_ = false;
    if (!made_.ends_with("\n\n")) made_ += '\n';
  }
  std::string take() {
    const auto end = made_.find_last_not_of(" \n");
    made_.resize(end == made_.npos ? 0 : end + 1);
    if (!made_.empty()) made_ += '\n';
    return std::move(made_);
  }

 private:
  void end_blank() {
    if (has_blank_ && !made_.empty() && !made_.ends_with('\n')) made_ += ' ';
    has_blank_ = false;
  }
  std::string made_;
  bool has_blank_ = false;
};

bool is_paragraph(std::string_view name) {
  return is_in(name, " p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre ");
}

}  // namespace

CleanHtml clean_html(std::string_view html, const FindImage& find_image,
                     const AdmitImage& admit_image) {
  return Cleaner(find_image, admit_image).clean(html);
}

std::string text_of_html(std::string_view html) {
  PlainText text;
  HtmlTokens tokens(html);
  std::size_t preformatted = 0;
  for (auto token = tokens.next(); token.kind != HtmlToken::Kind::end_of_input;
       token = tokens.next()) {
    if (token.kind == HtmlToken::Kind::text)
      text.put(decode_references(token.text), preformatted > 0);
    if (token.kind != HtmlToken::Kind::start && token.kind != HtmlToken::Kind::end) continue;
    const bool is_start = token.kind == HtmlToken::Kind::start;
    if (token.name == "pre") preformatted = is_start ? 1 : 0;
    if (token.name == "br") text.break_line();
    if (is_in(token.name, " td th ") && is_start) text.put(" ", false);
    if (is_paragraph(token.name)) {
      text.end_paragraph();
    } else if (is_in(token.name, kBlocks)) {
      text.end_line();
    }
    if (token.name == "li" && is_start) text.put("- ", false);
  }
  return text.take();
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || kHtmlBlanks.find(c) != std::string_view::npos)
          out += c;
    }
  }
  return out;
}

std::string_view raster_type(std::string_view octets) {
  if (octets.starts_with("\x89PNG\r\n\x1a\n")) return "image/png";
  if (octets.starts_with("\xff\xd8\xff")) return "image/jpeg";
  if (octets.starts_with("GIF87a") || octets.starts_with("GIF89a")) return "image/gif";
  if (octets.starts_with("RIFF") && octets.substr(0, 12).ends_with("WEBP")) return "image/webp";
  return {};
}

}  // namespace sm::reading
