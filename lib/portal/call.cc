#include "portal/call.h"

#include <array>

#include "base/encoding.h"
#include "base/text.h"
#include "portal/fields.h"
#include "sealing/words.h"

namespace sm::portal {
namespace {

constexpr std::string_view kLanguageCookie = "__Host-language";
/// Same life as a session's (sealing/access.h).
constexpr std::string_view kSessionCookie =
    "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=14400";

std::string_view language_in(std::string_view text) {
  return text == "nl" || text == "en" ? text : std::string_view();
}

}  // namespace

Place place_of(std::string_view path) {
  if (path == "/robots.txt") return {.kind = Place::Kind::robots};
  if (path.starts_with("/a/")) return {.kind = Place::Kind::asset};
  Place place;
  if (path.starts_with(sealing::kLinkPath)) {
    place.kind = Place::Kind::link;
    path.remove_prefix(sealing::kLinkPath.size());
  } else if (path.starts_with(sealing::kNumberPath)) {
    place.kind = Place::Kind::number;
    path.remove_prefix(sealing::kNumberPath.size());
  } else {
    return {};
  }
  const auto pieces = split(path, '/');
  place.token = pieces[0];
  if (pieces.size() > 1) place.act = pieces[1];
  const bool is_file = place.act == "file" && pieces.size() == 3;
  if (is_file) place.part = parse_decimal(pieces[2], 1'000'000).value_or(0);
  const bool is_place = pieces.size() == 1 || is_file ||
                        (pieces.size() == 2 && !place.act.empty() && place.act != "file" &&
                         place.kind == Place::Kind::link);
  return is_place ? place : Place{};
}

Call::Call(Portal& portal, Staff& staff, const Request& request)
    : portal_(portal), staff_(staff), request_(request) {
  const auto prefix = portal.prefixes_.find(request.host);
  if (prefix != portal.prefixes_.end()) prefix_ = prefix->second;
  const auto path = std::string_view(request.path);
  if (path == "/healthz") {
    place_.kind = Place::Kind::health;
  } else if (path.starts_with(prefix_)) {
    place_ = place_of(path.substr(prefix_.size()));
  }
  if (place_.kind == Place::Kind::link || place_.kind == Place::Kind::number) {
    token_ = sealing::parse_token(place_.token);
    if (!token_) place_ = {};
  }
  if (token_) {
    const bool is_link = place_.kind == Place::Kind::link;
    base_ =
        prefix_ + std::string(is_link ? sealing::kLinkPath : sealing::kNumberPath) + place_.token;
    cookie_name_ = "__Host-" + std::string(is_link ? "m-" : "n-") + to_base64url(token_->label());
    if (const auto text = find_cookie(request.cookies, cookie_name_)) {
      cookie_ = sealing::CookieSecret::parse(*text);
    }
    if (!cookie_) {
      cookie_ = sealing::CookieSecret::fresh();
      is_new_cookie_ = true;
    }
  }
  language_ = language_in(request.lang);
  chose_language_ = !language_.empty();
  if (language_.empty()) {
    language_ = language_in(find_cookie(request.cookies, kLanguageCookie).value_or(""));
  }
  if (language_.empty()) language_ = preferred_language(request.accept_language);
}

/// What comes without a language of its own speaks the recipient's, or the organisation's.
void Call::see_organisation(const std::string& org, const std::string& recipient_language) {
  org_ = org;
  if (language_.empty()) language_ = language_in(recipient_language);
  if (language_.empty()) language_ = staff_.office().organisation(org).sealing.language;
}

/// Nothing crosses between organisations: a link works at its own portal's host only.
bool Call::is_at_home(const std::string& org) const {
  const auto portal = staff_.office().organisation(org).sealing.portal;
  return !portal.empty() && Portal::address_of(portal).host == request_.host;
}

Setting Call::setting() const {
  return {.language = language_ == "nl" ? "nl" : "en",
          .brand = &portal_.branding_.brand(org_),
          .icon_path = portal_.branding_.icon_path(),
          .prefix = prefix_};
}

Answer Call::show(Template which, View view, unsigned status) {
  view.set("base", base_);
  return page(which, setting(), std::move(view), status);
}

/// Nobody's name is on it: it is the same for all that cannot be had.
Answer Call::unavailable() {
  org_.clear();
  is_new_cookie_ = false;
  return show(Template::unavailable, {}, 404);
}

Answer Call::problem(const Error& error) {
  staff_.house.complain(error);
  View view;
  view.set("is_ours", true);
  Answer answer = show(Template::problem, std::move(view), 503);
  return std::move(answer.header("Retry-After", "60"));
}

Answer Call::stale() {
  return show(Template::stale, {}, 403);
}

Answer Call::redirect(const std::string& path) {
  Answer answer{.status = 303};
  answer.header("Location", path);
  add_safety_headers(answer, kPagePolicy);
  return answer;
}

std::string Call::nonce(std::string_view form) {
  return cookie_->form_nonce(std::string(form) + " " + cookie_name_, staff_.clock());
}

bool Call::comes_from_elsewhere() const {
  // Our pages send no referrer, so that a browser's Origin for their forms is "null".
  const bool is_other_site = !request_.fetch_site.empty() && request_.fetch_site != "same-origin";
  const bool is_other_origin =
      !request_.origin.empty() && request_.origin != "null" &&
      canonical_host(request_.origin.substr(request_.origin.find("://") == std::string::npos
                                                ? 0
                                                : request_.origin.find("://") + 3)) !=
          request_.host;
  return is_other_site || is_other_origin;
}

bool Call::is_ours(std::string_view form, std::string_view given) const {
  return !is_new_cookie_ && !comes_from_elsewhere() &&
         cookie_->is_form_nonce(given, std::string(form) + " " + cookie_name_, staff_.clock());
}

std::optional<Form> Call::own_form(std::string_view form) {
  if (!starts_with_ignoring_case(request_.content_type, "application/x-www-form-urlencoded")) {
    return std::nullopt;
  }
  auto fields = parse_form(request_.form.reveal());
  if (!fields) return std::nullopt;
  const auto given = fields->find("nonce");
  if (given == fields->end() || !is_ours(form, as_text(given->second.reveal()))) {
    return std::nullopt;
  }
  return fields;
}

void Call::set_cookie(Answer& answer, const sealing::CookieSecret& secret) {
  const auto text = secret.text();
  answer.header("Set-Cookie", cookie_name_ + "=" + std::string(as_text(text.reveal())) +
                                  std::string(kSessionCookie));
  is_new_cookie_ = false;
}

void Call::drop_cookie(Answer& answer) {
  answer.header("Set-Cookie",
                cookie_name_ + "=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
  is_new_cookie_ = false;
}

/// The cookies that go with whatever was answered. The first page sets the session's, which the
/// store learns of only by a POST.
Answer Call::dress(Answer answer) {
  const bool is_page = place_.kind == Place::Kind::link || place_.kind == Place::Kind::number;
  if (is_page && is_new_cookie_ && request_.reads_only() && answer.status == 200) {
    set_cookie(answer, *cookie_);
  }
  if (is_page && chose_language_) {
    answer.header("Set-Cookie", std::string(kLanguageCookie) + "=" + language_ +
                                    "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=2592000");
  }
  return answer;
}

std::variant<sealing::Reading, Answer> Call::read() {
  if (!is_new_cookie_) {
    auto reading = staff_.access.resume(*cookie_);
    if (!reading) return problem(reading.error());
    if (*reading) {
      see_organisation((*reading)->org, (*reading)->language);
      if (!is_at_home(org_)) return unavailable();
      // Nothing of a message leaves before the log knows that it was opened; verifying told it.
      if (request_.verb != Verb::head) {
        if (auto opened = staff_.access.opened(**reading); !opened) return problem(opened.error());
      }
      return std::move(**reading);
    }
  }
  auto visit = staff_.access.find(*token_);
  if (!visit) return problem(visit.error());
  if (!*visit || !is_at_home((*visit)->org)) return unavailable();
  return redirect(base_);
}

Answer Call::asset() {
  const auto path = std::string_view(request_.path).substr(prefix_.size());
  const auto* found = portal_.branding_.find(path);
  if (found == nullptr || request_.verb == Verb::post) return unavailable();
  Answer answer;
  answer.body = found->bytes;
  answer.header("Content-Type", found->type)
      .header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
      .header("X-Content-Type-Options", "nosniff")
      .header("Referrer-Policy", "no-referrer")
      .header("Strict-Transport-Security", "max-age=31536000")
      .header("Cross-Origin-Resource-Policy", "same-origin")
      .header("Cache-Control", "public, max-age=31536000, immutable");
  return answer;
}

Answer Call::health() {
  Answer answer;
  auto looked = staff_.office().index->prepare("SELECT 1");
  const bool is_well = looked && looked->row();
  answer.status = is_well ? 200 : 503;
  answer.body = is_well ? "ok\n" : "the database does not answer\n";
  answer.header("Content-Type", "text/plain; charset=utf-8");
  add_safety_headers(answer, kFilePolicy);
  return answer;
}

std::optional<Answer> Call::route() {
  using Act = Answer (Call::*)();
  struct Way {
    std::string_view act;
    Act get;   ///< and HEAD; null: back to the link's page
    Act post;  ///< null: there is nothing to post here
  };
  constexpr std::array kWays = {
      Way{"", &Call::welcome, nullptr},
      Way{"send", nullptr, &Call::send_code},
      Way{"code", nullptr, &Call::judge_code},
      Way{"password", nullptr, &Call::judge_password},
      Way{"enter", nullptr, &Call::enter},
      Way{"message", &Call::message, nullptr},
      Way{"html", &Call::document, nullptr},
      Way{"file", &Call::file, nullptr},
      Way{"message.eml", &Call::whole_mail, nullptr},
      Way{"all.zip", &Call::archive, nullptr},
      Way{"reply", &Call::reply_form, nullptr},
      Way{"replied", &Call::replied, nullptr},
      Way{"done", &Call::ask_done, &Call::done},
      Way{"leave", nullptr, &Call::leave},
  };
  for (const auto& way : kWays) {
    if (way.act != place_.act) continue;
    const auto act = request_.reads_only() ? way.get : way.post;
    if (act != nullptr) return (this->*act)();
    return request_.reads_only() ? redirect(base_) : std::optional<Answer>();
  }
  return std::nullopt;
}

Answer Call::answer() {
  switch (place_.kind) {
    case Place::Kind::health:
      return health();
    case Place::Kind::asset:
      return asset();
    case Place::Kind::robots: {
      Answer answer;
      answer.body = "User-agent: *\nDisallow: /\n";
      answer.header("Content-Type", "text/plain; charset=utf-8");
      add_safety_headers(answer, kFilePolicy);
      return answer;
    }
    case Place::Kind::number:
      return dress(request_.reads_only() ? number() : set_number());
    case Place::Kind::link: {
      auto answer = route();
      return dress(answer ? std::move(*answer) : unavailable());
    }
    case Place::Kind::nothing:
      break;
  }
  return unavailable();
}

}  // namespace sm::portal
