#pragma once
// Tag lists, "a=b; c=d" (RFC 6376 §3.2): the syntax of signatures and of key records.
//
// Views into the text that was read, which must outlive the list. Names are case-sensitive, order
// is kept, values are without the white space around them. A name that comes twice makes the whole
// list invalid; unknown names are the reader's to ignore.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sm::dkim {

struct Tag {
  std::string_view name;
  std::string_view value;  ///< folding white space inside it is kept
};

class TagList {
 public:
  static constexpr std::size_t kMaxTags = 100;

  /// The list, or `defect` filled with what is wrong, as a phrase: "the tag s= comes twice".
  static std::optional<TagList> parse(std::string_view text, std::string& defect);

  /// The value; nothing where there is no such tag.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] const std::vector<Tag>& tags() const { return tags_; }

 private:
  std::vector<Tag> tags_;
};

/// Without any space, tab, CR and LF: what stands in base64 values and around colons (RFC 6376
/// §2.10).
std::string without_white_space(std::string_view text);

/// The pieces between colons, each without white space around it.
std::vector<std::string_view> split_colons(std::string_view text);

}  // namespace sm::dkim
