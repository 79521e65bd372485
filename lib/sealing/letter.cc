#include "sealing/letter.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/random.h"
#include "message/addresses.h"
#include "message/encoded_word.h"
#include "message/reader.h"
#include "sealing/errand.h"
#include "sealing/words.h"

namespace sm::sealing {
namespace {

constexpr std::size_t kTextWidth = 76;

/// One code point off the front of well-formed UTF-8.
char32_t take_code_point(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  char32_t code = size == 1 ? first : first & (0x7fU >> size);
  for (std::size_t i = 1; i < size && i < text.size(); ++i)
    code = (code << 6U) | (static_cast<unsigned char>(text[i]) & 0x3fU);
  text.remove_prefix(std::min(size, text.size()));
  return code;
}

// U+00C0 to U+00FF; an "?" where there is no likeness of one letter.
constexpr std::string_view kLatin1 =
    "AAAAAAACEEEEIIIIDNOOOOO?OUUUUYT?aaaaaaaceeeeiiiidnooooo?ouuuuyty";
// U+0100 to U+017F.
constexpr std::string_view kLatinA =
    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlLlLl"
    "NnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

std::string ascii_of(char32_t code) {
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  if (code >= 0xc0 && code <= 0xff) return std::string(1, kLatin1[code - 0xc0]);
  if (code >= 0x100 && code <= 0x17f) return std::string(1, kLatinA[code - 0x100]);
  if (code == 0xa0) return " ";
  if (code == 0x2018 || code == 0x2019) return "'";
  if (code == 0x201c || code == 0x201d) return "\"";
  if (code >= 0x2010 && code <= 0x2015) return "-";
  if (code == 0x20ac) return "EUR";
  return "?";
}

/// HTML text in ASCII: what is special, and all beyond ASCII, as character references.
std::string html(std::string_view text) {
  std::string out;
  const std::string valid = to_valid_utf8(text);
  for (std::string_view left = valid; !left.empty();) {
    const auto code = take_code_point(left);
    if (code == '&' || code == '<' || code == '>' || code == '"' || code == '\'' || code > 0x7e) {
      out += "&#" + std::to_string(static_cast<std::uint32_t>(code)) + ";";
    } else {
      out += static_cast<char>(code);
    }
  }
  return out;
}

/// Words on lines of at most kTextWidth; a longer word has a line of its own.
std::string wrapped(std::string_view text) {
  std::string out;
  std::size_t column = 0;
  for (const auto word : split(text, ' ')) {
    if (word.empty()) continue;
    if (column > 0 && column + 1 + word.size() > kTextWidth) {
      out += "\r\n";
      column = 0;
    } else if (column > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out + "\r\n";
}

std::string text_part(const std::vector<Paragraph>& paragraphs) {
  std::string out;
  for (const auto& paragraph : paragraphs) {
    if (!out.empty()) out += "\r\n";
    out += paragraph.kind == Paragraph::Kind::text ? wrapped(to_ascii(paragraph.text))
                                                   : to_ascii(paragraph.text) + "\r\n";
  }
  return out;
}

std::string html_paragraph(const Paragraph& paragraph, const std::string& colour) {
  const std::string text = html(paragraph.text);
  switch (paragraph.kind) {
    case Paragraph::Kind::text:
      // Lines of a message are at most 998 octets: references make ten of one character.
      return "<p style=\"margin:0 0 16px\">\r\n" + wrapped(text) + "</p>\r\n";
    case Paragraph::Kind::link:
      return "<p style=\"margin:0 0 16px;word-break:break-all\">\r\n<a style=\"color:" + colour +
             "\"\r\n href=\"" + text + "\">\r\n" + text + "</a></p>\r\n";
    case Paragraph::Kind::code:
      return "<p style=\"margin:0 0 16px;font-size:24px;letter-spacing:4px\"><b>" + text +
             "</b></p>\r\n";
  }
  return {};
}

std::string html_part(const Letter& letter, const config::Organisation& organisation) {
  const auto& colour = organisation.branding.colour;
  std::string out = "<!DOCTYPE html>\r\n<html lang=\"" + letter.language +
                    "\">\r\n<head><meta charset=\"utf-8\">\r\n<title>" + html(organisation.name) +
                    "</title></head>\r\n"
                    "<body style=\"margin:0;background:#ffffff;color:#1a1a1a;"
                    "font:16px/1.5 sans-serif\">\r\n"
                    "<div style=\"max-width:560px;margin:0 auto;padding:16px\">\r\n"
                    "<h1 style=\"font-size:20px;margin:0 0 16px;padding:0 0 8px;"
                    "border-bottom:3px solid " +
                    colour + "\">" + html(organisation.name) + "</h1>\r\n";
  for (const auto& paragraph : letter.paragraphs)
    out += html_paragraph(paragraph, colour);
  return out + "</div>\r\n</body>\r\n</html>\r\n";
}

/// The letter as a message, LF nowhere alone.
Result<std::string> message_text(const Letter& letter, const config::Organisation& organisation,
                                 const name::Mailbox& from) {
  const auto boundary = "=_" + to_base64url(crypto::random_bytes<18>());
  struct Field {
    const char* name;
    std::string value;
  };
  const Field fields[] = {
      {"From", message::address_text({letter.from_name, from})},
      {"To", letter.to.text()},
      {"Subject", message::encode_words(letter.subject)},
      {"Date", mail_date(std::chrono::floor<std::chrono::seconds>(letter.date))},
      {"Message-ID", letter.mail_id},
      {"Auto-Submitted", "auto-generated"},  // RFC 3834 §5
      {"Content-Language", letter.language},
      {"MIME-Version", "1.0"},
      {"Content-Type", "multipart/alternative; boundary=\"" + boundary + "\""}};
  std::string out;
  for (const auto& field : fields) {
    auto made = message::make_field(field.name, field.value);
    if (!made) return fail(std::move(made).error(), "writing a letter");
    out += *made;
  }
  const auto part = [&](const char* type, const std::string& body) {
    return "\r\n--" + boundary + "\r\nContent-Type: " + type +
           "; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" + body;
  };
  out += part("text/plain", text_part(letter.paragraphs));
  out += part("text/html", html_part(letter, organisation));
  return out + "\r\n--" + boundary + "--\r\n";
}

/// A name from somebody's header, as far as it is one: no line ends, no page of text.
std::string bounded_name(std::string_view name) {
  constexpr std::size_t kMost = 80;
  std::string out;
  const std::string valid = to_valid_utf8(name);
  for (std::string_view left = valid; !left.empty() && out.size() < kMost;) {
    const std::string_view before = left;
    const auto code = take_code_point(left);
    if (code >= 0x20 && code != 0x7f) out += before.substr(0, before.size() - left.size());
  }
  return out;
}

}  // namespace

std::string to_ascii(std::string_view text) {
  std::string out;
  const std::string valid = to_valid_utf8(text);
  for (std::string_view left = valid; !left.empty();)
    out += ascii_of(take_code_point(left));
  return out;
}

Result<Composed> NoticeWriter::compose(const Letter& letter) const {
  auto from = notice_address(organisation_);
  if (!from) return fail(std::move(from).error());
  auto text = message_text(letter, organisation_, *from);
  if (!text) return fail(std::move(text).error());
  return forward(*message::read_memory(*text));
}

Result<Composed> NoticeWriter::forward(message::Source& message) const {
  auto from = notice_address(organisation_);
  if (!from) return fail(std::move(from).error());
  auto read = message::read_message(message, message::Purpose::submission);
  if (!read) return fail(std::move(read).error(), "writing a letter");
  auto prepared = message::prepare(std::move(*read), {.clock = &clock_});
  if (!prepared) return fail(std::move(prepared).error(), "writing a letter");
  auto dkim = signing_.sign(*prepared, organisation_, clock_);
  if (!dkim) return fail(std::move(dkim).error());
  return Composed{std::move(*prepared), std::move(*dkim), std::move(*from)};
}

Result<ComposedNotice> NoticeWriter::in_both_forms(Result<Composed> composed) {
  constexpr std::size_t kMost = std::size_t{1} << 20;
  if (!composed) return fail(std::move(composed).error());
  auto text = message::read_all(*composed->message.open(), kMost);
  if (!text) return fail(std::move(text).error());
  return ComposedNotice{std::move(*composed), smtp::NoticeContent(std::move(*text))};
}

Result<ComposedNotice> NoticeWriter::compose(const Notification& notification) const {
  Notification bounded = notification;
  bounded.sender_name = bounded_name(notification.sender_name);
  return in_both_forms(compose(notification_letter(organisation_, bounded)));
}

Result<ComposedNotice> NoticeWriter::compose(const ReplyWord& word) const {
  return in_both_forms(compose(reply_letter(
      organisation_, {word.to, word.language, word.mail_id, word.date}, word.replier, word.id)));
}

}  // namespace sm::sealing
