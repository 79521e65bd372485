#include <catch2/catch.hpp>

#include "base/text.h"
#include "message/parameters.h"

using namespace sm;
using namespace sm::message;

namespace {

std::string value_of(std::string_view field, std::string_view name) {
  const auto parsed = parse_structured(field);
  REQUIRE(parsed);
  const auto* value = parsed->find(name);
  return value == nullptr ? "(none)" : *value;
}

}  // namespace

TEST_CASE("values and parameters are read, folded and commented or not", "[parameters]") {
  const auto type = parse_structured(" Multipart/Mixed (c);\r\n\tBoundary = \"a\\\"b c\" ; x=y;");
  REQUIRE(type);
  CHECK(type->value == "multipart/mixed");
  REQUIRE(type->parameters.size() == 2);
  CHECK(*type->find("boundary") == "a\"b c");
  CHECK(*type->find("x") == "y");
  CHECK(type->find("z") == nullptr);
  CHECK(value_of("m/m; boundary=----=_Part_1/2", "boundary") == "----=_Part_1/2");
  CHECK(parse_structured("base64")->value == "base64");
}

TEST_CASE("RFC 2231 continuations and charsets are joined", "[parameters]") {
  CHECK(value_of("message/external-body; access-type=URL; URL*0=\"ftp://\"; URL*1=\"cs.edu/x\"",
                 "url") == "ftp://cs.edu/x");
  CHECK(value_of("application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
                 "title") == "This is ***fun***");
  CHECK(value_of("a/b; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A"
                 "%2A%2A%20; title*2=\"isn't it!\"",
                 "title") == "This is even more ***fun*** isn't it!");
  CHECK(value_of("attachment; filename*1*=%C3%AF; filename*0*=utf-8''na", "filename") ==
        "na\xc3\xaf");
  CHECK(value_of("attachment; filename*=iso-8859-1''na%EFve", "filename") == "na\xc3\xafve");
  CHECK(value_of("attachment; filename=x; filename*=utf-8''y", "filename") == "y");
  CHECK(value_of("a/b; x=%41", "x") == "%41");
  CHECK(value_of("a/b; x*=utf-8''%4", "x") == "%4");
  CHECK_FALSE(parse_structured("a/b; x*=utf-8''y")->find_parameter("x")->is_plain);
  CHECK(parse_structured("a/b; x=y")->find_parameter("x")->is_plain);
}

TEST_CASE("what two readers could read in two ways is refused", "[parameters]") {
  for (const auto* field :
       {"", ";", "; a=b", "a/b; x=1; x=2", "a/b; x*=1; X*=2", "a/b; x*0=1; x*0*=2", "a/b; x*1=1",
        "a/b; x*0=1; x*2=2", "a/b; x", "a/b; =y", "a/b; x=\"y", "a/b (c", "a/b; x=y z", "a/b x=y",
        "a/b; *=x", "a/b; x*y=z", "a/b; x*01=z", "a/b; x=\"y\"z"}) {
    CAPTURE(field);
    CHECK_FALSE(parse_structured(field));
  }
  std::string many = "a/b";
  for (int i = 0; i < 101; ++i)
    many += "; p" + std::to_string(i) + "=x";
  CHECK_FALSE(parse_structured(many));
}

TEST_CASE("a parameter that is written is read as the same", "[parameters]") {
  using namespace std::string_literals;
  std::string longest;
  for (int i = 0; i < 300; ++i)
    longest += "\xe2\x82\xac";
  for (const auto& value : {"x"s, "a b"s, "a\"b\\c"s, ""s, "na\xc3\xafve.pdf"s, "a%20b'c*d.txt"s,
                            std::string(300, 'x'), std::string(65, ' '), longest}) {
    CAPTURE(value);
    const auto field = "attachment" + parameter_text("filename", value);
    CHECK(is_ascii(field));
    for (const auto line : split(field, '\n'))
      CHECK(line.size() <= 78);
    CHECK(value_of(field, "filename") == value);
  }
  CHECK(parameter_text("filename", "scan.pdf") == ";\r\n filename=scan.pdf");
  CHECK(parameter_text("filename", "na\xc3\xafve.pdf") == ";\r\n filename*=utf-8''na%C3%AFve.pdf");
}
