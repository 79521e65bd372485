#pragma once
// Pages: a template and what stands in it become an Answer, with every header that a page must
// have.

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "portal/branding.h"
#include "portal/exchange.h"
#include "portal/templates.h"

namespace sm::portal {

/// What a template's names stand for. A missing one is false and empty.
class View {
 public:
  using Value = std::variant<bool, std::string, std::vector<View>>;
  View& set(std::string name, std::string text) {
    values_[std::move(name)] = std::move(text);
    return *this;
  }
  View& set(std::string name, const char* text) { return set(std::move(name), std::string(text)); }
  View& set(std::string name, bool is_so) {
    values_[std::move(name)] = is_so;
    return *this;
  }
  View& set(std::string name, std::vector<View> list) {
    values_[std::move(name)] = std::move(list);
    return *this;
  }
  [[nodiscard]] const std::map<std::string, Value>& values() const { return values_; }

 private:
  std::map<std::string, Value> values_;
};

/// In which language and whose.
struct Setting {
  std::string language = "en";
  const Brand* brand = nullptr;
  std::string icon_path{};
  std::string
      prefix{};  ///< the portal's path at its host, before every path of a page; may be empty
  bool can_switch = true;  ///< the page can be had again by GET: it links to the other language
};

/// Renders. Safe for many threads.
Answer page(Template which, const Setting& setting, View view, unsigned status = 200);

/// RULES: on every answer. `policy` is its Content-Security-Policy.
void add_safety_headers(Answer& answer, std::string_view policy);
/// The policy of our own pages: a style sheet, images and a frame of ours, forms to ourselves.
extern const std::string_view kPagePolicy;
/// Of what is only to be saved.
extern const std::string_view kFilePolicy;

}  // namespace sm::portal
