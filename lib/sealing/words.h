#pragma once
// What our own mail and text messages say, in English and Dutch. Nothing of a message is in any of
// them: no subject, no content.

#include <string>
#include <string_view>

#include "sealing/code.h"
#include "sealing/letter.h"

namespace sm::sealing {

/// "21 November 2026, 10:00 UTC", "21 november 2026, 11:00 (UTC+01:00)": by this machine's own time
/// zone, which is the organisation's.
std::string date_text(WallTime time, std::string_view language);
/// By a clock that is so far from UTC.
std::string date_text(WallTime utc, std::string_view language, std::chrono::minutes offset);
/// "en" or "nl": the first of these that is one of them; else "en".
std::string language_of(std::string_view first, std::string_view second);

Letter notification_letter(const config::Organisation& organisation,
                           const Notification& notification);

/// What the letters to a sender, and those with a code, have in common.
struct LetterTo {
  name::Mailbox to;
  std::string language;
  std::string mail_id;
  WallTime date{};
};

Letter code_letter(const config::Organisation& organisation, const LetterTo& to,
                   const CodeMessage& code);
/// `url`: the form that asks for the number.
Letter number_letter(const config::Organisation& organisation, const LetterTo& to,
                     std::string_view recipient, std::string_view url, WallTime expires);
Letter failure_letter(const config::Organisation& organisation, const LetterTo& to,
                      std::string_view recipient, std::string_view reason);
Letter unread_letter(const config::Organisation& organisation, const LetterTo& to,
                     std::string_view recipient, WallTime expires);
Letter ended_letter(const config::Organisation& organisation, const LetterTo& to,
                    std::string_view recipient);
/// Word of a reply whose content does not come along. `id`: for smretain get.
Letter reply_letter(const config::Organisation& organisation, const LetterTo& to,
                    std::string_view recipient, std::string_view id);

/// What stands in a mail below its own text, where files go along by a link: ASCII, CRLF.
std::string files_text(std::string_view language, const std::vector<std::string>& names,
                       std::string_view url, WallTime expires);

/// The text of an SMS with a code: ASCII, one segment as far as the name allows.
std::string code_text(const config::Organisation& organisation, const CodeMessage& code);

}  // namespace sm::sealing
