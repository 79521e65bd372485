#include "base/encoding.h"
#include "support/html_judge.h"
#include "unit/reading/support.h"

using namespace sm;
using namespace sm::test;

namespace {

const std::string kGif = "GIF89a-image-octets";

bool shows(std::string_view text, std::string_view what) {
  return text.find(what) != text.npos;
}

std::string mail(const std::string& content) {
  return "From: =?utf-8?q?Jan_de_Vri=C3=A9s?= <jan@delinde.example>\r\nTo: anna@plain.example\r\n"
         "Subject: =?utf-8?q?Uw_uitslag=3A_goed?=\r\nDate: Sat, 28 Nov 2026 12:41:29 +0100\r\n"
         "MIME-Version: 1.0\r\n" +
         content;
}

std::string with_logo(const std::string& html) {
  return mail(
      "Content-Type: multipart/related; boundary=r\r\n\r\n--r\r\n"
      "Content-Type: text/html; charset=utf-8\r\n\r\n" +
      html +
      "\r\n--r\r\nContent-Type: image/png\r\nContent-ID: <logo@x>\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\n" +
      to_base64(as_bytes(kGif)) + "\r\n--r--\r\n");
}

}  // namespace

TEST_CASE("a plain message shows its header decoded and its text", "[reading]") {
  Sealed sealed(mail("Content-Type: text/plain; charset=iso-8859-1\r\n"
                     "Content-Transfer-Encoding: quoted-printable\r\n\r\nCaf=E9 =3D goed.\r\n"),
                {{"scan<1>.pdf", "application/pdf", "octets"}, {"", "No Type", ""}});
  const auto page = sealed.render();
  CHECK(page.subject == "Uw uitslag: goed");
  CHECK(page.from == "Jan de Vri\xc3\xa9s <jan@delinde.example>");
  CHECK(page.to == "anna@plain.example");
  CHECK(page.cc.empty());
  REQUIRE(page.sent);
  CHECK(page.sent->offset == std::chrono::minutes(60));
  CHECK(page.text == "Caf\xc3\xa9 = goed.\n");
  CHECK_FALSE(page.html_document);
  CHECK(page.is_complete);
  REQUIRE(page.attachments.size() == 2);
  CHECK(page.attachments[0].part == 2);
  CHECK(page.attachments[0].name == "scan_1_.pdf");
  CHECK(page.attachments[0].type == "application/pdf");
  CHECK(page.attachments[0].size == 6);
  CHECK(page.attachments[1].name == "part-3");
  CHECK(page.attachments[1].type == "application/octet-stream");
}

TEST_CASE("of alternatives the page shows the text and the HTML", "[reading]") {
  Sealed sealed(mail(
      "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; "
      "format=flowed\r\n\r\nHallo \r\nAnna\r\n--b\r\nContent-Type: text/html\r\n\r\n"
      "<p onclick=x>Hallo <b>Anna</b><script>x</script>\r\n--b--\r\n"));
  const auto page = sealed.render({.language = "nl", .title = "Bericht"});
  CHECK(page.text == "Hallo Anna\n");
  REQUIRE(page.html_document);
  CHECK(shows(*page.html_document, "<p>Hallo <b>Anna</b>"));
  CHECK(shows(*page.html_document, "<html lang=\"nl\">"));
  CHECK(shows(*page.html_document, "<title>Bericht</title>"));
  CHECK_FALSE(shows(*page.html_document, "script"));
  CHECK_FALSE(shows(*page.html_document, "onclick"));
  CHECK(page.is_complete);
}

TEST_CASE("HTML alone gives a text too, and its own images as data", "[reading]") {
  Sealed sealed(with_logo("<p>Dag</p><img src=cid:logo@x><img src='cid:logo@x'>"));
  const auto page = sealed.render();
  CHECK(page.text == "Dag\n");
  REQUIRE(page.html_document);
  CHECK(shows(*page.html_document,
              "src=\"data:image/gif;base64," + to_base64(as_bytes(kGif)) + "\""));
  CHECK_FALSE(page.has_blocked_images);
  CHECK(page.is_complete);
}

TEST_CASE("images count each time that they are shown", "[reading]") {
  std::string many = "<p>x";
  for (int i = 0; i < 20'000; ++i)
    many += "<img src=cid:logo@x>";
  Sealed sealed(with_logo(many));
  reading::Options options;
  options.limits.images = 10 * kGif.size();
  const auto page = sealed.render(options);
  REQUIRE(page.html_document);
  std::size_t shown = 0;
  for (auto at = page.html_document->find("src="); at != std::string::npos;
       at = page.html_document->find("src=", at + 1))
    ++shown;
  CHECK(shown == 10);
  CHECK(page.has_blocked_images);
  options.limits.image = kGif.size() - 1;
  CHECK_FALSE(shows(sealed.render(options).html_document.value(), "src="));
}

TEST_CASE("an image that is shown nowhere makes the page incomplete", "[reading]") {
  CHECK_FALSE(Sealed(with_logo("<p>x</p>")).render().is_complete);
}

TEST_CASE("texts between texts come in their order", "[reading]") {
  Sealed sealed(
      mail("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n"
           "Content-Type: text/html\r\n\r\n<i>two</i>\r\n--b\r\n\r\n<three>\r\n--b--\r\n"));
  const auto page = sealed.render();
  CHECK(page.text == "one\ntwo\n<three>");
  REQUIRE(page.html_document);
  CHECK(shows(*page.html_document,
              "one</div><i>two</i><div style=\"white-space:pre-wrap\">&lt;three"));
}

TEST_CASE("what is signed is shown, what is encrypted is only saved", "[reading]") {
  Sealed is_signed(
      mail("Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\r\n"
           "\r\n--b\r\n\r\nHallo\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n"
           "--b--\r\n"));
  CHECK(is_signed.render().text == "Hallo");
  CHECK(is_signed.render().is_complete);
  Sealed encrypted(
      mail("Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n"
           "Content-Transfer-Encoding: base64\r\n\r\nTUlJ\r\n"));
  CHECK(encrypted.render().text.empty());
  CHECK_FALSE(encrypted.render().is_complete);
  CHECK(encrypted.render().subject == "Uw uitslag: goed");
}

TEST_CASE("A54: 10,000 parts, a depth of 1,000 and no boundary show the header and say so",
          "[reading]") {
  std::string many = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 10'000; ++i)
    many += "--b\r\n\r\nx\r\n";
  std::string deep = "Content-Type: multipart/mixed; boundary=b0\r\n\r\n";
  for (int i = 0; i < 1'000; ++i) {
    deep += "--b" + std::to_string(i) + "\r\nContent-Type: multipart/mixed; boundary=b" +
            std::to_string(i + 1) + "\r\n\r\n";
  }
  for (const auto& content :
       {many, deep, std::string("Content-Type: multipart/mixed\r\n\r\nx\r\n"),
        std::string("Content-Type: multipart/alternative; boundary=nowhere\r\n\r\nx\r\n")}) {
    Sealed sealed(mail(content));
    const auto page = sealed.render();
    CHECK(page.subject == "Uw uitslag: goed");
    CHECK_FALSE(page.is_complete);
    CHECK(page.text.size() < 5'000);
  }
}

TEST_CASE("a text beyond the limit is cut and the page says so", "[reading]") {
  reading::Options options;
  options.limits.text = 100;
  options.limits.html = 100;
  const auto long_text = "Content-Type: text/html\r\n\r\n<p>" + std::string(500, 'x') + "\r\n";
  Sealed sealed(mail(long_text));
  const auto page = sealed.render(options);
  CHECK_FALSE(page.is_complete);
  CHECK(page.text.size() <= 101);
  CHECK(page.html_document->size() < 1'000);
}

TEST_CASE("a header of any size that is one is read, a larger one is none", "[reading]") {
  for (const std::size_t size : {100UL, 16'000UL, 16'384UL, 17'000UL, 200'000UL, 1'000'000UL}) {
    std::string header;
    while (header.size() < size)
      header += "X-Filler: " + std::string(150, 'x') + "\r\n";
    Sealed sealed(header + mail("\r\nHallo\r\n"));
    CHECK(sealed.render().text == "Hallo\n");
    CHECK(sealed.render().subject == "Uw uitslag: goed");
  }
  std::string header;
  while (header.size() < 1'100'000)
    header += "X-Filler: " + std::string(900, 'x') + "\r\n";
  Sealed sealed(header + mail("\r\nHallo\r\n"));
  CHECK(sealed.render().text.empty());
  CHECK_FALSE(sealed.render().is_complete);
}

TEST_CASE("what is no message is an empty page, and files alone are a list", "[reading]") {
  for (const auto& text : {std::string(), std::string("\r\n"), std::string("no header at all"),
                           std::string(200, '\0'), std::string("A: b\r\n\r\n")}) {
    Sealed sealed(text, {{"a.txt", "text/plain", "x"}});
    CHECK(sealed.render().text.empty());
    CHECK(sealed.render().attachments.size() == 1);
  }
}

TEST_CASE("A78: names and types with markup come out as text that pages can hold", "[reading]") {
  Sealed sealed(mail("\r\nx\r\n"),
                {{"\"><script>alert(1)</script>.html", "text/html\"><script>", "x"},
                 {"../../etc/passwd", "image/svg+xml", "x"},
                 {"a\r\nSet-Cookie: x", "text/html\r\nX: y", "x"}});
  const auto page = sealed.render();
  for (const auto& attachment : page.attachments) {
    CHECK(attachment.name.find_first_of("<>\"/\r\n") == std::string::npos);
    CHECK(attachment.type.find_first_of("<>\"\r\n ;") == std::string::npos);
  }
  CHECK(page.attachments[1].name == "passwd");
}

TEST_CASE("a damaged envelope is an error, never half a page", "[reading]") {
  // More than is read ahead when the envelope is opened.
  Sealed sealed(mail("Content-Type: text/html\r\n\r\n<p>" + std::string(50'000, 'x') + "\r\n"));
  sealed.damage_last_octet();
  const auto page = reading::render(sealed.envelope());
  REQUIRE_FALSE(page);
  CHECK(page.error().code == Errc::malformed);
}
