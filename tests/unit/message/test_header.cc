#include <catch2/catch.hpp>

#include "message/header.h"

using namespace sm;
using namespace sm::message;

TEST_CASE("an index shows names, values and raw bytes without changing them", "[header]") {
  const std::string bytes = "From: a@b\r\nsubject:  x\r\n\ty  \r\nX:\r\nFROM:c\r\n";
  const auto header = HeaderIndex::parse(bytes);
  REQUIRE(header);
  REQUIRE(header->size() == 4);
  CHECK((*header)[1].raw == "subject:  x\r\n\ty  \r\n");
  CHECK((*header)[1].name == "subject");
  CHECK((*header)[1].value == "  x\r\n\ty  ");
  CHECK((*header)[2].value.empty());
  CHECK(header->count("from") == 2);
  CHECK(header->all("From") == std::vector<std::size_t>{0, 3});
  REQUIRE(header->first("Subject"));
  CHECK(unfolded(header->first("Subject")->value) == "x\ty");
  CHECK(header->first("To") == nullptr);
  std::string joined;
  for (const auto& field : *header)
    joined += field.raw;
  CHECK(joined == bytes);
}

TEST_CASE("a header whose last line has no end, or with an empty line, is refused", "[header]") {
  CHECK_FALSE(HeaderIndex::parse("A: b"));
  CHECK_FALSE(HeaderIndex::parse("A: b\n"));
  CHECK_FALSE(HeaderIndex::parse("A: b\r\n\r\n"));
  CHECK_FALSE(HeaderIndex::parse("A: b\r\nC: d\n e\r\n", Syntax::lenient));
  CHECK(HeaderIndex::parse("")->size() == 0);
}

TEST_CASE("the lenient syntax takes white space before the colon", "[header]") {
  const auto header = HeaderIndex::parse("Subject \t: x\r\n", Syntax::lenient);
  REQUIRE(header);
  CHECK((*header)[0].name == "Subject");
  CHECK((*header)[0].value == " x");
  CHECK((*header)[0].raw == "Subject \t: x\r\n");
  CHECK_FALSE(HeaderIndex::parse("Sub ject: x\r\n", Syntax::lenient));
}

TEST_CASE("a field is made on lines of at most 78 characters where blanks allow", "[header]") {
  CHECK(*make_field("Subject", "hello world") == "Subject: hello world\r\n");
  CHECK(*make_field("X", "") == "X:\r\n");
  std::string words;
  for (int i = 0; i < 100; ++i)
    words += "word" + std::to_string(i) + (i % 10 == 0 ? "   " : " ");
  const auto field = make_field("Subject", words);
  REQUIRE(field);
  const auto header = HeaderIndex::parse(*field);
  REQUIRE(header);
  CHECK(unfolded((*header)[0].value) == words.substr(0, words.size() - 1));
  for (std::size_t begin = 0; begin < field->size();) {
    const auto end = field->find("\r\n", begin);
    CHECK(end - begin <= 78);
    begin = end + 2;
  }
}

TEST_CASE("no value makes a second field (A05)", "[header]") {
  using namespace std::string_literals;
  for (const auto& value :
       {"a\r\nBcc: x@y"s, "a\nb"s, "a\rb"s, "a\0b"s, "\xff"s, std::string(999, 'x')}) {
    CHECK_FALSE(make_field("Subject", value));
  }
  for (const auto* name : {"", "A B", "A:", "A\r\nB", "\xc3\xa9"}) {
    CHECK_FALSE(make_field(name, "x"));
  }
}
