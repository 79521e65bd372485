#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/text.h"

using namespace sm;

TEST_CASE("printable shows control, bidi and invalid bytes as escapes", "[text]") {
  CHECK(printable("a\r\nb") == "a\\x0d\\x0ab");
  CHECK(printable("\x1b[31m") == "\\x1b[31m");
  CHECK(printable("\xe2\x80\xae"
                  "gpj.exe") == "\\u{202e}gpj.exe");
  CHECK(printable("caf\xc3\xa9 \xff \\") == "caf\xc3\xa9 \\xff \\\\");
  CHECK(printable("\xc2\x9b") == "\\u{9b}");
}

TEST_CASE("UTF-8 that is overlong, a surrogate or too large is not UTF-8", "[text]") {
  CHECK(is_utf8("\xf0\x9f\x93\xa7"));
  for (const auto* text : {"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3",
                           "\x80", "\xf5\x80\x80\x80"}) {
    CHECK_FALSE(is_utf8(text));
  }
}

TEST_CASE("a decimal has no sign, no leading zero and a bound", "[text]") {
  CHECK(parse_decimal("0") == 0u);
  CHECK(parse_decimal("18446744073709551615") == UINT64_MAX);
  CHECK_FALSE(parse_decimal("18446744073709551616"));
  CHECK_FALSE(parse_decimal("01"));
  CHECK_FALSE(parse_decimal("+1"));
  CHECK_FALSE(parse_decimal(" 1"));
  CHECK_FALSE(parse_decimal(""));
  CHECK_FALSE(parse_decimal("11", 10));
}

TEST_CASE("UTC times round-trip and malformed ones are refused", "[clock]") {
  const auto time = parse_utc("2026-11-21T10:00:00.123456Z");
  REQUIRE(time);
  CHECK(utc_text_micros(*time) == "2026-11-21T10:00:00.123456Z");
  CHECK(mail_date(std::chrono::floor<std::chrono::seconds>(*time)) ==
        "Sat, 21 Nov 2026 10:00:00 +0000");
  for (const auto* text :
       {"2026-02-29T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21 10:00:00Z",
        "2026-11-21T10:00:00", "2026-11-21T10:00:00.Z", "2026-11-21T10:00:60Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_utc(text));
  }
}

TEST_CASE("JSON fields keep their order and stay on one line", "[json]") {
  JsonObject object;
  object.add("b", 1).add("a", "x\n\"\\\xe2\x80\xa8\xff").add("n", nullptr).add("t", true);
  object.add("none", std::optional<std::string>()).add_seconds("s", 0.0412);
  CHECK(object.text() ==
        "{\"b\":1,\"a\":\"x\\u000a\\\"\\\\\\u2028\xef\xbf\xbd\",\"n\":null,\"t\":true,"
        "\"none\":null,\"s\":0.041}");
}
