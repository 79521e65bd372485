#include <catch2/catch.hpp>

#include "reading/plain.h"

using namespace sm::reading;
using namespace std::chrono_literals;

TEST_CASE("text of any charset becomes UTF-8, and a wrong one does no harm", "[reading]") {
  CHECK(text_of_charset("caf\xe9", "ISO-8859-1") == "caf\xc3\xa9");
  CHECK(text_of_charset("\x93x\x94", "iso-8859-1") == "\xe2\x80\x9cx\xe2\x80\x9d");
  CHECK(text_of_charset("caf\xc3\xa9", "utf-8") == "caf\xc3\xa9");
  CHECK(text_of_charset("caf\xe9", "utf-8") == "caf\xef\xbf\xbd");
  CHECK(text_of_charset("caf\xc3\xa9", "") == "caf\xc3\xa9");
  CHECK(text_of_charset("caf\xe9", "us-ascii") == "caf\xc3\xa9");
  CHECK(text_of_charset("caf\xc3\xa9", "no-such-charset") == "caf\xc3\xa9");
  CHECK(text_of_charset("caf\xe9", "../../x//TRANSLIT") == "caf\xc3\xa9");
  CHECK(text_of_charset("", "koi8-r").empty());
}

TEST_CASE("lines end in one way and controls are gone", "[reading]") {
  CHECK(with_plain_lines("a\r\nb\rc\nd\x1b[31m\x07\te\x7f") == "a\nb\nc\nd[31m\te");
  CHECK(with_plain_lines(std::string("a\0b", 3)) == "ab");
}

TEST_CASE("flowed paragraphs are joined as RFC 3676 says", "[reading]") {
  CHECK(unflowed("one \ntwo \nthree\n\nfour\n", false) == "one two three\n\nfour\n");
  CHECK(unflowed("one \ntwo\n", true) == "onetwo\n");
  CHECK(unflowed("> a \n> b\n>> c \nd\n", false) == "> a b\n>> c \nd\n");
  CHECK(unflowed(" >no quote\n  two\n", false) == ">no quote\n two\n");
  CHECK(unflowed("text \n-- \nJan\n", false) == "text \n-- \nJan\n");
  CHECK(unflowed("", false) == "\n");
}

TEST_CASE("header fields are one line of decoded text", "[reading]") {
  CHECK(shown_value(" =?utf-8?q?Uw_uitslag?=\r\n\t=?utf-8?q?_is_er?=\r\n") == "Uw uitslag is er");
  CHECK(shown_value("a\x1b[2Jb") == "a [2Jb");
  CHECK(shown_value("fdp\xe2\x80\xae.exe") == "fdp.exe");
  CHECK(shown_value(std::string(3000, 'x'), 10) == "xxxxxxxxxx\xe2\x80\xa6");
  CHECK(shown_value("\xc3\xa9\xc3\xa9", 3) == "\xc3\xa9\xe2\x80\xa6");
  CHECK(shown_addresses("=?utf-8?q?Jan=2C_de?= <jan@delinde.example>, anna@plain.example") ==
        "Jan, de <jan@delinde.example>, anna@plain.example");
  CHECK(shown_addresses("no address <<>") == "no address <<>");
}

TEST_CASE("dates are read with their zones, old forms included", "[reading]") {
  const auto date = parse_date("Sat, 28 Nov 2026 12:41:29 +0100");
  REQUIRE(date);
  CHECK(date->time == std::chrono::sys_days(std::chrono::November / 28 / 2026) + 11h + 41min + 29s);
  CHECK(date->offset == 60min);
  CHECK(parse_date("1 Jan 99 00:00 EST (winter)")->time ==
        std::chrono::sys_days(std::chrono::January / 1 / 1999) + 5h);
  CHECK(parse_date("28 Nov 2026 12:41 -0000")->offset == 0min);
  for (const char* text : {"", "yesterday", "31 Feb 2026 10:00 +0000", "1 Jan 2026 25:00 +0000",
                           "1 Foo 2026 10:00", "x Jan 2026 10:00", "1 Jan 2026 10", ",,,,"}) {
    CHECK_FALSE(parse_date(text));
  }
}
