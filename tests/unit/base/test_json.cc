#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/json.h"

using sm::parse_json;

namespace {

std::string refusal(std::string_view text, const sm::JsonLimits& limits = {}) {
  const auto parsed = parse_json(text, "in", limits);
  if (parsed) return "(taken)";
  CHECK(parsed.error().code == sm::Errc::malformed);
  return parsed.error().what;
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

}  // namespace

TEST_CASE("JSON is read as it is written", "[json]") {
  const auto parsed =
      parse_json(R"({"a":[1,-2,18446744073709551615,1.5,true,null,"é\u0041"],"b":{"c":{}}})", "in");
  REQUIRE(parsed);
  CHECK(parsed->dump() == R"({"a":[1,-2,18446744073709551615,1.5,true,null,"éA"],"b":{"c":{}}})");
  CHECK(parse_json(" \"alone\" ", "in")->get<std::string>() == "alone");
}

TEST_CASE("a key that comes twice is refused, at any depth", "[json][A58]") {
  CHECK(refusal(R"({"a":1,"a":1})") == "in: the key \"a\" comes twice");
  CHECK(refusal(R"({"x":[{"b":1,"\u0062":2}]})") == "in: the key \"b\" comes twice");
  CHECK(refusal(R"({"a":1,"b":{"a":2}})") == "(taken)");
}

TEST_CASE("nesting is bounded before it is built", "[json][A58]") {
  CHECK(refusal(nested(64)) == "(taken)");
  CHECK(refusal(nested(65)) == "in: more than 64 levels");
  CHECK(refusal(std::string(1'000'000, '[')) == "in: more than 64 levels");
  CHECK(refusal("[[1]]", {.depth = 1}) == "in: more than 1 levels");
}

TEST_CASE("an integer that would lose digits is refused", "[json][A58]") {
  CHECK(refusal("18446744073709551616") == "in: the integer 18446744073709551616 is too large");
  CHECK(refusal("-9223372036854775809") == "in: the integer -9223372036854775809 is too large");
  CHECK(parse_json("9007199254740993", "in")->get<std::uint64_t>() == 9007199254740993);
}

TEST_CASE("text that is not JSON is refused with the place", "[json][A58]") {
  for (const std::string_view text : {"",
                                      " ",
                                      "{",
                                      "{\"a\":}",
                                      "[1,]",
                                      "{a:1}",
                                      "'x'",
                                      "01",
                                      "+1",
                                      "1 2",
                                      "{} x",
                                      "NaN",
                                      "1e999",
                                      "\"\xff\"",
                                      "\"\xc0\xaf\"",
                                      "\"\\ud800\"",
                                      "\"a\nb\"",
                                      "// c\n1",
                                      "/* c */ 1",
                                      "tru"}) {
    INFO(text);
    CHECK(refusal(text) != "(taken)");
  }
  CHECK(refusal(std::string_view("{}\0", 3)) != "(taken)");
  CHECK_THAT(refusal("[1,]"), Catch::Matchers::StartsWith("in: at octet 4: "));
}

TEST_CASE("the size is bounded", "[json]") {
  CHECK(refusal("[1,2,3]", {.size = 6}) == "in: larger than 6 octets");
}
