// The form that asks a sender for a recipient's phone number.

#include "base/text.h"
#include "portal/call.h"
#include "sealing/words.h"

namespace sm::portal {
namespace {

View view_of(const sealing::NumberRequest& asked, const std::string& language) {
  View view;
  view.set("address", asked.recipient_address)
      .set("expires", sealing::date_text(asked.expires, language));
  return view;
}

}  // namespace

Answer Call::number() {
  auto asked = staff_.numbers.find(*token_);
  if (!asked) return problem(asked.error());
  if (!*asked || !is_at_home((*asked)->org)) return unavailable();
  see_organisation((*asked)->org, "");
  auto view = view_of(**asked, setting().language);
  view.set("number_nonce", nonce("number"));
  return show(Template::number, std::move(view));
}

Answer Call::set_number() {
  auto form = own_form("number");
  if (!form) return stale();
  auto asked = staff_.numbers.find(*token_);
  if (!asked) return problem(asked.error());
  if (!*asked || !is_at_home((*asked)->org)) return unavailable();
  see_organisation((*asked)->org, "");
  const auto typed = form->find("phone");
  const std::string text(typed == form->end() ? std::string_view()
                                              : as_text(typed->second.reveal()));
  const auto phone = sealing::parse_phone(text);
  const bool dutch = setting().language == "nl";
  if (!phone) {
    const std::string wrong =
        dutch ? "Vul het nummer in met het landnummer, bijvoorbeeld +31 6 12345678."
              : "Give the number with the country's code, for example +31 6 12345678.";
    auto view = view_of(**asked, setting().language);
    view.set("problem", wrong)
        .set("problem_field", "phone")
        .set("number_problem", wrong)
        .set("typed", to_valid_utf8(text).substr(0, 40))
        .set("number_nonce", nonce("number"));
    return show(Template::number, std::move(view), 422);
  }
  auto set = staff_.numbers.set(*token_, *phone);
  if (!set) return problem(set.error());
  if (!*set) return unavailable();
  View view;
  view.set("target", sealing::masked_phone(*phone));
  Answer answer = show(Template::number_set, std::move(view));
  answer.follow_up = (*asked)->message;
  return answer;
}

}  // namespace sm::portal
