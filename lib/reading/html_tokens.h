#pragma once
// HTML as a row of tokens (the WHATWG tokenizer's, less what only trees and scripts need).
//
// Reading is forgiving and bounded: one pass, no recursion, nothing looked at twice. It need not
// see what a browser sees, since nothing of the input is handed on as markup: reading/html.h writes
// its own.

#include <string>
#include <string_view>
#include <vector>

namespace sm::reading {

struct HtmlAttribute {
  std::string name;        ///< lower case
  std::string_view value;  ///< as written, character references undecoded
};

struct HtmlToken {
  enum class Kind { text, start, end, raw, end_of_input };
  Kind kind = Kind::end_of_input;
  std::string name{};       ///< of the element: start, end, raw; lower case
  std::string_view text{};  ///< text: with character references; raw: the content of a <style>, …
  std::vector<HtmlAttribute> attributes{};  ///< at most 64; the first of a name is the one
  bool is_self_closing = false;

  /// The attribute's value, or null.
  [[nodiscard]] const std::string_view* find(std::string_view name) const;
};

class HtmlTokens {
 public:
  /// `html` outlives the tokens.
  explicit HtmlTokens(std::string_view html) : html_(html) {}
  HtmlToken next();

 private:
  [[nodiscard]] char at(std::size_t i) const { return i < html_.size() ? html_[i] : '\0'; }
  HtmlToken raw();
  HtmlToken tag(HtmlToken::Kind kind);
  void read_attributes(HtmlToken& token);
  void skip_markup();
  std::string_view html_;
  std::size_t at_ = 0;
  std::string raw_name_;  ///< the element whose content comes next and is no markup
};

/// Text with its character references decoded, those of mail at least: numbers, and the names of
/// Latin letters and common signs. Others stay as written.
std::string decode_references(std::string_view text);

}  // namespace sm::reading
