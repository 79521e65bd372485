#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/text.h"
#include "message/mime.h"
#include "message/prepare.h"
#include "message/transfer.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

using namespace sm;
using namespace sm::message;

namespace {

const test::FakeClock kClock;
const std::string kFrom = "From: Anna <anna@example.org>\n";
const std::string kWhole = kFrom + "Date: Sat, 21 Nov 2026 10:00:00 +0000\nMessage-ID: <1@x.y>\n";

PrepareOptions standard() {
  PrepareOptions options;
  options.clock = &kClock;
  return options;
}

Result<PreparedMessage> prepared(std::string_view text, PrepareOptions options = standard()) {
  auto message = read_message(*read_memory(text), Purpose::submission);
  REQUIRE(message);
  return prepare(*std::move(message), options);
}

std::string bytes_of(const PreparedMessage& message) {
  auto all = read_all(*message.open(), SIZE_MAX);
  REQUIRE(all);
  CHECK(all->size() == message.size());
  return *all;
}

std::string body_of(const PreparedMessage& message) {
  auto all = read_all(*message.open_body(), SIZE_MAX);
  REQUIRE(all);
  return *all;
}

std::string refusal(std::string_view text, PrepareOptions options = standard()) {
  const auto message = prepared(text, std::move(options));
  if (message) return "accepted";
  CHECK(message.error().code == Errc::malformed);
  return message.error().what;
}

std::string as_crlf(std::string_view text) {
  std::string lines;
  for (const char c : text) {
    if (c == '\n') lines += '\r';
    lines += c;
  }
  return lines;
}

std::string value_of(const PreparedMessage& message, std::string_view name) {
  CHECK(message.header().count(name) == 1);
  const auto* field = message.header().first(name);
  return field == nullptr ? "(none)" : unfolded(field->value);
}

/// The parts of a prepared message, with their decoded contents.
struct Leaf {
  Part part;
  std::string content;
};
std::vector<Leaf> leaves_of(const PreparedMessage& message) {
  const auto parts = scan_mime(message.header(), *message.open_body());
  REQUIRE(parts);
  const auto body = body_of(message);
  std::vector<Leaf> leaves;
  for (const auto& part : *parts) {
    if (!part.is_leaf()) continue;
    const auto raw = body.substr(part.body.begin, part.body.size());
    std::string content;
    if (part.encoding == TransferEncoding::base64) {
      Base64Decoder decoder;
      decoder.feed(as_bytes(raw), content);
      decoder.finish();
      CHECK(decoder.is_clean());
    } else if (part.encoding == TransferEncoding::quoted_printable) {
      QuotedPrintableDecoder decoder;
      decoder.feed(as_bytes(raw), content);
      decoder.finish(content);
      CHECK(decoder.is_clean());
    } else {
      content = raw;
    }
    leaves.push_back({part, content});
  }
  return leaves;
}

void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out << bytes;
}

}  // namespace

TEST_CASE("a message that lacks nothing is sent as it came", "[prepare]") {
  const auto text = kWhole + "X-Odd:  spaced \n\tfolded\nSubject:no space\n\nbody\n\n.\n";
  const auto message = prepared(text);
  REQUIRE(message);
  CHECK(bytes_of(*message) == as_crlf(text));
  CHECK(message->message_id() == "<1@x.y>");
  CHECK(message->from().mailbox.text() == "anna@example.org");
  CHECK_FALSE(message->is_8bit());
  CHECK_FALSE(message->needs_smtputf8());
  CHECK_FALSE(message->was_signed());
}

TEST_CASE("Date and Message-ID are added where missing, after the fields that came", "[prepare]") {
  const auto message = prepared(kFrom + "\nhi\n");
  REQUIRE(message);
  CHECK(value_of(*message, "Date") == "Wed, 18 Nov 2026 11:06:40 +0000");
  const auto id = value_of(*message, "Message-ID");
  CHECK(id == message->message_id());
  CHECK(id.starts_with("<"));
  CHECK(id.ends_with("@example.org>"));
  CHECK(bytes_of(*message).starts_with(as_crlf(kFrom) + "Date: "));
  CHECK(prepared(kFrom + "\n")->message_id() != id);
}

TEST_CASE("a message without From gets its author, one with From keeps it", "[prepare]") {
  auto options = standard();
  options.author = Address{"Andr\xc3\xa9", *name::Mailbox::parse("andre@example.org")};
  const auto message = prepared("Subject: x\n\nhi\n", options);
  REQUIRE(message);
  CHECK(value_of(*message, "From") == "=?utf-8?q?Andr=C3=A9?= <andre@example.org>");
  CHECK(message->from().display_name == "Andr\xc3\xa9");
  CHECK(value_of(*prepared(kFrom + "\nx", options), "From") == "Anna <anna@example.org>");
  CHECK(refusal("Subject: x\n\nhi\n") == "the message has no From field");
  const auto text = prepared("just text\n", options);
  REQUIRE(text);
  CHECK(body_of(*text) == "just text\r\n");
}

TEST_CASE("a sender's name makes no second field (A05)", "[prepare]") {
  using namespace std::string_literals;
  auto options = standard();
  for (const auto& name : {"x\r\nBcc: y@z"s, "x\ny"s, "x\ry"s, "x\0y"s}) {
    options.author = Address{name, *name::Mailbox::parse("a@b.c")};
    CHECK(refusal("hi\n", options) == "the sender's name has a line end or a NUL");
  }
}

TEST_CASE("exactly one author, and no hidden recipient", "[prepare]") {
  CHECK(refusal(kFrom + kFrom + "\n") == "the message has several From fields");
  CHECK(refusal("From: a@b.c, d@e.f\n\n") == "From must name exactly one address");
  CHECK(refusal("From: \n\n") == "From must name exactly one address");
  CHECK(refusal("From: us: a@b.c;\n\n") == "From names a group");
  CHECK(refusal("From: root\n\n").starts_with("From: 'root' is not a mail address"));
  CHECK(refusal(kFrom + "Bcc: x@y.z\n\n") == "the message has a Bcc field");
  CHECK(refusal(kFrom + "bcc:\n\n") == "the message has a Bcc field");
  CHECK(refusal(kFrom + "Resent-Bcc: x@y.z\n\n") == "the message has a Bcc field");
  CHECK(refusal(kFrom + "Message-ID: <a@b>\nMessage-Id: <c@d>\n\n") ==
        "the message has several Message-ID fields");
  CHECK(refusal(kFrom + "Message-ID:\n\n") == "the Message-ID field is empty");
}

TEST_CASE("with -t the recipients are those of To and Cc, each once", "[prepare]") {
  auto options = standard();
  const auto list = [&](const std::string& fields) {
    options.takes_recipients = true;
    const auto message = prepared(kFrom + fields + "\n", options);
    REQUIRE(message);
    std::string text;
    for (const auto& mailbox : message->recipients())
      text += mailbox.text() + " ";
    return text;
  };
  CHECK(list("To: a@b.c, D <d@e.f>\nCc: g@h.i,\n a@B.c\n") == "a@b.c d@e.f g@h.i ");
  CHECK(list("To: undisclosed-recipients:;\n").empty());
  CHECK(list("").empty());
  CHECK(list("To: -f@b.c\n") == "-f@b.c ");
  CHECK(list("Resent-To: new@b.c\nResent-From: x@b.c\nReceived: by x\nResent-To: old@b.c\n"
             "To: a@b.c\n") == "new@b.c ");
  CHECK(list("Resent-To: new@b.c\nResent-Cc: also@b.c\nResent-To: old@b.c\n") ==
        "new@b.c also@b.c ");
  CHECK(list("Resent-From: x@b.c\nTo: a@b.c\n") == "a@b.c ");
  options.takes_recipients = true;
  CHECK(refusal(kFrom + "To: anna\n\n", options).starts_with("To: "));
  options.takes_recipients = false;
  CHECK(prepared(kFrom + "To: anna, what(ever\n\n", options)->recipients().empty());
}

TEST_CASE("8-bit text becomes quoted-printable, and says its charset where it said nothing",
          "[prepare]") {
  const auto message = prepared(kWhole + "\nna\xc3\xafve \n.\n");
  REQUIRE(message);
  CHECK_FALSE(message->is_8bit());
  CHECK(value_of(*message, "MIME-Version") == "1.0");
  CHECK(value_of(*message, "Content-Type") == "text/plain; charset=utf-8");
  CHECK(value_of(*message, "Content-Transfer-Encoding") == "quoted-printable");
  CHECK(body_of(*message) == "na=C3=AFve=20\r\n.\r\n");
  CHECK(value_of(*prepared(kWhole + "\nna\xefve, as Latin 1 has it\n"), "Content-Type") ==
        "text/plain; charset=unknown-8bit");
}

TEST_CASE("declared types stay where they are, only the encoding changes", "[prepare]") {
  const auto text = kWhole +
                    "MIME-Version: 1.0\nContent-Type: text/html; charset=iso-8859-1\n"
                    "Content-Transfer-Encoding: 8bit\nX: y\n\n<p>na\xefve, is it not</p>\n";
  const auto message = prepared(text);
  REQUIRE(message);
  CHECK(bytes_of(*message) ==
        as_crlf(kWhole + "MIME-Version: 1.0\nContent-Type: text/html; charset=iso-8859-1\n"
                         "Content-Transfer-Encoding: quoted-printable\nX: y\n\n"
                         "<p>na=EFve, is it not</p>\n"));
}

TEST_CASE("text that is mostly 8-bit, and all that is no text, becomes base64", "[prepare]") {
  std::string japanese;
  for (int i = 0; i < 30; ++i)
    japanese += "\xe6\x97\xa5\xe6\x9c\xac";
  const auto message = prepared(kWhole + "\n" + japanese + "\n");
  REQUIRE(message);
  CHECK(value_of(*message, "Content-Transfer-Encoding") == "base64");
  CHECK(body_of(*message).ends_with("\r\n"));
  CHECK(leaves_of(*message).at(0).content == japanese + "\r\n");
  const auto image = prepared(kWhole + "Content-Type: image/x\n\nabcdefgh\xff\n");
  CHECK(value_of(*image, "Content-Transfer-Encoding") == "base64");
}

TEST_CASE("only 8-bit parts of a multipart change, all else stays octet for octet", "[prepare]") {
  const std::string head =
      kWhole + "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n";
  const auto message =
      prepared(head +
               "Content-Transfer-Encoding: 8bit\n\npre\n--b\n"
               "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
               "X: y\n\nna\xc3\xafve, in a sentence\n--b\n\n  odd =  \n--b\n\n"
               "\xc3\xa9 and some more\n--b--\npost\n");
  REQUIRE(message);
  CHECK_FALSE(message->is_8bit());
  CHECK(bytes_of(*message) == as_crlf(head + "Content-Transfer-Encoding: 7bit\n\npre\n--b\n"
                                             "Content-Type: text/plain; charset=utf-8\n"
                                             "Content-Transfer-Encoding: quoted-printable\nX: y\n\n"
                                             "na=C3=AFve, in a sentence\n--b\n\n  odd =  \n--b\n"
                                             "Content-Transfer-Encoding: quoted-printable\n\n"
                                             "=C3=A9 and some more\n--b--\npost\n"));
}

TEST_CASE("a part in binary is encoded although the rest of it is 7-bit", "[prepare]") {
  const auto message =
      prepared(kWhole +
               "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
               "Content-Type: application/x\nContent-Transfer-Encoding: binary\n\nabc\n"
               "--b\n\n\xc3\xa9 text text\n--b--\n");
  REQUIRE(message);
  const auto leaves = leaves_of(*message);
  REQUIRE(leaves.size() == 2);
  CHECK(leaves[0].part.encoding == TransferEncoding::base64);
  CHECK(leaves[0].content == "abc");
}

TEST_CASE("what came signed or encrypted is never altered", "[prepare]") {
  const std::string body =
      "--b\nContent-Type: text/plain\n\nna\xc3\xafve\n--b\n"
      "Content-Type: application/pgp-signature\n\nsig\n--b--\n";
  const auto type = GENERATE(as<std::string>(), "multipart/signed; protocol=x; boundary=b",
                             "multipart/encrypted; boundary=b", "application/pkcs7-mime",
                             "multipart/signed", "Multipart/Signed; boundary=\"b\"");
  const auto text = kWhole + "Content-Type: " + type + "\n\n" + body;
  const auto message = prepared(text);
  REQUIRE(message);
  CHECK(bytes_of(*message) == as_crlf(text));
  CHECK(message->is_8bit());
  auto options = standard();
  options.attachments = {{"/etc/passwd"}};
  CHECK(refusal(text, options).starts_with("nothing can be attached"));
}

TEST_CASE("a DKIM-signed message gets only fields that its signatures do not name", "[prepare]") {
  const std::string signature = "DKIM-Signature: v=1; d=x.y;\n\th=From : Date:\n\t to; b=abc\n";
  const auto text = signature + kFrom + "\nna\xc3\xafve\n";
  const auto message = prepared(text);
  REQUIRE(message);
  CHECK(message->was_signed());
  CHECK(message->is_8bit());
  CHECK(message->header().count("Date") == 0);
  CHECK(message->header().count("Message-ID") == 1);
  CHECK(body_of(*message) == "na\xc3\xafve\r\n");
  const auto both = prepared("DKIM-Signature: h=message-id\n" + signature + kFrom + "\nx\n");
  REQUIRE(both);
  CHECK(both->message_id().empty());
  CHECK(bytes_of(*both) == as_crlf("DKIM-Signature: h=message-id\n" + signature + kFrom + "\nx\n"));
}

TEST_CASE("a signed part inside stays as it is while others are encoded", "[prepare]") {
  const std::string sealed =
      "--b\nContent-Type: multipart/signed; boundary=s\n\n--s\n\n\xc3\xa9\n--s--\n";
  const auto message = prepared(kWhole +
                                "Content-Type: multipart/mixed; boundary=b\n"
                                "Content-Transfer-Encoding: 8bit\n\n" +
                                sealed + "--b\n\n\xc3\xa9 text text\n--b--\n");
  REQUIRE(message);
  CHECK(message->is_8bit());
  CHECK(value_of(*message, "Content-Transfer-Encoding") == "8bit");
  CHECK(body_of(*message) == as_crlf(sealed + "--b\nContent-Transfer-Encoding: quoted-printable\n\n"
                                              "=C3=A9 text text\n--b--\n"));
  const auto forwarded = prepared(kWhole +
                                  "Content-Type: message/rfc822\n\n"
                                  "DKIM-Signature: x\n\n\xc3\xa9\n");
  CHECK(forwarded->is_8bit());
  CHECK(body_of(*forwarded) == as_crlf("DKIM-Signature: x\n\n\xc3\xa9\n"));
}

TEST_CASE("8-bit octets that cannot be encoded are refused", "[prepare]") {
  CHECK(refusal(kWhole + "Content-Transfer-Encoding: base64\n\n\xff\n") ==
        "MIME part 1 has octets above 127 and says that it is encoded already");
  CHECK(refusal(kWhole + "Content-Transfer-Encoding: x-uu\n\n\xff\n") ==
        "MIME part 1 has octets above 127 and says that it is encoded already");
  CHECK(refusal(kWhole + "Content-Type: message/partial\n\n\xff\n") ==
        "MIME part 1 has octets above 127, and its type may not be encoded");
  CHECK(refusal(kWhole + "Content-Type: multipart/mixed\n\n\xff\n") ==
        "MIME part 1: a multipart has no boundary");
  CHECK(refusal(kWhole + "Content-Type: multipart/mixed\n\nno octet above 127\n") == "accepted");
}

TEST_CASE("UTF-8 in a header, or in that of a part, needs SMTPUTF8 (A52)", "[prepare]") {
  const auto top = prepared(kWhole + "Subject: na\xc3\xafve\n\nx\n");
  REQUIRE(top);
  CHECK(top->needs_smtputf8());
  CHECK(top->is_8bit());
  const auto part = prepared(kWhole +
                             "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
                             "X: na\xc3\xafve\n\nx\n--b--\n");
  REQUIRE(part);
  CHECK(part->needs_smtputf8());
  CHECK(part->is_8bit());
  CHECK_FALSE(prepared(kWhole + "\nna\xc3\xafve\n")->needs_smtputf8());
}

TEST_CASE("files are attached: the message becomes the first part of a multipart", "[prepare]") {
  const test::TempDir folder;
  std::string pdf = "%PDF\r\n";
  for (int i = 0; i < 100'000; ++i)
    pdf += static_cast<char>(i % 251);
  write_file(folder / "scan na\xc3\xafve.pdf", pdf);
  write_file(folder / "a.txt", "caf\xc3\xa9\n");
  write_file(folder / "b.txt", "caf\xe9\n");
  write_file(folder / "empty", "");
  auto options = standard();
  options.attachments = {{folder / "scan na\xc3\xafve.pdf"},
                         {folder / "a.txt"},
                         {folder / "b.txt"},
                         {folder / "empty", "../evil\r\nX: y\".exe", "image/png"}};
  const auto message = prepared(
      kWhole + "Content-Type: text/html\nContent-Language: nl\n\nna\xc3\xafve text\n", options);
  REQUIRE(message);
  CHECK(is_ascii(bytes_of(*message)));
  CHECK(value_of(*message, "MIME-Version") == "1.0");
  CHECK(message->header().count("Content-Language") == 0);
  CHECK(message->header().count("Content-Transfer-Encoding") == 0);
  const auto leaves = leaves_of(*message);
  REQUIRE(leaves.size() == 5);
  CHECK(leaves[0].part.type.value == "text/html");
  CHECK(leaves[0].part.encoding == TransferEncoding::quoted_printable);
  CHECK(leaves[0].content == "na\xc3\xafve text\r\n");
  CHECK(leaves[1].part.type.value == "application/pdf");
  CHECK(leaves[1].part.disposition == "attachment");
  CHECK(leaves[1].part.file_name == "scan na\xc3\xafve.pdf");
  CHECK(leaves[1].content == pdf);
  CHECK(leaves[2].part.type.value == "text/plain");
  CHECK(*leaves[2].part.type.find("charset") == "utf-8");
  CHECK(leaves[2].content == "caf\xc3\xa9\n");
  CHECK(leaves[3].part.type.value == "application/octet-stream");
  CHECK(leaves[3].content == "caf\xe9\n");
  CHECK(leaves[4].part.type.value == "image/png");
  CHECK(leaves[4].part.file_name == "evil__X_ y_.exe");
  CHECK(leaves[4].content.empty());
  CHECK(body_of(*message).find("Content-Language: nl\r\n") != std::string::npos);
  for (const auto line : split(bytes_of(*message), '\n'))
    CHECK(line.size() <= 79);
}

TEST_CASE("a multipart/mixed gets the files as further parts", "[prepare]") {
  const test::TempDir folder;
  write_file(folder / "a.bin", "abc");
  auto options = standard();
  options.attachments = {{folder / "a.bin"}};
  const std::string head =
      kWhole + "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n";
  const std::string part =
      "--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n"
      "Content-Disposition: attachment;\n filename=a.bin\n\nYWJj\n";
  CHECK(bytes_of(*prepared(head + "--b\n\nx\n--b--\nend\n", options)) ==
        as_crlf(head + "--b\n\nx\n" + part + "--b--\nend\n"));
  CHECK(bytes_of(*prepared(head + "--b\n\nx\n", options)) ==
        as_crlf(head + "--b\n\nx\n" + part + "--b--\n"));
}

TEST_CASE("an attachment that cannot be read whole is an error", "[prepare]") {
  const test::TempDir folder;
  auto options = standard();
  options.attachments = {{folder / "missing"}};
  CHECK(prepared(kWhole + "\n", options).error().code == Errc::no_input);
  options.attachments = {{folder.path()}};
  CHECK(prepared(kWhole + "\n", options).error().code == Errc::no_input);
  write_file(folder / "x", "x");
  for (const auto* type :
       {"message/rfc822", "multipart/mixed", "nonsense", "a/b\r\nX: y", "a/b; c"}) {
    options.attachments = {{folder / "x", "", type}};
    CHECK(prepared(kWhole + "\n", options).error().code == Errc::malformed);
  }
}

TEST_CASE("a field is put before all others, and nothing but a field", "[prepare]") {
  auto message = prepared(kWhole + "\nbody\n");
  REQUIRE(message);
  const auto before = bytes_of(*message);
  REQUIRE(message->prepend_field("DKIM-Signature: a\r\n\tb\r\n"));
  CHECK(bytes_of(*message) == "DKIM-Signature: a\r\n\tb\r\n" + before);
  CHECK(message->header()[0].name == "DKIM-Signature");
  for (const auto* field : {"X: y", "X: y\n", "X: y\r\n\r\nbody\r\n", "nothing\r\n", " x\r\n"}) {
    CHECK_FALSE(message->prepend_field(field));
  }
  CHECK(bytes_of(*message) == "DKIM-Signature: a\r\n\tb\r\n" + before);
}

TEST_CASE("preparing what was prepared changes nothing", "[prepare]") {
  const test::TempDir folder;
  write_file(folder / "a.bin", std::string(100'000, '\xff'));
  auto options = standard();
  options.attachments = {{folder / "a.bin"}};
  const auto once = bytes_of(*prepared(kFrom + "\nna\xc3\xafve\n", options));
  CHECK(bytes_of(*prepared(once)) == once);
}

TEST_CASE("names without a domain are completed where the caller says so, and nothing else changes",
          "[prepare]") {
  const std::string message =
      "From: root (Cron Daemon)\nTo: operator, Anna <anna@example.org>,\n \"a b\" (c, d)\n"
      "Cc: two words\nReply-To: <root>\nSubject: From: root\nDate: now\nMessage-ID: <1@x.y>\n\nTo: "
      "root\n";
  CHECK(refusal(message).find("no domain") != std::string::npos);
  auto options = standard();
  options.name_domain = *name::Domain::parse("delinde.example");
  const auto done = prepared(message, options);
  REQUIRE(done);
  CHECK(done->from().mailbox.text() == "root@delinde.example");
  CHECK(done->from().display_name == "Cron Daemon");
  CHECK(
      bytes_of(*done) ==
      as_crlf("From: root@delinde.example (Cron Daemon)\nTo: operator@delinde.example, Anna "
              "<anna@example.org>,\n \"a b\"@delinde.example (c, d)\nCc: two words\nReply-To: "
              "<root@delinde.example>\nSubject: From: root\nDate: now\nMessage-ID: <1@x.y>\n\nTo: "
              "root\n"));
  CHECK(done->completed_names().size() == 3);
}

TEST_CASE("with -t, names are recipients, and it is told which addresses were names", "[prepare]") {
  auto options = standard();
  options.name_domain = *name::Domain::parse("delinde.example");
  options.takes_recipients = true;
  const auto done = prepared(kWhole + "To: root, anna@example.org\n\nx\n", options);
  REQUIRE(done);
  REQUIRE(done->recipients().size() == 2);
  CHECK(done->recipients()[0].text() == "root@delinde.example");
  CHECK(done->completed_names().contains(done->recipients()[0]));
  CHECK_FALSE(done->completed_names().contains(done->recipients()[1]));
}

TEST_CASE("no name is completed in what came signed", "[prepare]") {
  auto options = standard();
  options.name_domain = *name::Domain::parse("delinde.example");
  const std::string signed_message =
      "DKIM-Signature: v=1; a=rsa-sha256; d=x.y; s=z; h=from; bh=aa; b=bb\n";
  CHECK(refusal(signed_message + "From: root\n\nx\n", options).find("no domain") !=
        std::string::npos);
  const auto whole = prepared(signed_message + kFrom + "To: root\n\nx\n", options);
  REQUIRE(whole);
  CHECK(bytes_of(*whole).find("To: root\r\n") != std::string::npos);
}
