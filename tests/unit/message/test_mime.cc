#include <catch2/catch.hpp>

#include "message/mime.h"

using namespace sm;
using namespace sm::message;

namespace {

/// A message in LF for reading ease.
std::string crlf(std::string_view text) {
  std::string lines;
  for (const char c : text) {
    if (c == '\n') lines += '\r';
    lines += c;
  }
  return lines;
}

struct Scanned {
  std::string body;
  Result<std::vector<Part>> parts;
  [[nodiscard]] std::string content(std::size_t i) const {
    const auto& place = parts->at(i).body;
    return body.substr(place.begin, place.size());
  }
};

Scanned scan(std::string_view header, std::string_view body, std::size_t block = 65536,
             MimeLimits limits = {}) {
  const std::string header_bytes = crlf(header);
  const auto index = HeaderIndex::parse(header_bytes);
  REQUIRE(index);
  Scanned scanned{crlf(body), fail(Errc::bug, "")};
  scanned.parts = scan_mime(*index, *read_memory(scanned.body, block), limits);
  return scanned;
}

const std::string kMixed = "Content-Type: multipart/mixed; boundary=b\n";

}  // namespace

TEST_CASE("a plain message is one part", "[mime]") {
  const auto scanned = scan("Subject: x\n", "hello\n--b\n");
  REQUIRE(scanned.parts);
  REQUIRE(scanned.parts->size() == 1);
  CHECK(scanned.parts->front().type.value == "text/plain");
  CHECK_FALSE(scanned.parts->front().has_type);
  CHECK(scanned.content(0) == "hello\r\n--b\r\n");
}

TEST_CASE("parts have exact places, and the CRLF before a delimiter is the delimiter's", "[mime]") {
  const std::string body =
      "preamble\n--b\n\none\n--b  \nContent-Type: text/html\nContent-Transfer-Encoding:\n base64\n"
      "Content-Disposition: attachment; filename=\"a b.html\"\n\ntwo\n\n--b--\nepilogue\n--b\n";
  const auto scanned = scan(kMixed, body);
  REQUIRE(scanned.parts);
  const auto& parts = *scanned.parts;
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].is_multipart());
  CHECK(scanned.content(1) == "one");
  CHECK(parts[1].header.empty());
  CHECK(scanned.content(2) == "two\r\n");
  CHECK(parts[2].type.value == "text/html");
  CHECK(parts[2].encoding == TransferEncoding::base64);
  CHECK(parts[2].disposition == "attachment");
  CHECK(parts[2].file_name == "a b.html");
  const auto& field = parts[2].encoding_field;
  CHECK(scanned.body.substr(field.begin, field.size()) ==
        "Content-Transfer-Encoding:\r\n base64\r\n");
  CHECK(scanned.body.substr(parts[0].close, 5) == "--b--");
  CHECK(parts[0].body.end == scanned.body.size());
}

TEST_CASE("nested multiparts and messages are found, an outer delimiter ends them", "[mime]") {
  const std::string body =
      "--b\nContent-Type: multipart/alternative; boundary=\"bb\"\n\n--bb\n\nx\n--bb\n\ny\n"
      "--b\nContent-Type: message/rfc822\n\nSubject: in\nContent-Type: multipart/mixed; "
      "boundary=c\n\n--c\n\nz\n--c--\n\n--b--\n";
  const auto scanned = scan(kMixed, body);
  REQUIRE(scanned.parts);
  const auto& parts = *scanned.parts;
  REQUIRE(parts.size() == 7);
  CHECK(parts[1].close == Part::kNotClosed);
  CHECK(scanned.content(2) == "x");
  CHECK(scanned.content(3) == "y");
  CHECK(scanned.content(1) == "--bb\r\n\r\nx\r\n--bb\r\n\r\ny");
  CHECK(parts[4].is_message());
  CHECK(parts[5].parent == 4);
  CHECK(parts[5].is_multipart());
  CHECK(scanned.content(6) == "z");
  CHECK(parts[6].depth == 3);
  CHECK(scanned.content(4).ends_with("--c--\r\n"));
}

TEST_CASE("a delimiter must be the whole line", "[mime]") {
  const auto scanned = scan(kMixed, "--b\n\n--bx\n --b\n--b-\n--b--x\n--\n--b--\n");
  REQUIRE(scanned.parts);
  REQUIRE(scanned.parts->size() == 2);
  CHECK(scanned.content(1) == "--bx\r\n --b\r\n--b-\r\n--b--x\r\n--");
}

TEST_CASE("parts without content, header or end are parts", "[mime]") {
  const auto scanned = scan(kMixed, "--b\n--b\nX: y\n--b\n\n--b\n\n\n--b\n\nlast\n");
  REQUIRE(scanned.parts);
  REQUIRE(scanned.parts->size() == 6);
  CHECK(scanned.content(1).empty());
  CHECK(scanned.content(2).empty());
  CHECK(scanned.content(3).empty());
  CHECK(scanned.content(4).empty());
  CHECK(scanned.content(5) == "last\r\n");
}

TEST_CASE("octets above 127 are counted where they are", "[mime]") {
  const auto scanned = scan(kMixed, "\xc3\xa9\n--b\nX: \xc3\xa9\n\n\xff\xff\xff\n--b--\n\xe9\n");
  REQUIRE(scanned.parts);
  CHECK((*scanned.parts)[0].eight_bit == 3);
  CHECK((*scanned.parts)[1].eight_bit == 3);
  CHECK((*scanned.parts)[1].is_header_8bit);
}

TEST_CASE("in a digest a part is a message unless it says otherwise", "[mime]") {
  const auto scanned =
      scan("Content-Type: multipart/digest; boundary=b\n",
           "--b\n\nSubject: x\n\nhello\n--b\nContent-Type: text/plain\n\ny\n--b--\n");
  REQUIRE(scanned.parts);
  REQUIRE(scanned.parts->size() == 4);
  CHECK((*scanned.parts)[1].is_message());
  CHECK(scanned.content(2) == "hello");
  CHECK((*scanned.parts)[3].is_leaf());
}

TEST_CASE("a structure that two readers could read in two ways is refused (A54)", "[mime]") {
  const std::string part = "--b\n\nx\n--b--\n";
  CHECK(scan(kMixed, part).parts);
  CHECK_FALSE(scan("Content-Type: multipart/mixed\n", part).parts);
  CHECK_FALSE(scan("Content-Type: multipart/mixed; boundary=\"\"\n", part).parts);
  CHECK_FALSE(scan("Content-Type: multipart/mixed; boundary=b; boundary=c\n", part).parts);
  CHECK_FALSE(scan("Content-Type: multipart/mixed; boundary*=us-ascii''b\n", part).parts);
  CHECK_FALSE(scan("Content-Type: multipart/mixed; boundary=\"b \"\n", part).parts);
  CHECK_FALSE(
      scan("Content-Type: multipart/mixed; boundary=" + std::string(71, 'b') + "\n", part).parts);
  CHECK_FALSE(scan(kMixed + kMixed, part).parts);
  CHECK_FALSE(scan(kMixed + "Content-Transfer-Encoding: base64\n", part).parts);
  CHECK_FALSE(scan(kMixed, "--b\nno colon\n\nx\n--b--\n").parts);
  CHECK_FALSE(scan(kMixed, "--b\n folded\n\nx\n--b--\n").parts);
  CHECK_FALSE(scan(kMixed, "--b\nContent-Type: text/plain\nContent-type: text/html\n\n").parts);
  CHECK_FALSE(scan(kMixed, "--b\nContent-Type: message/rfc822\n--b--\n").parts);
  CHECK_FALSE(scan(kMixed, "--b\nContent-Type: multipart/mixed; boundary=c\n--b--\n").parts);
}

TEST_CASE("parts and depth are bounded (A54)", "[mime]") {
  const auto many = [](int parts) {
    std::string body;
    for (int i = 0; i < parts; ++i)
      body += "--b\n\nx\n";
    return scan(kMixed, body + "--b--\n");
  };
  CHECK(many(999).parts);
  const auto thousand = many(1000);
  REQUIRE_FALSE(thousand.parts);
  CHECK(thousand.parts.error().what.find("more than 1000 parts") != std::string::npos);
  CHECK_FALSE(many(10'000).parts);

  const auto deep = [](int depth) {
    std::string body;
    for (int i = 0; i < depth; ++i) {
      const auto outer = i == 0 ? std::string("b") : "b" + std::to_string(i);
      body += "--" + outer + "\nContent-Type: multipart/mixed; boundary=b" + std::to_string(i + 1) +
              "\n\n";
    }
    return scan(kMixed, body);
  };
  CHECK(deep(50).parts);
  CHECK_FALSE(deep(51).parts);
  CHECK_FALSE(deep(1000).parts);
  std::string messages = "--b\n";
  for (int i = 0; i < 1000; ++i)
    messages += "Content-Type: message/rfc822\n\n";
  CHECK_FALSE(scan(kMixed, messages).parts);
  CHECK_FALSE(scan(kMixed, "--b\nX: " + std::string(70'000, 'x') + "\n\n").parts);
}

TEST_CASE("where the body is cut changes nothing of its parts", "[mime]") {
  const std::string body =
      "p\n--b\nContent-Type: multipart/x; boundary=c\n\n--c\nX: \xc3\xa9\n\n\xe9\n--c--\n"
      "--b\nContent-Transfer-Encoding: 8bit\n\n\n--b\n\n--b--\ne\n";
  const auto whole = scan(kMixed, body);
  REQUIRE(whole.parts);
  for (std::size_t block = 1; block < 80; ++block) {
    CAPTURE(block);
    const auto cut = scan(kMixed, body, block);
    REQUIRE(cut.parts);
    REQUIRE(cut.parts->size() == whole.parts->size());
    for (std::size_t i = 0; i < cut.parts->size(); ++i) {
      const auto& a = (*cut.parts)[i];
      const auto& b = (*whole.parts)[i];
      CHECK(a.body.begin == b.body.begin);
      CHECK(a.body.end == b.body.end);
      CHECK(a.header.begin == b.header.begin);
      CHECK(a.header.end == b.header.end);
      CHECK(a.encoding_field.begin == b.encoding_field.begin);
      CHECK(a.eight_bit == b.eight_bit);
      CHECK(a.close == b.close);
      CHECK(a.is_header_8bit == b.is_header_8bit);
    }
  }
}
