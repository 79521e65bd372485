#include "sealing/words.h"

#include <array>
#include <cstdlib>
#include <ctime>

namespace sm::sealing {
namespace {

using config::Method;
using Kind = Paragraph::Kind;

bool is_dutch(std::string_view language) {
  return language == "nl";
}

constexpr std::array kMonthsEn = {"January",   "February", "March",    "April",
                                  "May",       "June",     "July",     "August",
                                  "September", "October",  "November", "December"};
constexpr std::array kMonthsNl = {"januari",   "februari", "maart",    "april",
                                  "mei",       "juni",     "juli",     "augustus",
                                  "september", "oktober",  "november", "december"};

std::string how_it_opens(Method method, bool dutch) {
  switch (method) {
    case Method::sms:
      return dutch ? "Bij het openen sturen wij u een code per sms."
                   : "When you open it, we send you a code by text message.";
    case Method::email:
      return dutch ? "Bij het openen sturen wij u een code per e-mail."
                   : "When you open it, we send you a code by email.";
    case Method::password:
      return dutch ? "U opent het met het wachtwoord dat de afzender met u heeft afgesproken."
                   : "You open it with the password that the sender has agreed with you.";
  }
  return {};
}

/// Whom to ask, where the organisation says.
void add_contact(Letter& letter, const config::Organisation& organisation) {
  const auto& branding = organisation.branding;
  if (branding.phone.empty() && branding.email.empty() && branding.website.empty()) return;
  std::string text = is_dutch(letter.language) ? "Vragen? " : "Questions? ";
  text += organisation.name;
  for (const auto& way : {branding.phone, branding.email, branding.website}) {
    if (!way.empty()) text += ", " + way;
  }
  letter.paragraphs.push_back({Kind::text, text});
}

Letter letter_to(const config::Organisation& organisation, const LetterTo& to,
                 std::string subject) {
  return {.to = to.to,
          .language = to.language,
          .from_name = organisation.name,
          .subject = std::move(subject),
          .mail_id = to.mail_id,
          .date = to.date};
}

}  // namespace

std::string date_text(WallTime time, std::string_view language) {
  const std::time_t seconds =
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  std::tm here{};
  const bool is_known = ::localtime_r(&seconds, &here) != nullptr;
  return date_text(time, language, std::chrono::minutes(is_known ? here.tm_gmtoff / 60 : 0));
}

std::string date_text(WallTime utc, std::string_view language, std::chrono::minutes offset) {
  const auto time = utc + offset;
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::minutes>(time - day));
  const auto month = static_cast<unsigned>(date.month()) - 1;
  const auto two_digits = [](auto number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
  };
  const auto minutes = std::abs(offset.count());
  const std::string zone = minutes == 0 ? "UTC"
                                        : std::string(offset.count() < 0 ? "(UTC-" : "(UTC+") +
                                              two_digits(minutes / 60) + ":" +
                                              two_digits(minutes % 60) + ")";
  return std::to_string(static_cast<unsigned>(date.day())) + " " +
         std::string(is_dutch(language) ? kMonthsNl.at(month) : kMonthsEn.at(month)) + " " +
         std::to_string(static_cast<int>(date.year())) + ", " + two_digits(clock.hours().count()) +
         ":" + two_digits(clock.minutes().count()) + " " + zone;
}

std::string language_of(std::string_view first, std::string_view second) {
  for (const auto language : {first, second}) {
    if (language == "nl" || language == "en") return std::string(language);
  }
  return "en";
}

Letter notification_letter(const config::Organisation& organisation,
                           const Notification& notification) {
  const bool dutch = is_dutch(notification.language);
  const auto& name = notification.sender_name;
  const std::string who =
      name.empty() ? organisation.name : name + (dutch ? " van " : " of ") + organisation.name;
  Letter letter{
      .to = notification.to,
      .language = notification.language,
      .from_name = name.empty() ? organisation.name : name + " (" + organisation.name + ")",
      .mail_id = notification.mail_id,
      .date = notification.date};
  const auto until = date_text(notification.expires, notification.language);
  letter.subject = dutch ? "Beveiligd bericht van " + organisation.name
                         : "Secure message from " + organisation.name;
  letter.paragraphs = {
      {Kind::text, dutch ? "Er staat een beveiligd bericht voor u klaar van " + who + "."
                         : "A secure message from " + who + " is waiting for you."},
      {Kind::text, dutch ? "Open het met deze link:" : "Open it with this link:"},
      {Kind::link, std::string(as_text(notification.link->reveal()))},
      {Kind::text, how_it_opens(notification.method, dutch)},
      {Kind::text, dutch ? "De link is alleen voor u en werkt tot " + until + "."
                         : "The link is for you alone and works until " + until + "."}};
  add_contact(letter, organisation);
  return letter;
}

Letter code_letter(const config::Organisation& organisation, const LetterTo& to,
                   const CodeMessage& code) {
  const bool dutch = is_dutch(to.language);
  Letter letter = letter_to(organisation, to,
                            dutch ? "Uw code voor een bericht van " + organisation.name
                                  : "Your code for a message from " + organisation.name);
  letter.paragraphs = {
      {Kind::text, dutch ? "Uw code is:" : "Your code is:"},
      {Kind::code, std::string(as_text(code.code.reveal()))},
      {Kind::text, dutch ? "Kenmerk: " + code.reference : "Reference: " + code.reference},
      {Kind::text,
       dutch ? "De code werkt tien minuten, in de browser waarin u erom vroeg. Deel de code met "
               "niemand. Hebt u er niet om gevraagd, dan hoeft u niets te doen."
             : "The code works for ten minutes, in the browser in which you asked for it. Never "
               "share it. If you did not ask for it, there is nothing you need to do."}};
  add_contact(letter, organisation);
  return letter;
}

Letter number_letter(const config::Organisation& organisation, const LetterTo& to,
                     std::string_view recipient, std::string_view url, WallTime expires) {
  const bool dutch = is_dutch(to.language);
  Letter letter = letter_to(
      organisation, to,
      dutch ? "Telefoonnummer nodig voor uw bericht" : "A phone number is needed for your message");
  const std::string whom(recipient);
  letter.paragraphs = {
      {Kind::text,
       dutch
           ? "Uw bericht aan " + whom +
                 " kon niet veilig worden afgeleverd. Het staat "
                 "verzegeld klaar, en de ontvanger opent het met een code per sms. Daarvoor is het "
                 "mobiele nummer van de ontvanger nodig. Vul het hier in:"
           : "Your message to " + whom +
                 " could not be delivered safely. It is kept sealed, and "
                 "the recipient opens it with a code by text message. For this, the recipient's "
                 "mobile number is needed. Please enter it here:"},
      {Kind::link, std::string(url)},
      {Kind::text, dutch ? "De link werkt eenmaal, tot " + date_text(expires, to.language) +
                               ". Op dit bericht antwoorden heeft geen effect."
                         : "The link works once, until " + date_text(expires, to.language) +
                               ". Answering this mail has no effect."}};
  return letter;
}

Letter failure_letter(const config::Organisation& organisation, const LetterTo& to,
                      std::string_view recipient, std::string_view reason) {
  const bool dutch = is_dutch(to.language);
  Letter letter = letter_to(
      organisation, to,
      dutch ? "Niet bezorgd: uw beveiligde bericht" : "Not delivered: your secure message");
  const std::string whom(recipient);
  letter.paragraphs = {
      {Kind::text,
       dutch
           ? "Uw beveiligde bericht aan " + whom +
                 " is niet bezorgd: de kennisgeving kon niet "
                 "worden afgeleverd. Het bericht is niet meer te openen. Neem op een andere manier "
                 "contact op met de ontvanger."
           : "Your secure message to " + whom +
                 " was not delivered: its notification could not "
                 "be delivered. The message can no longer be opened. Please reach the recipient in "
                 "another way."},
      {Kind::text, (dutch ? "Reden: " : "Reason: ") + std::string(reason)}};
  return letter;
}

Letter unread_letter(const config::Organisation& organisation, const LetterTo& to,
                     std::string_view recipient, WallTime expires) {
  const bool dutch = is_dutch(to.language);
  Letter letter = letter_to(
      organisation, to,
      dutch ? "Nog niet geopend: uw beveiligde bericht" : "Not opened yet: your secure message");
  const std::string whom(recipient);
  const std::string when = date_text(expires, to.language);
  letter.paragraphs = {{Kind::text, dutch ? "Uw beveiligde bericht aan " + whom +
                                                " is nog niet geopend. Het verloopt " + when +
                                                " en wordt dan vernietigd."
                                          : "Your secure message to " + whom +
                                                " has not been opened yet. It expires " + when +
                                                " and is destroyed then."}};
  return letter;
}

Letter ended_letter(const config::Organisation& organisation, const LetterTo& to,
                    std::string_view recipient) {
  const bool dutch = is_dutch(to.language);
  Letter letter =
      letter_to(organisation, to,
                dutch ? "Ingetrokken: uw beveiligde bericht" : "Withdrawn: your secure message");
  const std::string whom(recipient);
  letter.paragraphs = {
      {Kind::text,
       dutch ? "De link naar uw beveiligde bericht aan " + whom +
                   " is ingetrokken: er zijn te "
                   "veel verkeerde codes of wachtwoorden ingevoerd. Overleg met de ontvanger en "
                   "verstuur "
                   "het zo nodig opnieuw."
             : "The link to your secure message to " + whom +
                   " was withdrawn: too many wrong codes "
                   "or passwords were entered. Please talk to the recipient and send it again if "
                   "needed."}};
  return letter;
}

Letter reply_letter(const config::Organisation& organisation, const LetterTo& to,
                    std::string_view recipient, std::string_view id) {
  const bool dutch = is_dutch(to.language);
  Letter letter =
      letter_to(organisation, to,
                dutch ? "Antwoord op uw beveiligde bericht" : "A reply to your secure message");
  const std::string whom(recipient);
  letter.paragraphs = {
      {Kind::text, dutch ? whom + " heeft uw beveiligde bericht beantwoord. Het antwoord staat "
                                  "verzegeld klaar; uw beheerder haalt het op met dit kenmerk:"
                         : whom + " has replied to your secure message. The reply is kept sealed; "
                                  "your administrator fetches it by this id:"},
      {Kind::link, std::string(id)}};
  letter.paragraphs.back().kind = Kind::code;
  return letter;
}

std::string files_text(std::string_view language, const std::vector<std::string>& names,
                       std::string_view url, WallTime expires) {
  const bool dutch = is_dutch(language);
  std::string out =
      dutch ? "Bestanden bij dit bericht:\r\n\r\n" : "Files with this message:\r\n\r\n";
  for (const auto& name : names)
    out += "  " + to_ascii(name) + "\r\n";
  const std::string when = date_text(expires, language);
  out += dutch ? "\r\nOphalen:\r\n" : "\r\nDownload:\r\n";
  out += std::string(url) + "\r\n\r\n";
  return out + (dutch ? "Beschikbaar tot " + when + ". De link is alleen voor u.\r\n"
                      : "Available until " + when + ". The link is for you alone.\r\n");
}

std::string code_text(const config::Organisation& organisation, const CodeMessage& code) {
  const std::string digits(as_text(code.code.reveal()));
  const std::string name = to_ascii(organisation.name);
  if (is_dutch(code.language)) {
    return name + ": uw code is " + digits + ", kenmerk " + code.reference +
           ". Deel deze code met niemand.";
  }
  return name + ": your code is " + digits + ", reference " + code.reference +
         ". Never share this code.";
}

}  // namespace sm::sealing
