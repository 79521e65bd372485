#include <catch2/catch.hpp>
#include <sstream>

#include "message/reader.h"
#include "support/temp_dir.h"

using namespace sm;
using namespace sm::message;

namespace {

struct Read {
  std::string header;
  std::string body;
  BodyFacts facts;
};

Result<Read> read(std::string_view text, Purpose purpose = Purpose::submission,
                  std::size_t block = 65536) {
  const auto source = read_memory(text, block);
  auto message = read_message(*source, purpose);
  if (!message) return fail(message.error());
  const auto body = read_all(*message->body().open(), SIZE_MAX);
  if (!body) return fail(body.error());
  CHECK(message->size() == message->header().bytes().size() + 2 + body->size());
  return Read{std::string(message->header().bytes()), *body, message->body_facts()};
}

/// What it says where the message is refused; "accepted" where not.
std::string reader_refusal(std::string_view text) {
  const auto message = read(text);
  if (message) return "accepted";
  CHECK(message.error().code == Errc::malformed);
  return message.error().what;
}

}  // namespace

TEST_CASE("LF becomes CRLF and a last line end is added (A04)", "[reader]") {
  for (const auto* text : {"Subject: x\n\nHi\n.dot", "Subject: x\n\nHi\n.dot\n",
                           "Subject: x\r\n\r\nHi\r\n.dot", "Subject: x\r\n\r\nHi\r\n.dot\r\n"}) {
    const auto message = read(text);
    REQUIRE(message);
    CHECK(message->header == "Subject: x\r\n");
    CHECK(message->body == "Hi\r\n.dot\r\n");
  }
}

TEST_CASE("every look-alike of the end mark is refused or has CRLF only (A01)", "[reader]") {
  for (const std::string end : {"\n.\n", "\r.\r", "\n.\r\n", "\r\n.\r\r\n", "\r\n.\n", "\n.\r",
                                "\r.\r\n", "\r\n.\r", "\r\r\n.\r\n", "\n\r.\r\n", "\r\n.\r\n"}) {
    for (const std::string eol : {"\n", "\r\n"}) {
      const auto text = "Subject: x" + eol + eol + "a" + end + "b" + eol;
      CAPTURE(text);
      const auto message = read(text);
      const bool is_plain =
          (eol == "\n" && end == "\n.\n") || (eol == "\r\n" && end == "\r\n.\r\n");
      CHECK(message.has_value() == is_plain);
      if (message) CHECK(message->body == "a\r\n.\r\nb\r\n");
    }
  }
}

TEST_CASE("bare CR, NUL and mixed line ends are refused with their line", "[reader]") {
  CHECK(reader_refusal("A: b\n\nx\ry\n") == "line 3: a bare CR");
  CHECK(reader_refusal("A: b\n\nx\r") == "line 3: a bare CR");
  CHECK(reader_refusal("A: b\rC: d\n\n") == "line 1: a bare CR");
  CHECK(reader_refusal(std::string_view("A: b\n\nx\0y\n", 10)) == "line 3: a NUL");
  CHECK(reader_refusal("A: b\r\n\r\nx\n") == "line 3: a bare LF beside lines that end in CRLF");
  CHECK(reader_refusal("A: b\n\nx\r\n") == "line 3: a bare LF beside lines that end in CRLF");
}

TEST_CASE("a line has at most 998 octets (A04)", "[reader]") {
  const std::string head = "Subject: x\n\n";
  CHECK(reader_refusal(head + std::string(998, 'a')) == "accepted");
  CHECK(reader_refusal(head + std::string(998, 'a') + "\n") == "accepted");
  CHECK(reader_refusal("A: b\r\n\r\n" + std::string(998, 'a') + "\r\n") == "accepted");
  CHECK(reader_refusal(head + std::string(999, 'a')) == "line 3: it is longer than 998 octets");
  CHECK(reader_refusal("X: " + std::string(995, 'a') + "\n") == "accepted");
  CHECK(reader_refusal("X: " + std::string(996, 'a') + "\n") ==
        "line 1: it is longer than 998 octets");
}

TEST_CASE("an mbox line and Return-Path are dropped, text that looks alike is not", "[reader]") {
  const auto mbox = read(
      "From a@b Sat Nov 21 10:00:00 2026\nReturn-Path: <a@b>\nA: b\n"
      "return-path:\n <c@d>\n\nFrom here\n");
  REQUIRE(mbox);
  CHECK(mbox->header == "A: b\r\n");
  CHECK(mbox->body == "From here\r\n");
  const auto text = read("From here on\nit is text\n");
  REQUIRE(text);
  CHECK(text->header.empty());
  CHECK(text->body == "From here on\r\nit is text\r\n");
  const auto spaced = read("From here\n\non\n");
  REQUIRE(spaced);
  CHECK(spaced->body == "From here\r\n\r\non\r\n");
  const auto alone = read("From x");
  REQUIRE(alone);
  CHECK(alone->body == "From x\r\n");
}

TEST_CASE("a message without a header is all body", "[reader]") {
  for (const auto* text : {"Dear Anna: hello\nSubject: no\n", "hello", " folded: no\n", ":\n"}) {
    const auto message = read(text);
    REQUIRE(message);
    CHECK(message->header.empty());
    CHECK(message->body.substr(0, 1) == std::string(text).substr(0, 1));
  }
  const auto empty = read("");
  REQUIRE(empty);
  CHECK(empty->body.empty());
  const auto blank = read("\nhello\n");
  REQUIRE(blank);
  CHECK(blank->header.empty());
  CHECK(blank->body == "hello\r\n");
}

TEST_CASE("a malformed header says what and where", "[reader]") {
  CHECK(reader_refusal("Subject : x\n\n") ==
        "header line 1: white space stands between 'Subject' and its colon");
  CHECK(reader_refusal("A: b\nhello\n\n") == "header line 2: it is neither a field nor folded");
  CHECK(reader_refusal("A: b\n \t\nC: d\n\n") ==
        "header line 2: a folded line has nothing but white space");
  CHECK(reader_refusal("A: b\nC\x01: d\n\n") == "header line 2: 'C\\x01' is not a field name");
  CHECK(reader_refusal("A: \xff\n\n") == "header line 1: it has bytes that are not UTF-8");
  CHECK(reader_refusal("A: b\n: c\n\n") == "header line 2: the field has no name");
}

TEST_CASE("a header is at most 1 MiB and 10,000 fields", "[reader]") {
  std::string header;
  while (header.size() < (1 << 20))
    header += "X: " + std::string(900, 'x') + "\n";
  CHECK(reader_refusal(header + "\n").ends_with("the header is larger than 1 MiB"));
  header.clear();
  for (int i = 0; i < 10'000; ++i)
    header += "X: y\n";
  CHECK(reader_refusal(header + "\n") == "accepted");
  CHECK(reader_refusal(header + "X: y\n\n") == "header line 10001: more than 10,000 fields");
}

TEST_CASE("8-bit and UTF-8 bodies are noticed", "[reader]") {
  CHECK_FALSE(read("A: b\n\nabc\n")->facts.is_8bit);
  const auto utf8 = read("A: b\n\nna\xc3\xafve \xf0\x9f\x93\xa7\n");
  CHECK(utf8->facts.is_8bit);
  CHECK(utf8->facts.is_utf8);
  for (const auto* body :
       {"\xe9t\xe9\n", "\xc3", "\xed\xa0\x80", "\xe0\x80\x80", "\xf4\x90\x80\x80"}) {
    const auto latin = read(std::string("A: b\n\n") + body);
    CHECK(latin->facts.is_8bit);
    CHECK_FALSE(latin->facts.is_utf8);
  }
}

TEST_CASE("where the input is cut changes nothing", "[reader]") {
  for (const std::string text :
       {"From x y\r\nReturn-Path: <>\r\nA: b\r\n c\r\n\r\nna\xc3\xafve\r\n.\r\n\r\nend",
        "A: b\n\nx\n\ny\n", "no header\nna\xc3\xafve\n", "From x\nA: b\n\nz", "A: b\r\n\r\nx\r\r\n",
        "A: b\r\n\r\nx\ry", "A: b\r\n\r\nx\n", "\r\n\r\n", "A: b\r\n\r\nx\r"}) {
    for (const auto purpose : {Purpose::submission, Purpose::inspection}) {
      const auto whole = read(text, purpose);
      for (std::size_t block = 1; block <= text.size(); ++block) {
        CAPTURE(text, block);
        const auto cut = read(text, purpose, block);
        REQUIRE(cut.has_value() == whole.has_value());
        if (!whole) {
          CHECK(cut.error().what == whole.error().what);
          continue;
        }
        CHECK(cut->header == whole->header);
        CHECK(cut->body == whole->body);
        CHECK(cut->facts.is_utf8 == whole->facts.is_utf8);
        CHECK(cut->facts.is_8bit == whole->facts.is_8bit);
      }
    }
  }
}

TEST_CASE("reading what was read gives the same bytes", "[reader]") {
  const auto once = read("From x y\nA: b\n\tc\nD:\n\nbody\n\n.\nlast");
  REQUIRE(once);
  const auto twice = read(once->header + "\r\n" + once->body);
  REQUIRE(twice);
  CHECK(twice->header == once->header);
  CHECK(twice->body == once->body);
}

TEST_CASE("for inspection nothing is refused that can be kept", "[reader]") {
  using namespace std::string_literals;
  const auto header = "Return-Path: <a@b>\r\nSubject : x\r\n \r\nB: \xff\0\r\n"s;
  const auto message = read(header + "\r\na\rb\0c\r\r\nd\ne\r"s, Purpose::inspection);
  REQUIRE(message);
  CHECK(message->header == header);
  CHECK(message->body == "a\rb\0c\r\r\nd\r\ne\r\r\n"s);
  CHECK(read("A: b\n\n" + std::string(100'000, 'x'), Purpose::inspection));
}

TEST_CASE("a refused message is still read to its end", "[reader]") {
  class Counting final : public Source {
   public:
    Result<Bytes> next() override {
      if (left == 0) return Bytes();
      --left;
      return as_bytes("A: b\n\nx\ry\n");
    }
    int left = 1000;
  } source;
  CHECK_FALSE(read_message(source, Purpose::submission));
  CHECK(source.left == 0);
}
