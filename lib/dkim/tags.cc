#include "dkim/tags.h"

#include <algorithm>

#include "base/text.h"

namespace sm::dkim {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n";

bool is_name(std::string_view name) {
  // RFC 6376 §3.2: tag-name = ALPHA *ALNUMPUNC
  return !name.empty() && is_alpha(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_alnum(c) || c == '_'; });
}

/// VALCHAR, white space and UTF-8 (RFC 8616 §5 allows U-labels); a ";" cannot be here.
bool is_value(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && kWhiteSpace.find(c) == kWhiteSpace.npos) || byte == 0x7f;
  });
}

}  // namespace

std::optional<TagList> TagList::parse(std::string_view text, std::string& defect) {
  TagList list;
  const auto refuse = [&](std::string why) {
    defect = std::move(why);
    return std::nullopt;
  };
  const auto specs = split(text, ';');
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const std::string_view spec = trimmed(specs[i], kWhiteSpace);
    // The last semicolon is optional; nothing may stand after it.
    if (spec.empty() && i + 1 == specs.size() && i > 0) break;
    const auto equals = spec.find('=');
    if (equals == spec.npos) return refuse("a tag without \"=\"");
    const std::string_view name = trimmed(spec.substr(0, equals), kWhiteSpace);
    const std::string_view value = trimmed(spec.substr(equals + 1), kWhiteSpace);
    if (!is_name(name)) return refuse("\"" + printable(name.substr(0, 40)) + "\" is no tag name");
    if (!is_value(value)) return refuse("control characters in " + std::string(name) + "=");
    // RFC 6376 §3.2: tags with duplicate names make the entire tag-list invalid.
    if (list.find(name)) return refuse("the tag " + std::string(name) + "= comes twice");
    if (list.tags_.size() == kMaxTags) return refuse("more than 100 tags");
    list.tags_.push_back({name, value});
  }
  return list;
}

std::optional<std::string_view> TagList::find(std::string_view name) const {
  for (const Tag& tag : tags_) {
    if (tag.name == name) return tag.value;
  }
  return std::nullopt;
}

std::string without_white_space(std::string_view text) {
  std::string stripped;
  stripped.reserve(text.size());
  for (const char c : text) {
    if (kWhiteSpace.find(c) == kWhiteSpace.npos) stripped += c;
  }
  return stripped;
}

std::vector<std::string_view> split_colons(std::string_view text) {
  auto pieces = split(text, ':');
  for (auto& piece : pieces)
    piece = trimmed(piece, kWhiteSpace);
  return pieces;
}

}  // namespace sm::dkim
