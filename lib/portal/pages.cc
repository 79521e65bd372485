#include "portal/pages.h"

#include <kainjow/mustache.hpp>

#include "base/text.h"
#include "reading/html.h"

namespace sm::portal {
namespace {

using kainjow::mustache::mustache;
using Values = kainjow::mustache::data;

Values values_of(const View& view);

Values value_of(const View::Value& value) {
  if (const auto* is_so = std::get_if<bool>(&value)) return *is_so;
  if (const auto* text = std::get_if<std::string>(&value)) {
    // An empty text is false: {{#x}}…{{/x}} shows what is there.
    return text->empty() ? Values(false) : Values(*text);
  }
  Values list(Values::type::list);
  for (const auto& view : std::get<std::vector<View>>(value))
    list << values_of(view);
  return list;
}

Values values_of(const View& view) {
  Values values;
  for (const auto& [name, value] : view.values())
    values.set(name, value_of(value));
  return values;
}

/// Parsed once for each thread: rendering changes a template's own state.
std::string render(std::string_view text, const Values& values) {
  thread_local std::map<const char*, mustache> parsed;
  const auto found = parsed.try_emplace(text.data(), std::string(text)).first;
  return found->second.render(values);
}

std::string digits_of(std::string_view phone) {
  std::string digits;
  for (const char c : phone) {
    if (is_digit(c) || (c == '+' && digits.empty())) digits += c;
  }
  return digits;
}

bool is_web_address(std::string_view text) {
  return text.starts_with("https://") || text.starts_with("http://");
}

}  // namespace

const std::string_view kPagePolicy =
    "default-src 'none'; script-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const std::string_view kFilePolicy = "default-src 'none'; sandbox; frame-ancestors 'none'";

void add_safety_headers(Answer& answer, std::string_view policy) {
  answer.header("Content-Security-Policy", std::string(policy))
      .header("X-Content-Type-Options", "nosniff")
      .header("Referrer-Policy", "no-referrer")
      .header("Cache-Control", "no-store")
      .header("Strict-Transport-Security", "max-age=31536000")
      .header("Cross-Origin-Opener-Policy", "same-origin")
      .header("Cross-Origin-Resource-Policy", "same-origin")
      .header("Permissions-Policy",
              "camera=(), microphone=(), geolocation=(), interest-cohort=(), browsing-topics=()")
      .header("X-Robots-Tag", "noindex, nofollow, noarchive");
}

Answer page(Template which, const Setting& setting, View view, unsigned status) {
  const auto& brand = *setting.brand;
  view.set("lang", setting.language)
      .set("en", setting.language != "nl")
      .set("nl", setting.language == "nl")
      .set("can_switch", setting.can_switch)
      .set("org", brand.name)
      .set("style_path", setting.prefix + brand.style_path)
      .set("logo_path", brand.logo_path.empty() ? "" : setting.prefix + brand.logo_path)
      .set("icon_path", setting.prefix + std::string(setting.icon_path))
      .set("phone", brand.phone)
      .set("phone_link", digits_of(brand.phone))
      .set("email", brand.email)
      .set("website", is_web_address(brand.website) ? brand.website : "")
      .set("has_contact",
           !brand.phone.empty() || !brand.email.empty() || is_web_address(brand.website));
  auto values = values_of(view);
  values.set("errors", render(errors_template(), values));
  const auto& text = text_of(which);
  values.set("content", render(text.body, values));
  std::string title = render(text.title, values);
  if (view.values().contains("problem")) {
    title = (setting.language == "nl" ? "Fout: " : "Error: ") + title;
  }
  if (!brand.name.empty()) title += " – " + reading::escape_html(brand.name);
  values.set("title", title);
  Answer answer{.status = status};
  answer.body = render(text_of(Template::layout).body, values);
  answer.header("Content-Type", "text/html; charset=utf-8")
      .header("Content-Language", setting.language)
      .header("Vary", "Accept-Language, Cookie")
      .header("X-Frame-Options", "DENY");
  add_safety_headers(answer, kPagePolicy);
  return answer;
}

}  // namespace sm::portal
