#include <catch2/catch.hpp>

#include "base/text.h"
#include "message/encoded_word.h"

using namespace sm;
using namespace sm::message;

TEST_CASE("encoded words are decoded as RFC 2047 §8 shows", "[encoded_word]") {
  CHECK(decode_words("=?ISO-8859-1?Q?a?=") == "a");
  CHECK(decode_words("=?ISO-8859-1?Q?a?= b") == "a b");
  CHECK(decode_words("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=") == "ab");
  CHECK(decode_words("=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=") == "ab");
  CHECK(decode_words("=?ISO-8859-1?Q?a_b?=") == "a b");
  CHECK(decode_words("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=") == "a b");
  CHECK(decode_words("=?US-ASCII*EN?Q?Keith_Moore?=") == "Keith Moore");
  CHECK(decode_words("=?ISO-8859-1?Q?Andr=E9?= Pirard") == "Andr\xc3\xa9 Pirard");
  CHECK(decode_words("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= "
                     "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=") ==
        "If you can read this you understand the example.");
}

TEST_CASE("a character split between adjacent words is one character", "[encoded_word]") {
  CHECK(decode_words("=?utf-8?q?=E2=82?= =?utf-8?q?=AC?=") == "\xe2\x82\xac");
  CHECK(decode_words("=?utf-8?B?4oI=?= =?UTF-8?b?rA==?=") == "\xe2\x82\xac");
  CHECK(decode_words("=?utf-8?q?a?==?utf-8?q?b?=") == "ab");
}

TEST_CASE("what cannot be decoded stays as it was written", "[encoded_word]") {
  for (const std::string text :
       {"=?", "=?=", "=?utf-8?q?x", "=?utf-8?x?abc?=", "=?utf-8?q?=4?=", "=?utf-8?q?=ZZ?=",
        "=??q?x?=", "=?no-such-charset?q?x?=", "=?utf-8//IGNORE?q?x?=", "=?utf-8?q?a b?=",
        "=?../../x?q?x?=", "a =? b ?= c", "=?utf-8?q?x?"}) {
    CHECK(decode_words(text) == text);
  }
}

TEST_CASE("decoded text is one line of valid UTF-8", "[encoded_word]") {
  CHECK(decode_words("=?utf-8?q?a=0D=0ABcc:_x?=") == "a  Bcc: x");
  CHECK(decode_words("=?utf-8?q?=00=1B?=") == "  ");
  CHECK(decode_words("=?utf-8?q?=FF?=") == "\xef\xbf\xbd");
  CHECK(decode_words("raw \xff") == "raw \xef\xbf\xbd");
  CHECK(decode_words("=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=") == "\xe6\x97\xa5\xe6\x9c\xac");
  CHECK(decode_words("=?windows-1252?q?=80?=") == "\xe2\x82\xac");
}

TEST_CASE("encoding and decoding is the identity", "[encoded_word]") {
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += i % 3 == 0 ? "\xf0\x9f\x93\xa7" : i % 3 == 1 ? "na\xc3\xafve " : "?=_\"(),";
    const auto words = encode_words(text);
    CHECK(is_ascii(words));
    CHECK(decode_words(words) == text);
    for (const auto word : split(words, ' '))
      CHECK(word.size() <= 75);
  }
  CHECK(encode_words("plain text") == "plain text");
  CHECK(decode_words(encode_words("=?utf-8?q?x?=")) == "=?utf-8?q?x?=");
}

TEST_CASE("a megabyte of broken words takes no quadratic time", "[encoded_word]") {
  std::string text;
  while (text.size() < 1'000'000)
    text += "=?x?q?xx ";
  CHECK(decode_words(text) == text);
}
