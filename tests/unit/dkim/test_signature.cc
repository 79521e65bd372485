#include <catch2/catch.hpp>

#include "dkim/signature.h"
#include "dkim/tags.h"
#include "dkim_support.h"

using namespace sm;
using namespace sm::dkim;

namespace {

// The SHA-256 of nothing.
const std::string kHash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

/// A whole signature with one tag changed: "x=1" replaces or adds, "-x" leaves out.
std::string with(const std::string& change) {
  const std::vector<std::pair<std::string, std::string>> usual = {
      {"v", "1"},       {"a", "rsa-sha256"}, {"d", "example.com"}, {"s", "mail"},
      {"h", "from:to"}, {"bh", kHash},       {"b", "Zm9vYmFy"}};
  const std::string name = change.substr(change[0] == '-' ? 1 : 0, change.find('=') - 0);
  std::string text;
  bool is_placed = change[0] == '-';
  for (const auto& [tag, value] : usual) {
    if (tag == name) {
      if (change[0] != '-') text += change + "; ";
      is_placed = true;
    } else {
      text += tag + "=" + value + "; ";
    }
  }
  return is_placed ? text : text + change;
}

std::string defect_of(const std::string& change) {
  const auto parsed = parse_signature(with(change));
  if (parsed.signature()) return "";
  const Defect& defect = std::get<Defect>(parsed.content);
  return std::string(text(defect.status)) + " " + defect.why;
}

}  // namespace

TEST_CASE("tag lists are read as RFC 6376 3.2 says", "[dkim]") {
  std::string defect;
  const auto list = TagList::parse(" a = b ;\r\n\tc_1=\td e\r\n f ; g=;", defect);
  REQUIRE(list);
  CHECK(list->find("a") == "b");
  CHECK(list->find("c_1") == "d e\r\n f");
  CHECK(list->find("g") == "");
  CHECK_FALSE(list->find("A"));
  CHECK(without_white_space(*list->find("c_1")) == "def");
  for (const char* bad : {"", ";", "a", "a=b;;c=d", "a=b; ;", "=b", "1a=b", "a b=c", "a=b; a=c",
                          "a=\x01", "a=b\x7f", "a-b=c"}) {
    INFO(bad);
    CHECK_FALSE(TagList::parse(bad, defect));
    CHECK_FALSE(defect.empty());
  }
  CHECK(TagList::parse("a=\xc3\xa9", defect));  // RFC 8616
  CHECK_FALSE(TagList::parse("a=b; a=b", defect));
  CHECK(defect == "the tag a= comes twice");
  std::string many;
  for (int i = 0; i <= 100; ++i)
    many += "t" + std::to_string(i) + "=1;";
  CHECK_FALSE(TagList::parse(many, defect));
}

TEST_CASE("a whole signature is read into what it says", "[dkim]") {
  const auto parsed = parse_signature(
      " v=1; a=Ed25519-SHA256; c=relaxed; d=Example.COM; s=Mail.2026;\r\n\ti=joe@sub.example.com; "
      "l=12; t=100; x=0200; q=dns/txt; z=From:a; other=1;\r\n\th=From : To:\r\n "
      "To; bh=47DEQpj8HBSa+/TImW+5\r\n JCeuQeRkm5NMpJWZG3hSuFU=; b=Zm9v\r\n\t YmFy");
  const Signature* signature = parsed.signature();
  REQUIRE(signature);
  CHECK(parsed.d == "Example.COM");
  CHECK(signature->algorithm == Algorithm::ed25519_sha256);
  CHECK(signature->domain.text() == "example.com");
  CHECK(signature->key_name()->text() == "mail.2026._domainkey.example.com");
  CHECK(signature->canons == Canons{Canon::relaxed, Canon::simple});
  CHECK(signature->signed_names == std::vector<std::string>{"from", "to", "to"});
  CHECK(signature->body_hash == crypto::sha256({}));
  CHECK(signature->b_text == "Zm9vYmFy");
  CHECK(signature->identity == "joe@sub.example.com");
  CHECK(signature->length == 12);
  CHECK(signature->signed_at == test::at(100));
  CHECK(signature->expires == test::at(200));
  CHECK(evidence(*signature).bh == kHash);
  // printf %s Zm9vYmFy | sha256sum
  CHECK(evidence(*signature).b_sha256 ==
        "d7e924568e9c1fcd2de171d6f7f3bad2622837a62a51340ebe76ec0e4c0d340f");
}

TEST_CASE("c= defaults to simple, and i= to the domain", "[dkim]") {
  const auto parsed = parse_signature(with("v=1"));
  REQUIRE(parsed.signature());
  CHECK(parsed.signature()->canons == Canons{Canon::simple, Canon::simple});
  CHECK(parsed.signature()->identity == "@example.com");
}

TEST_CASE("each bound of a signature has its own words", "[dkim]") {
  CHECK(defect_of("v=1").empty());
  CHECK(defect_of("-v") == "permerror no v= tag");
  CHECK(defect_of("v=2") == "permerror v=2 is not known");
  CHECK(defect_of("-a") == "permerror no a= tag");
  CHECK(defect_of("a=rsa-sha1") == "permerror rsa-sha1 proves nothing any more");
  CHECK(defect_of("a=rsa-sha512") == "neutral the algorithm rsa-sha512 is not known");
  CHECK(defect_of("-d") == "permerror no d= tag");
  CHECK(defect_of("d=com") == "permerror d= is no domain");
  CHECK(defect_of("d=exa mple.com").empty());  // white space may fold any value
  CHECK(defect_of("d=a_b.example") == "permerror d= is no domain");
  CHECK(defect_of("s=") == "permerror s= is empty");
  CHECK(defect_of("s=a..b") == "permerror s= is no selector");
  CHECK(defect_of("c=none/simple") == "permerror the canonicalization c=none/simple is not known");
  CHECK(defect_of("-h") == "permerror no h= tag");
  CHECK(defect_of("h=to:subject") == "permerror From is not signed");
  CHECK(defect_of("h=from::to") == "permerror h= has no list of header names");
  CHECK(defect_of("bh=Zm9v") == "permerror bh= is no SHA-256 hash");
  CHECK(defect_of("bh=" + kHash + kHash) == "permerror bh= is no SHA-256 hash");
  CHECK(defect_of("b=Zm9vY") == "permerror b= is not base64");
  CHECK(defect_of("b=") == "permerror b= is empty");
  CHECK(defect_of("q=dns/xyz") == "permerror q= names no way to the key that we know");
  CHECK(defect_of("q=dns/xyz:dns/txt").empty());
  CHECK(defect_of("i=joe@example.org") == "permerror i= is outside of d=");
  CHECK(defect_of("i=joe@notexample.com") == "permerror i= is outside of d=");
  CHECK(defect_of("i=example.com") == "permerror i= is no identity");
  CHECK(defect_of("i=@a.example.com").empty());
  CHECK(defect_of("l=-1") == "permerror l= is no number");
  CHECK(defect_of("t=now") == "permerror t= is no number");
  CHECK(defect_of("t=200; x=100") == "permerror x= is not after t=");
  CHECK(defect_of("t=200; x=200") == "permerror x= is not after t=");
  CHECK(defect_of("x=99999999999999999999").empty());
  CHECK(defect_of("d=example.com; d=example.com") == "permerror the tag d= comes twice");
}

TEST_CASE("h= holds a thousand names and no more", "[dkim]") {
  std::string names = "h=from";
  for (std::size_t i = 1; i < kMaxSignedNames; ++i)
    names += ":x";
  CHECK(defect_of(names).empty());
  CHECK(defect_of(names + ":x") == "permerror h= has more than 1000 names");
}

TEST_CASE("only what stands in b= is left out of the signature's own field", "[dkim]") {
  CHECK(without_b("DKIM-Signature: v=1; b=abc\r\n\t def; bh=xyz\r\n") ==
        "DKIM-Signature: v=1; b=; bh=xyz");
  CHECK(without_b("DKIM-Signature: bh=x; b = abc \r\n") == "DKIM-Signature: bh=x; b =");
  CHECK(without_b("DKIM-Signature: b=a\r\n") == "DKIM-Signature: b=");
  CHECK(without_b("DKIM-Signature: bh=a\r\n") == "DKIM-Signature: bh=a");
}
