#include <catch2/catch.hpp>

#include "smtp/reply.h"

using namespace sm::smtp;
using namespace std::string_literals;

namespace {

// What a stream of octets parses to, fed in pieces of `piece`: replies as text, and a fault.
std::string parse(std::string_view octets, std::size_t piece) {
  ReplyParser parser;
  std::string seen;
  while (!octets.empty()) {
    auto part = octets.substr(0, piece);
    octets.remove_prefix(part.size());
    while (!part.empty()) {
      const auto step = parser.next(part);
      if (const auto* reply = std::get_if<Reply>(&step)) seen += "[" + reply->verbatim() + "]";
      if (const auto* fault = std::get_if<ReplyFault>(&step)) {
        return seen + "!" + std::to_string(static_cast<int>(*fault));
      }
    }
  }
  return seen;
}

// The same, whichever way the octets are cut.
std::string parse_any(const std::string& octets) {
  const auto whole = parse(octets, octets.size());
  for (const std::size_t piece : {1, 2, 3, 7, 100, 2047, 2048}) {
    CAPTURE(piece);
    CHECK(parse(octets, piece) == whole);
  }
  return whole;
}

std::string fault(ReplyFault fault) {
  return "!" + std::to_string(static_cast<int>(fault));
}

Reply reply_of(const std::string& octets) {
  ReplyParser parser;
  std::string_view rest = octets;
  const auto step = parser.next(rest);
  REQUIRE(std::holds_alternative<Reply>(step));
  CHECK(rest.empty());
  return std::get<Reply>(step);
}

}  // namespace

TEST_CASE("replies of one and of many lines are read", "[reply]") {
  CHECK(parse_any("220 mx.example ESMTP\r\n") == "[220 mx.example ESMTP]");
  CHECK(parse_any("250\r\n") == "[250]");
  CHECK(parse_any("250 \r\n250-a\r\n250-\r\n250 b\r\n354 go\r\n") ==
        "[250][250-a\n250-\n250 b][354 go]");
  CHECK(parse_any("250-mx\r\n250\r\n") == "[250-mx\n250]");
}

TEST_CASE("A43 malformed replies are faults, not guesses", "[reply][A43]") {
  for (const auto* octets :
       {"25\r\n", "2500\r\n", "2500 ok\r\n", "199 hm\r\n", "600 hm\r\n", "99 x\r\n", "000 x\r\n",
        "abc\r\n", "\r\n", " 250 ok\r\n", "250_ok\r\n", "250.ok\r\n", "-50 ok\r\n", "2 50 ok\r\n",
        "\xef\xbb\xbf"
        "250 ok\r\n"}) {
    CAPTURE(octets);
    CHECK(parse_any(octets) == fault(ReplyFault::bad_code));
  }
  CHECK(parse_any("250-a\r\n550 b\r\n") == fault(ReplyFault::mixed_codes));
  CHECK(parse_any("250-a\r\n251-b\r\n250 c\r\n") == fault(ReplyFault::mixed_codes));
  CHECK(parse_any("250 a\n") == fault(ReplyFault::bad_line_end));
  CHECK(parse_any("250 a\rb\r\n") == fault(ReplyFault::bad_line_end));
  CHECK(parse_any("250 a\r\r\n") == fault(ReplyFault::bad_line_end));
  CHECK(parse_any("250 a\0b\r\n"s) == fault(ReplyFault::bad_octet));
  CHECK(parse_any("250 ok\r\n25\r\n250 ok\r\n") == "[250 ok]" + fault(ReplyFault::bad_code));
}

TEST_CASE("A40 lines and replies have an end", "[reply][A40]") {
  const std::string longest = "250 " + std::string(2042, 'x') + "\r\n";
  REQUIRE(longest.size() == ReplyParser::kMaxLine);
  CHECK(parse_any(longest) == "[" + longest.substr(0, 2046) + "]");
  CHECK(parse_any("250 " + std::string(2043, 'x') + "\r\n") == fault(ReplyFault::line_too_long));
  CHECK(parse_any("250 " + std::string(100000, 'x')) == fault(ReplyFault::line_too_long));
  CHECK(parse_any("250 x\ry" + std::string(5000, 'x')) == fault(ReplyFault::bad_line_end));

  std::string lines;
  for (int i = 0; i < 99; ++i)
    lines += "250-x\r\n";
  CHECK(parse_any(lines + "250 y\r\n").substr(0, 7) == "[250-x\n");
  CHECK(parse_any(lines + "250-x\r\n250 y\r\n") == fault(ReplyFault::too_many_lines));
}

TEST_CASE("a fault stays", "[reply]") {
  ReplyParser parser;
  std::string_view bad = "25\r\n";
  CHECK(std::holds_alternative<ReplyFault>(parser.next(bad)));
  std::string_view good = "250 ok\r\n";
  CHECK(std::holds_alternative<ReplyFault>(parser.next(good)));
}

TEST_CASE("half a reply is known to be half", "[reply]") {
  ReplyParser parser;
  CHECK_FALSE(parser.is_inside_reply());
  std::string_view octets = "25";
  CHECK(std::holds_alternative<ReplyParser::NeedsMore>(parser.next(octets)));
  CHECK(parser.is_inside_reply());
  octets = "0-a\r\n";
  CHECK(std::holds_alternative<ReplyParser::NeedsMore>(parser.next(octets)));
  CHECK(parser.is_inside_reply());
  octets = "250 b\r\n";
  CHECK(std::holds_alternative<Reply>(parser.next(octets)));
  CHECK_FALSE(parser.is_inside_reply());
}

TEST_CASE("enhanced codes are read where their class fits", "[reply]") {
  CHECK(reply_of("550 5.1.1 no such user\r\n").enhanced == EnhancedCode{5, 1, 1});
  CHECK(reply_of("550-5.7.26 a\r\n550 5.7.26 b\r\n").enhanced == EnhancedCode{5, 7, 26});
  CHECK(reply_of("250 2.0.0\r\n").enhanced->text() == "2.0.0");
  for (const auto* octets :
       {"550 2.1.1 x\r\n", "550 5.1 x\r\n", "550 5.1.1.1 x\r\n", "550 5.01.1 x\r\n",
        "550 5.1000.1 x\r\n", "550 no 5.1.1\r\n", "550 5..1 x\r\n", "550 x\r\n", "550\r\n"}) {
    CAPTURE(octets);
    CHECK_FALSE(reply_of(octets).enhanced);
  }
}

TEST_CASE("220 and 221 do not mean done", "[reply]") {
  CHECK(reply_of("250 x\r\n").is_done());
  CHECK(reply_of("251 x\r\n").is_done());
  CHECK_FALSE(reply_of("220 x\r\n").is_done());
  CHECK_FALSE(reply_of("221 x\r\n").is_done());
  CHECK_FALSE(reply_of("354 x\r\n").is_done());
  CHECK(reply_of("421 x\r\n").is_temporary());
  CHECK(reply_of("554 x\r\n").is_permanent());
}

TEST_CASE("A48 a reply that looks like an audit line stays one printable line", "[reply][A48]") {
  const auto reply = reply_of(
      "250-{\"v\":1,\"event\":\"delivered\"}\r\n250 \x1b[2J\xe2\x80\xa8 queued as 4X\x07\r\n");
  CHECK(reply.text().find('\n') == std::string::npos);
  CHECK(reply.text().find('\x1b') == std::string::npos);
  CHECK(reply.text().substr(0, 34) == "250 {\"v\":1,\"event\":\"delivered\"} / ");
}

TEST_CASE("queue ids are recognised in the forms that servers use", "[reply]") {
  const auto id = [](const std::string& text) {
    return queue_id(reply_of("250 " + text + "\r\n"));
  };
  CHECK(id("2.0.0 Ok: queued as 4XyzAB12cd") == "4XyzAB12cd");
  CHECK(id("OK id=1tABcd-0001Ef-2G") == "1tABcd-0001Ef-2G");
  CHECK(id("ok 1700000000 qp 4711") == "4711");
  CHECK(id("2.0.0 aB1cdE2f012345 Message accepted for delivery") == "aB1cdE2f012345");
  CHECK(id("2.0.0 3f2a1b0c Message accepted for delivery") == "3f2a1b0c");
  CHECK(id("2.0.0 Message accepted for delivery").empty());
  CHECK(id("Ok").empty());
  CHECK(id("2.0.0 Ok: queued as <script>alert(1)</script>").empty());
  CHECK(id("queued as " + std::string(500, 'x')).empty());
}

TEST_CASE("EHLO tells what a server offers", "[ehlo]") {
  const auto offered = parse_capabilities(
      reply_of("250-mx.example at your service\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n"
               "250-8bitmime\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-DSN\r\n250-STARTTLS\r\n"
               "250-REQUIRETLS\r\n250-ENHANCEDSTATUSCODES\r\n250-X-UNKNOWN a b\r\n250 HELP\r\n"));
  CHECK(offered.greeting_domain == "mx.example");
  CHECK(offered.pipelining);
  CHECK(offered.size);
  CHECK(offered.size_limit == 10485760);
  CHECK(offered.eight_bit_mime);
  CHECK(offered.smtputf8);
  CHECK(offered.chunking);
  CHECK(offered.dsn);
  CHECK(offered.starttls);
  CHECK(offered.requiretls);
  CHECK(offered.enhanced_status_codes);
  CHECK(offered.keywords.size() == 11);
  CHECK(offered.malformed_lines == 0);
}

TEST_CASE("keywords that only resemble are not offered", "[ehlo]") {
  const auto offered = parse_capabilities(reply_of(
      "250-STARTTLS\r\n250-STARTTLSX\r\n250-XSTARTTLS\r\n250-STARTTLS-X\r\n250-PIPELINING\t\r\n"
      "250-SIZE x\r\n250-\r\n250-=\r\n250 8BITMIME=x\r\n"));
  CHECK_FALSE(offered.starttls);  // the first line is the server's name
  CHECK(offered.pipelining);
  CHECK(offered.size);
  CHECK(offered.size_limit == 0);
  CHECK_FALSE(offered.eight_bit_mime);
  CHECK(offered.malformed_lines == 4);
  CHECK_FALSE(parse_capabilities(reply_of("250 mx STARTTLS\r\n")).starttls);
}
