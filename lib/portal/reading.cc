// What a verified session reads, takes along, and ends.

#include <algorithm>

#include "portal/call.h"
#include "portal/download.h"
#include "reading/render.h"
#include "sealing/words.h"

namespace sm::portal {
namespace {

/// The date as its sender's clock had it, in the reader's language; as written where it is none.
std::string date_of(const reading::Page& page, const std::string& language) {
  if (!page.sent) return page.date;
  return sealing::date_text(WallTime(page.sent->time), language, page.sent->offset);
}

// Without scripts a frame cannot grow with its content: its height is guessed from its text.
constexpr std::size_t kShort = 400;
constexpr std::size_t kLong = 2500;
constexpr std::size_t kCharactersInLine = 60;
constexpr std::size_t kCharactersOfImages = 1500;

/// Characters, each line counted as a whole one, images as many.
std::size_t extent_of(const reading::Page& page) {
  const auto lines = static_cast<std::size_t>(std::count(page.text.begin(), page.text.end(), '\n'));
  const bool has_images =
      page.html_document && page.html_document->find("<img") != std::string::npos;
  return page.text.size() + lines * kCharactersInLine / 2 + (has_images ? kCharactersOfImages : 0);
}

}  // namespace

Answer Call::message() {
  auto read = this->read();
  if (auto* answer = std::get_if<Answer>(&read)) return std::move(*answer);
  auto& reading = std::get<Reading>(read);
  const auto language = setting().language;
  auto shown = reading::render(*reading.envelope, {.language = language});
  if (!shown) return problem(shown.error());
  std::vector<View> files;
  for (const auto& file : shown->attachments) {
    View row;
    row.set("part", std::to_string(file.part))
        .set("name", file.name)
        .set("size", size_text(file.size, language == "nl" ? ',' : '.'));
    files.push_back(std::move(row));
  }
  const bool has_files = !files.empty();
  View view;
  view.set("subject", shown->subject)
      .set("is_files", reading.is_files)
      .set("sender", reading.sender_name)
      .set("from", shown->from.empty() ? reading.sender_name : shown->from)
      .set("to", shown->to)
      .set("cc", shown->cc)
      .set("date", date_of(*shown, language))
      .set("expires", sealing::date_text(reading.expires, language))
      .set("text", shown->text)
      .set("has_html", shown->html_document.has_value())
      .set("is_short", extent_of(*shown) < kShort)
      .set("is_long", extent_of(*shown) > kLong)
      .set("has_blocked_images", shown->has_blocked_images)
      .set("is_complete", shown->is_complete)
      .set("is_once", reading.is_once)
      .set("has_files", has_files)
      .set("files", std::move(files))
      .set("sandbox", std::string(reading::kFrameSandbox))
      .set("may_reply", reading.may_reply)
      .set("leave_nonce", nonce("leave"));
  return show(Template::message, std::move(view));
}

/// The message's own HTML, for the frame on its page.
Answer Call::document() {
  auto read = this->read();
  if (auto* answer = std::get_if<Answer>(&read)) return std::move(*answer);
  auto& reading = std::get<Reading>(read);
  const auto language = setting().language;
  auto shown = reading::render(
      *reading.envelope, {.language = language, .title = language == "nl" ? "Bericht" : "Message"});
  if (!shown) return problem(shown.error());
  if (!shown->html_document) return unavailable();
  Answer answer;
  answer.body = std::move(*shown->html_document);
  answer.header("Content-Type", "text/html; charset=utf-8").header("X-Frame-Options", "SAMEORIGIN");
  add_safety_headers(answer, reading::kDocumentPolicy);
  return answer;
}

Answer Call::file() {
  auto read = this->read();
  if (auto* answer = std::get_if<Answer>(&read)) return std::move(*answer);
  auto answer = part_download(std::move(std::get<Reading>(read)), place_.part, request_);
  if (!answer) return problem(answer.error());
  return *answer ? std::move(**answer) : unavailable();
}

Answer Call::whole_mail() {
  auto read = this->read();
  if (auto* answer = std::get_if<Answer>(&read)) return std::move(*answer);
  auto answer = mail_download(std::move(std::get<Reading>(read)));
  return answer ? std::move(*answer) : problem(answer.error());
}

Answer Call::archive() {
  auto read = this->read();
  if (auto* answer = std::get_if<Answer>(&read)) return std::move(*answer);
  auto answer = zip_download(std::move(std::get<Reading>(read)), staff_.clock());
  return answer ? std::move(*answer) : problem(answer.error());
}

Answer Call::ask_done() {
  auto read = this->read();
  if (auto* answer = std::get_if<Answer>(&read)) return std::move(*answer);
  View view;
  view.set("done_nonce", nonce("done"));
  return show(Template::done, std::move(view));
}

Answer Call::done() {
  if (!own_form("done")) return stale();
  auto read = this->read();
  if (auto* answer = std::get_if<Answer>(&read)) return std::move(*answer);
  if (auto ended = staff_.access.saved(std::get<Reading>(read)); !ended) {
    return problem(ended.error());
  }
  Answer answer = show(Template::destroyed);
  drop_cookie(answer);
  return answer;
}

Answer Call::leave() {
  if (!own_form("leave")) return stale();
  auto visit = staff_.access.find(*token_);
  if (!visit) return problem(visit.error());
  if (auto gone = staff_.access.leave(*cookie_); !gone) return problem(gone.error());
  if (!*visit || !is_at_home((*visit)->org)) return unavailable();
  see_organisation((*visit)->org, (*visit)->language);
  View view;
  view.set("expires", sealing::date_text((*visit)->expires, setting().language));
  Answer answer = show(Template::left, std::move(view));
  drop_cookie(answer);
  return answer;
}

}  // namespace sm::portal
