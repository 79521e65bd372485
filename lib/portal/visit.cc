// The link's first page: who sent the message, what will be asked, and the judging of the answer.

#include <algorithm>

#include "portal/call.h"
#include "sealing/words.h"

namespace sm::portal {
namespace {

using config::Method;

bool is_dutch(const std::string& language) {
  return language == "nl";
}

std::string wait_text(std::chrono::seconds left, bool dutch) {
  const auto minutes = std::chrono::ceil<std::chrono::minutes>(left).count();
  if (left < std::chrono::seconds(60)) {
    const auto seconds = std::max<std::int64_t>(1, left.count());
    if (dutch) return std::to_string(seconds) + (seconds == 1 ? " seconde" : " seconden");
    return std::to_string(seconds) + (seconds == 1 ? " second" : " seconds");
  }
  if (dutch) return std::to_string(minutes) + (minutes == 1 ? " minuut" : " minuten");
  return std::to_string(minutes) + (minutes == 1 ? " minute" : " minutes");
}

std::string not_sent_text(const std::string& reason, bool dutch) {
  if (reason == "method-too-weak") {
    return dutch ? "Wij kunnen u geen code sturen: de weg naar uw e-mail is nu niet veilig genoeg. "
                   "Probeer het later weer of vraag de afzender om een andere manier."
                 : "We cannot send you a code: the way to your email is not safe enough now. Try "
                   "again later, or ask the sender for another way.";
  }
  return dutch ? "De code kon niet worden verstuurd. Probeer het over een minuut weer."
               : "The code could not be sent. Please try again in a minute.";
}

}  // namespace

Answer Call::welcome() {
  auto visit = staff_.access.find(*token_, is_new_cookie_ ? nullptr : &*cookie_);
  if (!visit) return problem(visit.error());
  if (!*visit) {
    // Read to its end, and within the time for interrupted downloads: the session still holds.
    if (is_new_cookie_) return unavailable();
    auto live = staff_.access.is_live(cookie_->id());
    if (!live) return problem(live.error());
    return *live ? redirect(base_ + "/message") : unavailable();
  }
  if (!is_at_home((*visit)->org)) return unavailable();
  see_organisation((*visit)->org, (*visit)->language);
  if ((*visit)->locked.count() > 0) return locked((*visit)->locked, 200);
  if (!is_new_cookie_) {
    auto live = staff_.access.is_live(cookie_->id());
    if (!live) return problem(live.error());
    if (*live) return redirect(base_ + "/message");
  }
  View view;
  view.set("is_late", request_.note == "late");
  return welcome(**visit, std::move(view), 200);
}

Answer Call::welcome(const sealing::Visit& visit, View view, unsigned status) {
  see_organisation(visit.org, visit.language);
  const auto& brand = *setting().brand;
  const bool by_code = !visit.asks_nothing && visit.method != Method::password;
  const bool has_code = by_code && visit.has_code;
  view.set("by_code", by_code)
      .set("by_password", !visit.asks_nothing && !by_code)
      .set("asks_nothing", visit.asks_nothing)
      .set("is_files", visit.is_files)
      .set("enter_nonce", nonce("enter"))
      .set("is_first", by_code ? !has_code : true)
      .set("by_sms", visit.method == Method::sms)
      .set("last_step", by_code ? "3" : "2")
      .set("sender", visit.sender_name)
      .set("names_org", visit.sender_name != brand.name)
      .set("target", visit.masked_target)
      .set("reference", visit.reference)
      .set("expires", sealing::date_text(visit.expires, setting().language))
      .set("send_nonce", nonce("send"))
      .set("code_nonce", nonce("code"))
      .set("password_nonce", nonce("password"));
  return show(Template::welcome, std::move(view), status);
}

Answer Call::locked(std::chrono::seconds left, unsigned status) {
  auto visit = staff_.access.find(*token_);
  if (!visit) return problem(visit.error());
  if (!*visit || !is_at_home((*visit)->org)) return unavailable();
  see_organisation((*visit)->org, (*visit)->language);
  View view;
  view.set("wait", wait_text(left, is_dutch(setting().language)))
      .set("expires", sealing::date_text((*visit)->expires, setting().language));
  Answer answer = show(Template::locked, std::move(view), status);
  if (status == 429) answer.header("Retry-After", std::to_string(left.count()));
  return answer;
}

Answer Call::send_code() {
  if (!own_form("send")) return stale();
  auto started = staff_.access.start(*token_, *cookie_, setting().language);
  if (!started) return problem(started.error());
  if (std::holds_alternative<sealing::Unavailable>(*started)) return unavailable();
  if (const auto* is_locked = std::get_if<sealing::Locked>(&*started)) {
    return locked(is_locked->left, 429);
  }
  if (const auto* sent = std::get_if<sealing::CodeOnItsWay>(&*started)) {
    return redirect(base_ + (sent->is_certain ? "" : "?note=late"));
  }
  auto visit = staff_.access.find(*token_, &*cookie_);
  if (!visit) return problem(visit.error());
  if (!*visit) return unavailable();
  see_organisation((*visit)->org, (*visit)->language);
  const bool dutch = is_dutch(setting().language);
  View view;
  if (const auto* soon = std::get_if<sealing::TooSoon>(&*started)) {
    view.set("problem",
             (dutch ? "U kunt een nieuwe code vragen over " : "You can ask for a new code in ") +
                 wait_text(soon->wait, dutch) + ".");
    Answer answer = welcome(**visit, std::move(view), 429);
    return std::move(answer.header("Retry-After", std::to_string(soon->wait.count())));
  }
  const auto& failed = std::get<sealing::CodeNotSent>(*started);
  view.set("problem", not_sent_text(failed.reason, dutch));
  return welcome(**visit, std::move(view), 503);
}

Answer Call::judge_code() {
  auto form = own_form("code");
  if (!form) return stale();
  const auto typed = form->find("code");
  const auto text = typed == form->end() ? std::string_view() : as_text(typed->second.reveal());
  return judged(staff_.access.judge_code(*token_, *cookie_, text), true);
}

Answer Call::judge_password() {
  auto form = own_form("password");
  if (!form) return stale();
  auto typed = form->find("password");
  Secret text = typed == form->end() ? Secret() : std::move(typed->second);
  return judged(staff_.access.judge_password(*token_, *cookie_, std::move(text)), false);
}

/// Files whose link came inside a verified mail: a press of a button is all.
Answer Call::enter() {
  if (!own_form("enter")) return stale();
  return judged(staff_.access.enter(*token_, *cookie_), false);
}

Answer Call::judged(Result<sealing::JudgeAnswer> judged, bool is_code) {
  if (!judged) return problem(judged.error());
  if (const auto* is_locked = std::get_if<sealing::Locked>(&*judged)) {
    return locked(is_locked->left, 429);
  }
  if (const auto* failure = std::get_if<sealing::Wrong>(&*judged)) {
    return wrong(failure->left, is_code);
  }
  if (std::holds_alternative<sealing::NoCode>(*judged)) return wrong(0, is_code);
  auto* verified = std::get_if<sealing::Verified>(&*judged);
  if (verified == nullptr) return unavailable();
  // From here on it is read, as the person's own POST has it: what follows are GETs, which change
  // nothing.
  auto reading = staff_.access.resume(verified->cookie);
  if (!reading) return problem(reading.error());
  if (!*reading || !is_at_home((*reading)->org)) return unavailable();
  if (auto opened = staff_.access.opened(**reading); !opened) return problem(opened.error());
  Answer answer = redirect(base_ + "/message");
  set_cookie(answer, verified->cookie);
  return answer;
}

/// `left` 0: there is no code to compare with.
Answer Call::wrong(int left, bool is_code) {
  auto visit = staff_.access.find(*token_, &*cookie_);
  if (!visit) return problem(visit.error());
  if (!*visit || !is_at_home((*visit)->org)) return unavailable();
  see_organisation((*visit)->org, (*visit)->language);
  const bool dutch = is_dutch(setting().language);
  std::string text;
  if (left == 0) {
    text = dutch ? "Deze code geldt niet meer. Vraag een nieuwe aan."
                 : "This code is not valid any more. Ask for a new one.";
  } else {
    text = is_code ? (dutch ? "Deze code klopt niet." : "This code is not right.")
                   : (dutch ? "Dit wachtwoord klopt niet." : "This password is not right.");
    const auto count = std::to_string(left);
    if (dutch) {
      text += left == 1 ? " U kunt het nog 1 keer proberen."
                        : " U kunt het nog " + count + " keer proberen.";
    } else {
      text += left == 1 ? " You have 1 attempt left." : " You have " + count + " attempts left.";
    }
  }
  View view;
  view.set("problem", text);
  if (left > 0) {
    view.set("code_problem", text).set("problem_field", is_code ? "code" : "password");
  }
  return welcome(**visit, std::move(view), 403);
}

}  // namespace sm::portal
