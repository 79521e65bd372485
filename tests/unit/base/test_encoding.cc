#include <catch2/catch.hpp>

#include "base/encoding.h"

using namespace sm;

TEST_CASE("base64 round-trips the vectors of RFC 4648 section 10", "[encoding]") {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    CHECK(to_base64(as_bytes(plain)) == text);
    const auto bytes = from_base64(text);
    REQUIRE(bytes);
    CHECK(as_text(*bytes) == plain);
  }
}

TEST_CASE("a non-canonical base64 text is refused", "[encoding]") {
  for (const auto* text : {"Zh==", "Zm9=", "Zg", "Zg=", "Zg===", "Z", "Zm 9v", "Zm9v\n", "=",
                           "====", "Zm9-", "Zg==Zg=="}) {
    CAPTURE(text);
    CHECK_FALSE(from_base64(text));
  }
}

TEST_CASE("base64url is unpadded and has its own alphabet", "[encoding]") {
  const std::uint8_t bytes[] = {0xfb, 0xff, 0xfe};
  CHECK(to_base64url(bytes) == "-__-");
  CHECK(from_base64url("-__-"));
  CHECK_FALSE(from_base64url("+//+"));
  CHECK_FALSE(from_base64url("Zg=="));
  CHECK_FALSE(from_base64url("Zh"));
}

TEST_CASE("hex is lower case and even", "[encoding]") {
  CHECK(to_hex(as_bytes("\x01\xab")) == "01ab");
  CHECK(from_hex("01ab"));
  CHECK_FALSE(from_hex("01AB"));
  CHECK_FALSE(from_hex("01a"));
}
