#include "queue/report.h"

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/random.h"
#include "message/addresses.h"
#include "message/encoded_word.h"
#include "message/header.h"
#include "message/reader.h"
#include "message/source.h"
#include "sealing/errand.h"
#include "sealing/letter.h"
#include "sealing/words.h"

namespace sm::queue {
namespace {

constexpr std::size_t kMostHeader = 64 * 1024;  // of what a report repeats
constexpr std::size_t kMostReply = 500;
constexpr std::size_t kLine = 76;

/// What the text for people says, in one language.
struct Words {
  const char* from_name;
  const char* failed_subject;
  const char* delayed_subject;
  const char* failed;
  const char* delayed;
  const char* until;
  const char* uncertain;
  const char* server_said;
  const char* ending;
};

constexpr Words kEnglish = {
    "Mail delivery",
    "Your message was not delivered",
    "Your message has not been delivered yet",
    "Your message could not be delivered to the recipients below, and will not be tried again.",
    "Your message could not be delivered to the recipients below yet. You need do nothing: it is "
    "tried again.",
    "It is tried until ",
    "It may have arrived all the same: the connection was lost before the server confirmed it.",
    "The mail server of the recipient said: ",
    "The header of your message is attached; its content is not."};

constexpr Words kDutch = {
    "Mailbezorging",
    "Uw bericht is niet bezorgd",
    "Uw bericht is nog niet bezorgd",
    "Uw bericht kon niet worden bezorgd bij de onderstaande ontvangers en wordt niet opnieuw "
    "geprobeerd.",
    "Uw bericht kon nog niet worden bezorgd bij de onderstaande ontvangers. U hoeft niets te doen: "
    "het wordt opnieuw geprobeerd.",
    "Er wordt geprobeerd tot ",
    "Het kan toch zijn aangekomen: de verbinding viel weg voordat de server het bevestigde.",
    "De mailserver van de ontvanger zei: ",
    "De kopregels van uw bericht zijn bijgevoegd; de inhoud niet."};

std::string wrapped(std::string_view text) {
  std::string out;
  std::size_t column = 0;
  for (const auto word : split(text, ' ')) {
    if (word.empty()) continue;
    if (column > 0 && column + 1 + word.size() > kLine) {
      out += "\r\n";
      column = 0;
    } else if (column > 0) {
      out += ' ';
      ++column;
    }
    // A word longer than a line may be is cut: lines are at most 998 octets (RFC 5322 §2.1.1).
    for (std::size_t at = 0; at < word.size(); at += 900) {
      if (at > 0) out += "\r\n";
      out += word.substr(at, 900);
    }
    column += word.size();
  }
  return out + "\r\n";
}

/// One line of printable ASCII, whatever a server said.
std::string plain(std::string_view text, std::size_t most) {
  std::string out = sealing::to_ascii(printable(text));
  if (out.size() > most) out.resize(most);
  return out;
}

std::string text_part(const Report& report, const Words& words, const std::string& language) {
  const bool has_failed = report.action == Action::failed;
  std::string out = wrapped(has_failed ? words.failed : words.delayed);
  if (!has_failed) {
    out += "\r\n" + wrapped(words.until + sealing::date_text(report.until, language) + ".");
  }
  for (const auto& subject : report.subjects) {
    out += "\r\n" + plain(subject.recipient, kMostReply) + "\r\n";
    std::string why = subject.reason;
    if (!subject.detail.empty()) why += (why.empty() ? "" : ": ") + subject.detail;
    if (!why.empty()) out += wrapped(plain(why, kMostReply));
    if (!subject.reply.empty()) {
      out += wrapped(words.server_said + plain(subject.reply, kMostReply));
    }
    if (subject.may_have_arrived) out += wrapped(words.uncertain);
  }
  return out + "\r\n" + wrapped(words.ending);
}

/// RFC 3464 §2.1: fields of the message, then of each recipient, empty lines between.
std::string status_part(const Report& report, const std::string& reporting) {
  std::string out;
  // §2.2.1: xtext of the ENVID that the submitter gave.
  if (!report.envelope_id.empty()) {
    out += "Original-Envelope-Id: " + report.envelope_id + "\r\n";
  }
  out += "Reporting-MTA: dns; " + reporting + "\r\n";
  out += "Arrival-Date: " + mail_date(std::chrono::floor<std::chrono::seconds>(report.arrived)) +
         "\r\n";
  for (const auto& subject : report.subjects) {
    out += "\r\nFinal-Recipient: rfc822; " + plain(subject.recipient, kMostReply) + "\r\n";
    out +=
        std::string("Action: ") + (report.action == Action::failed ? "failed" : "delayed") + "\r\n";
    out += "Status: " + (subject.enhanced.empty() ? "4.0.0" : subject.enhanced) + "\r\n";
    if (!subject.mx.empty()) out += "Remote-MTA: dns; " + plain(subject.mx, kMostReply) + "\r\n";
    if (!subject.reply.empty()) {
      out += "Diagnostic-Code: smtp; " + plain(subject.reply, kMostReply) + "\r\n";
    }
    if (report.action == Action::delayed) {
      out +=
          "Will-Retry-Until: " + mail_date(std::chrono::floor<std::chrono::seconds>(report.until)) +
          "\r\n";
    }
  }
  return out;
}

/// Whole fields, as far as they fit; in base64 lest anything in them be taken for something of the
/// report, or be of 8 bits.
std::string header_part(std::string_view header) {
  if (header.size() > kMostHeader) {
    header = header.substr(0, kMostHeader);
    header = header.substr(0, header.rfind("\r\n") + 2);
  }
  std::string out;
  const std::string encoded = to_base64(as_bytes(header));
  for (std::size_t at = 0; at < encoded.size(); at += kLine)
    out += encoded.substr(at, kLine) + "\r\n";
  return out;
}

bool is_seven_bit(std::string_view header) {
  return is_ascii(header) && header.find("--=_") == header.npos;
}

std::string part(const std::string& boundary, const std::string& head, const std::string& body) {
  return "\r\n--" + boundary + "\r\n" + head + "\r\n\r\n" + body;
}

}  // namespace

Result<message::PreparedMessage> compose(const Report& report,
                                         const config::Organisation& organisation,
                                         const std::string& reporting, const Clock& clock) {
  auto from = sealing::notice_address(organisation);
  // An organisation without any address of its own speaks from its sender's domain.
  if (!from) from = name::Mailbox::parse("noreply@" + report.to.domain().text());
  if (!from) return fail(std::move(from).error());
  const std::string language = organisation.sealing.language == "nl" ? "nl" : "en";
  const Words& words = language == "nl" ? kDutch : kEnglish;
  const std::string boundary = "=_" + to_base64url(crypto::random_bytes<18>());
  const bool has_failed = report.action == Action::failed;
  struct Field {
    const char* name;
    std::string value;
  };
  const Field fields[] = {
      {"From", message::address_text(
                   {std::string(words.from_name) + " (" + organisation.name + ")", *from})},
      {"To", report.to.text()},
      {"Subject", message::encode_words(has_failed ? words.failed_subject : words.delayed_subject)},
      {"Date", mail_date(std::chrono::floor<std::chrono::seconds>(clock.now()))},
      {"Message-ID",
       "<" + to_base64url(crypto::random_bytes<18>()) + "@" + from->domain().text() + ">"},
      {"Auto-Submitted", "auto-replied"},  // RFC 3834 §5
      {"Content-Language", language},
      {"MIME-Version", "1.0"},
      {"Content-Type",
       "multipart/report; report-type=delivery-status; boundary=\"" + boundary + "\""}};
  std::string text;
  for (const auto& field : fields) {
    auto made = message::make_field(field.name, field.value);
    if (!made) return fail(std::move(made).error(), "writing a report");
    text += *made;
  }
  text += part(boundary,
               "Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit",
               text_part(report, words, language));
  text += part(boundary, "Content-Type: message/delivery-status", status_part(report, reporting));
  if (!report.header.empty()) {
    // RFC 6522 §4: text/rfc822-headers, 7bit where it is that.
    text += is_seven_bit(report.header) && report.header.size() <= kMostHeader
                ? part(boundary, "Content-Type: text/rfc822-headers", report.header)
                : part(boundary,
                       "Content-Type: text/rfc822-headers; charset=utf-8\r\n"
                       "Content-Transfer-Encoding: base64",
                       header_part(report.header));
  }
  text += "\r\n--" + boundary + "--\r\n";
  const auto source = message::read_memory(text);
  auto read = message::read_message(*source, message::Purpose::submission);
  if (!read) return fail(std::move(read).error(), "writing a report");
  auto prepared = message::prepare(std::move(*read), {.clock = &clock});
  if (!prepared) return fail(std::move(prepared).error(), "writing a report");
  return prepared;
}

}  // namespace sm::queue
