#pragma once
// The pages' templates (mustache), each with its words in English and Dutch side by side:
// {{#en}}…{{/en}}{{#nl}}…{{/nl}}. {{x}} is escaped; {{{x}}} stands only for what this program made
// itself.

#include <string_view>

namespace sm::portal {

enum class Template {
  layout,
  welcome,      ///< the link's first page: who sent it, what will be asked
  locked,       ///< too many wrong attempts
  unavailable,  ///< unknown, expired, revoked, deleted, ended: one page
  message,
  reply,
  replied,
  done,  ///< "I have saved it, destroy it now": asks once more
  destroyed,
  left,    ///< logged out
  number,  ///< the sender is asked for a phone number
  number_set,
  stale,    ///< a form that was too old, or came without its cookie
  problem,  ///< 4xx and 5xx
};

struct TemplateText {
  std::string_view title;  ///< a template too: what stands in the window's title
  std::string_view body;
};
const TemplateText& text_of(Template which);
/// The summary of what is wrong with a form, with links to its fields.
std::string_view errors_template();

}  // namespace sm::portal
