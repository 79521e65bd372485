#pragma once
// A judge of HTML that was made harmless. It knows one strict grammar, in which a browser sees the
// same tags as it does, and says what is wrong with anything outside it.

#include <string>
#include <string_view>
#include <vector>

namespace sm::test {

class HtmlJudge {
 public:
  explicit HtmlJudge(std::string_view html) : html_(html) {}

  /// "" where all is well.
  std::string verdict() {
    while (problem_.empty() && at_ < html_.size()) {
      if (html_[at_] == '<') {
        tag();
      } else if (html_[at_] == '>') {
        problem_ = "a > outside a tag";
      } else {
        ++at_;
      }
    }
    if (problem_.empty() && !open_.empty()) problem_ = "not closed: " + open_.back();
    return problem_;
  }

 private:
  static bool is_lower(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  }
  std::string word() {
    const auto begin = at_;
    while (at_ < html_.size() && is_lower(html_[at_]))
      ++at_;
    return std::string(html_.substr(begin, at_ - begin));
  }
  bool take(char c) {
    if (at_ >= html_.size() || html_[at_] != c) return false;
    ++at_;
    return true;
  }

  void tag() {
    ++at_;
    const bool is_end = take('/');
    const auto name = word();
    static const std::vector<std::string> kNever = {
        "script", "style",  "iframe",    "frame",    "object",   "embed",    "applet",   "form",
        "input",  "button", "select",    "textarea", "base",     "meta",     "link",     "svg",
        "math",   "audio",  "video",     "source",   "track",    "picture",  "noscript", "template",
        "title",  "xmp",    "plaintext", "noembed",  "noframes", "frameset", "head",     "body",
        "html",   "map",    "area",      "marquee",  "portal",   "dialog",   "slot",     "canvas"};
    if (name.empty()) problem_ = "a < that begins no tag";
    for (const auto& never : kNever) {
      if (name == never) problem_ = "an element that must not be: " + name;
    }
    while (problem_.empty() && !take('>')) {
      if (is_end) problem_ = "an end tag with attributes";
      attribute(name);
    }
    if (!problem_.empty()) return;
    static const std::vector<std::string> kVoid = {"br", "img", "hr", "wbr", "col"};
    for (const auto& each : kVoid) {
      if (each == name) return;
    }
    if (!is_end) {
      open_.push_back(name);
    } else if (open_.empty() || open_.back() != name) {
      problem_ = "closed but not open: " + name;
    } else {
      open_.pop_back();
    }
  }

  void attribute(const std::string& element) {
    if (!take(' ')) problem_ = "no space before an attribute";
    const auto name = word();
    if (name.empty() || !take('=') || !take('"')) {
      problem_ = "an attribute that is not name=\"value\": " + name;
      return;
    }
    const auto end = html_.find('"', at_);
    const auto value = html_.substr(at_, end == html_.npos ? 0 : end - at_);
    if (end == html_.npos || value.find_first_of("<>") != value.npos) {
      problem_ = "an attribute's value that does not end";
      return;
    }
    at_ = end + 1;
    judge(element, name, value);
  }

  void judge(const std::string& element, const std::string& name, std::string_view value) {
    const auto begins = [&](std::string_view with) { return value.substr(0, with.size()) == with; };
    if (name.substr(0, 2) == "on") problem_ = "an event handler: " + name;
    if (name == "href") {
      std::string scheme(value.substr(0, value.find(':')));
      for (char& c : scheme) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
      }
      const bool is_link = scheme == "http" || scheme == "https" || scheme == "mailto";
      if (element != "a" || !(is_link || begins("#")))
        problem_ = "an address: " + std::string(value);
    } else if (name == "src") {
      const bool is_raster = begins("data:image/png;base64,") ||
                             begins("data:image/jpeg;base64,") ||
                             begins("data:image/gif;base64,") || begins("data:image/webp;base64,");
      if (element != "img" || !is_raster) problem_ = "a source: " + std::string(value);
    } else if (name == "style") {
      for (const std::string_view never :
           {"url(", "@", "\\", "expression(", "image(", "image-set("}) {
        if (value.find(never) != value.npos) problem_ = "a style: " + std::string(value);
      }
    } else {
      for (const std::string_view never :
           {"srcset",    "background", "poster",   "action",          "formaction", "data",
            "ping",      "srcdoc",     "cite",     "longdesc",        "usemap",     "manifest",
            "codebase",  "archive",    "profile",  "http-equiv",      "is",         "slot",
            "autofocus", "accesskey",  "tabindex", "contenteditable", "popover"}) {
        if (name == never) problem_ = "an attribute that must not be: " + name;
      }
    }
  }

  std::string_view html_;
  std::size_t at_ = 0;
  std::vector<std::string> open_;
  std::string problem_;
};

}  // namespace sm::test
