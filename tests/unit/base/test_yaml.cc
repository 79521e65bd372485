#include <catch2/catch.hpp>

#include "base/yaml.h"

using sm::yaml::Document;
using sm::yaml::Map;
using sm::yaml::Node;

namespace {

Document parsed(std::string_view text) {
  auto document = Document::parse(text, "f");
  if (!document) FAIL(document.error().what);
  return std::move(*document);
}

std::string yaml_refusal(std::string_view text, const sm::yaml::Limits& limits = {}) {
  const auto document = Document::parse(text, "f", limits);
  if (document) return "(taken)";
  CHECK(document.error().code == sm::Errc::configuration);
  return document.error().what;
}

/// The value of `key` in a document that is a map.
const Node& value(const Document& document, std::string_view key) {
  auto map = Map::of(document.root());
  REQUIRE(map);
  const Node* node = map->find(key);
  REQUIRE(node != nullptr);
  return *node;
}

}  // namespace

TEST_CASE("a scalar is what its reader asked for, however it is spelt", "[yaml][A58]") {
  const auto document = parsed(
      "octal: 010\nword: yes\nquoted: '25'\nport: 25\nflag: true\nversion: 1.10\nhex: 0x10\n"
      "big: 99999999999999999999\nsigned: +5\nupper: True\n");
  CHECK(*value(document, "octal").text() == "010");
  CHECK(*value(document, "word").text() == "yes");
  CHECK(*value(document, "version").text() == "1.10");
  CHECK(*value(document, "port").number(1, 65535) == 25);
  CHECK(*value(document, "flag").boolean());
  for (const char* key : {"octal", "word", "quoted", "version", "hex", "big", "signed", "flag"}) {
    INFO(key);
    CHECK_FALSE(value(document, key).number(0, UINT64_MAX));
  }
  for (const char* key : {"word", "octal", "upper", "port"}) {
    INFO(key);
    CHECK_FALSE(value(document, key).boolean());
  }
  CHECK(value(document, "octal").number(0, 9).error().what ==
        "f:1:8: expected a whole number from 0 to 9");
  CHECK(value(document, "word").boolean().error().what == "f:2:7: expected true or false");
}

TEST_CASE("a value of the wrong shape is refused with its place", "[yaml][A58]") {
  const auto document = parsed("list: [a, b]\nmap:\n  x: 1\ntext: a\n");
  CHECK(value(document, "text").items().error().what == "f:4:7: expected a list");
  CHECK(value(document, "list").text().error().what == "f:1:7: expected text");
  CHECK(value(document, "list").entries().error().what == "f:1:7: expected keys and values");
  CHECK(value(document, "map").number(0, 1).error().what ==
        "f:3:3: expected a whole number from 0 to 1");
  CHECK(value(document, "text").one_of({"x", "y"}).error().what == "f:4:7: expected one of: x, y");
  CHECK(*value(document, "text").one_of({"x", "a"}) == 1);
  CHECK(value(document, "list").items()->size() == 2);
  CHECK_FALSE(Map::of(value(document, "text")));
}

TEST_CASE("what copies values behind the reader's back is refused", "[yaml][A58]") {
  CHECK(yaml_refusal("a: &x 1\nb: 2\n") == "f:1:4: anchors are not allowed");
  CHECK(yaml_refusal("a: 1\nb: *x\n") != "(taken)");
  CHECK(yaml_refusal("a: &x [*x]\n") == "f:1:4: anchors are not allowed");
  CHECK(yaml_refusal("a: &x {b: 1}\nc:\n  <<: *x\n") == "f:1:4: anchors are not allowed");
  CHECK(yaml_refusal("a:\n  <<: {b: 1}\n") == "f:2:3: merge keys are not allowed");
  CHECK(yaml_refusal("a: !!str 1\n") == "f:1:4: tags are not allowed");
  CHECK(yaml_refusal("a: !own 1\n") == "f:1:4: tags are not allowed");
  CHECK(yaml_refusal("a: !!binary aGk=\n") == "f:1:4: tags are not allowed");
  CHECK(yaml_refusal("a: 1\n---\nb: 2\n") == "f:1:1: more than one document");
}

TEST_CASE("a key comes once and is a word", "[yaml][A58]") {
  CHECK(yaml_refusal("a: 1\nb:\n  c: 1\n  c: 2\n") == "f:4:3: the key 'c' comes twice");
  CHECK(yaml_refusal("a: 1\n'a': 2\n") == "f:2:1: the key 'a' comes twice");
  CHECK(yaml_refusal("{a: 1, a: 1}") == "f:1:8: the key 'a' comes twice");
  CHECK(yaml_refusal("[a]: 1\n") == "f:1:1: a key must be a word");
  CHECK(yaml_refusal("'': 1\n") == "f:1:1: a key must be a word");
  CHECK(yaml_refusal("~: 1\n") == "f:1:1: a key must be a word");
}

TEST_CASE("an unknown key is named with those that are known", "[yaml][A58]") {
  const auto document = parsed("one: 1\nthre: 3\n");
  auto map = Map::of(document.root());
  REQUIRE(map);
  CHECK(map->find("one") != nullptr);
  CHECK(map->find("three") == nullptr);
  const auto finished = map->finish();
  REQUIRE_FALSE(finished);
  CHECK(finished.error().what == "f:2:1: unknown key 'thre'");
  CHECK(finished.error().hint == "known here: one, three");
  CHECK(map->require("four").error().what == "f:1:1: 'four' is missing");
}

TEST_CASE("an empty file or section is an empty map, an empty value is no value", "[yaml]") {
  for (const char* text : {"", "# only a comment\n", "---\n", "~\n"}) {
    INFO(text);
    const auto document = parsed(text);
    CHECK(Map::of(document.root())->finish());
  }
  const auto document = parsed("a:\nb: ~\nc: ''\n");
  CHECK(Map::of(value(document, "a"))->finish());
  CHECK(value(document, "a").text().error().what == "f:1:1: expected text");
  CHECK_FALSE(value(document, "b").boolean());
  CHECK_FALSE(value(document, "b").number(0, 1));
  CHECK_FALSE(value(document, "b").items());
  CHECK(*value(document, "c").text() == "");
}

TEST_CASE("depth, size and encoding are bounded", "[yaml][A58]") {
  CHECK(yaml_refusal("[[[1]]]", {.depth = 3, .size = 100}) == "f:1:4: nested too deeply");
  CHECK(yaml_refusal(std::string(100'000, '[')) != "(taken)");
  CHECK(yaml_refusal(std::string(100'000, '{')) != "(taken)");
  std::string deep;
  for (int i = 0; i < 1'000; ++i)
    deep += "- ";
  CHECK(yaml_refusal(deep + "x") != "(taken)");
  CHECK(yaml_refusal("a: 1", {.depth = 3, .size = 3}) == "f:1:1: larger than 3 octets");
  CHECK(yaml_refusal("a: \xff\n") == "f:1:1: not UTF-8 text");
  CHECK(yaml_refusal(std::string_view("\xff\xfe"
                                      "a\0:\0 \0"
                                      "1\0",
                                      10)) == "f:1:1: not UTF-8 text");
}

TEST_CASE("broken YAML is refused with its place", "[yaml][A58]") {
  CHECK(yaml_refusal("a: [1\nb: 2\n") != "(taken)");
  CHECK(yaml_refusal("a: 'x\n") == "f:1:4: the quote is not closed");
  CHECK(yaml_refusal("a: \"x\n") == "f:1:4: the quote is not closed");
  CHECK(yaml_refusal("a: \"x\\\"\n") != "(taken)");
  CHECK(yaml_refusal("a: 'it''s'\nb: \"\\\"\"\nc: 'é' \nd: it's\n") == "(taken)");
  CHECK(yaml_refusal("\xef\xbb\xbf"
                     "a: 'x'\n") == "(taken)");
  CHECK(yaml_refusal("a: b: c\n") != "(taken)");
  CHECK(yaml_refusal("a: 1\n b: 2\n") != "(taken)");
  CHECK(yaml_refusal("\tb: 2\n") != "(taken)");
  CHECK(yaml_refusal("a: %x\n") != "(taken)");
  CHECK_THAT(yaml_refusal("ok: 1\na: {b\n"), Catch::Matchers::StartsWith("f:"));
}
