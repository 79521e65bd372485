#include <catch2/catch.hpp>

#include "portal/fields.h"

using namespace sm;
using namespace sm::portal;

TEST_CASE("a cookie is found by its whole name, and one that is there twice is none", "[portal]") {
  CHECK(find_cookie("a=1; b=2;c=3", "b") == "2");
  CHECK(find_cookie("a=1; b=2;c=3", "c") == "3");
  CHECK(find_cookie("a=1=2", "a") == "1=2");
  CHECK(find_cookie("b=", "b") == "");
  CHECK_FALSE(find_cookie("ab=1", "b"));
  CHECK_FALSE(find_cookie("b=1; b=2", "b"));
  CHECK_FALSE(find_cookie("", "b"));
  CHECK_FALSE(find_cookie("b", "b"));
}

TEST_CASE("one range is a part, several and strange ones are the whole", "[portal]") {
  const auto part = [](std::string_view field, std::uint64_t size) -> std::optional<ByteRange> {
    const auto answer = parse_range(field, size);
    if (answer.kind != RangeKind::part) return std::nullopt;
    return answer.range;
  };
  CHECK(part("bytes=0-99", 1000) == ByteRange{0, 99});
  CHECK(part("bytes=0-0", 1000) == ByteRange{0, 0});
  CHECK(part("bytes=100-", 1000) == ByteRange{100, 999});
  CHECK(part("bytes=-1", 1000) == ByteRange{999, 999});
  CHECK(part("bytes=-5000", 1000) == ByteRange{0, 999});
  CHECK(part("bytes=0-99999999999999999999999", 1000) == ByteRange{0, 999});
  CHECK(part("Bytes=0-1", 1000) == ByteRange{0, 1});
  for (const auto* field : {"", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=0-1,3-4",
                            "lines=0-1", "bytes 0-1", "bytes=0 -1", "bytes=--1", "bytes=0x0-1"}) {
    CAPTURE(field);
    CHECK(parse_range(field, 1000).kind == RangeKind::whole);
  }
  for (const auto* field :
       {"bytes=1000-", "bytes=1000-2000", "bytes=-0", "bytes=99999999999999999999999-"}) {
    CAPTURE(field);
    CHECK(parse_range(field, 1000).kind == RangeKind::unsatisfiable);
  }
  CHECK(parse_range("bytes=0-", 0).kind == RangeKind::unsatisfiable);
  CHECK(parse_range("bytes=-1", 0).kind == RangeKind::unsatisfiable);
}

TEST_CASE("the language is the one that the client likes better, Dutch where it likes both",
          "[portal]") {
  CHECK(preferred_language("nl") == "nl");
  CHECK(preferred_language("en-GB,en;q=0.9,nl;q=0.8") == "en");
  CHECK(preferred_language("nl-BE, en;q=0.9") == "nl");
  CHECK(preferred_language("de, en;q=0.2, nl;q=0.1") == "en");
  CHECK(preferred_language("nl;q=0, en;q=0.1") == "en");
  CHECK(preferred_language("nl;q=1.000,en") == "nl");
  for (const auto* field :
       {"", "de", "nlx", "nl;q=0", "nl;q=2", "nl;q=0.1234", "nl;q=", "*", ";;,,"}) {
    CAPTURE(field);
    CHECK(preferred_language(field) == "");
  }
}

TEST_CASE("a form is read whole or not at all", "[portal]") {
  const auto value = [](const Form& form, std::string_view name) {
    return std::string(as_text(form.find(name)->second.reveal()));
  };
  auto form = parse_form(as_bytes("nonce=a.1.b&code=12+34%2056&empty=&%c3%bc=%C3%BC"));
  REQUIRE(form);
  CHECK(form->size() == 4);
  CHECK(value(*form, "code") == "12 34 56");
  CHECK(value(*form, "empty").empty());
  CHECK(value(*form, "\u00fc") == "\u00fc");
  CHECK(parse_form({})->empty());
  for (const auto* body : {"a=1&a=2", "a=%", "a=%4", "a=%zz", "a=1&%"}) {
    CAPTURE(body);
    CHECK_FALSE(parse_form(as_bytes(body)));
  }
  std::string many;
  for (int i = 0; i < 33; ++i)
    many += "f" + std::to_string(i) + "=&";
  CHECK_FALSE(parse_form(as_bytes(many)));
}

TEST_CASE("file names stand in quotes for old clients and in UTF-8 for the others (RFC 6266)",
          "[portal]") {
  CHECK(attachment_disposition("scan.pdf") == "attachment; filename=\"scan.pdf\"");
  CHECK(attachment_disposition("a b.pdf") == "attachment; filename=\"a b.pdf\"");
  CHECK(attachment_disposition("\u00fc 1.pdf") ==
        "attachment; filename=\"_ 1.pdf\"; filename*=UTF-8''%C3%BC%201.pdf");
  CHECK(attachment_disposition("a\"b\\c.pdf") ==
        "attachment; filename=\"a_b_c.pdf\"; filename*=UTF-8''a%22b%5Cc.pdf");
  CHECK(attachment_disposition("50%.txt") ==
        "attachment; filename=\"50_.txt\"; filename*=UTF-8''50%25.txt");
  CHECK(attachment_disposition("a\r\nSet-Cookie: x") ==
        "attachment; filename=\"a__Set-Cookie: x\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x");
}

TEST_CASE("a Host is compared without its case, its usual port and its last dot", "[portal]") {
  CHECK(canonical_host("Portal.Example") == "portal.example");
  CHECK(canonical_host("portal.example:443") == "portal.example");
  CHECK(canonical_host("portal.example.") == "portal.example");
  CHECK(canonical_host("portal.example:8443") == "portal.example:8443");
  CHECK(canonical_host("[2001:db8::1]:443") == "[2001:db8::1]");
  for (const auto* host : {"", "a b", "a/b", "a\r\nb", "a@b", "<a>"}) {
    CAPTURE(host);
    CHECK(canonical_host(host).empty());
  }
}

TEST_CASE("sizes are for people", "[portal]") {
  CHECK(size_text(0, '.') == "0 B");
  CHECK(size_text(999, '.') == "999 B");
  CHECK(size_text(1000, '.') == "1\u00a0kB");
  CHECK(size_text(2'340'000, ',') == "2,3\u00a0MB");
  CHECK(size_text(50'000'000, ',') == "50\u00a0MB");
  CHECK(size_text(999'999, '.') == "1\u00a0MB");
  CHECK(size_text(1'099'511'627'776, '.') == "1.1\u00a0TB");
}
