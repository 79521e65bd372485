#include <catch2/catch.hpp>
#include <unordered_set>

#include "name/domain.h"

using namespace sm::name;

TEST_CASE("a domain has one spelling", "[domain]") {
  for (const auto* text : {"Example.ORG", "example.org.", "EXAMPLE.org"}) {
    const auto domain = Domain::parse(text);
    REQUIRE(domain);
    CHECK(domain->text() == "example.org");
    CHECK(*Domain::parse(domain->text()) == *domain);
  }
  CHECK(Domain::parse("localhost"));
  CHECK(Domain::parse("1.example"));
  CHECK(Domain::parse("a--b.example"));
}

TEST_CASE("internationalized domains become A-labels and are shown as U-labels (A52)", "[domain]") {
  const auto domain = Domain::parse(
      "B\xc3\xbc"
      "cher.example");
  REQUIRE(domain);
  CHECK(domain->text() == "xn--bcher-kva.example");
  CHECK(domain->unicode() ==
        "b\xc3\xbc"
        "cher.example");
  CHECK(*Domain::parse("XN--BCHER-KVA.example") == *domain);
  CHECK(*Domain::parse("bu\xcc\x88"
                       "cher.example") == *domain);  // decomposed
  CHECK(*Domain::parse("b\xc3\xbc"
                       "cher\xe3\x80\x82"
                       "example") == *domain);                       // ideographic stop
  CHECK(Domain::parse("fa\xc3\x9f.de")->text() == "xn--fa-hia.de");  // not "fass.de"
  CHECK(Domain::parse("xn--zzzzzzz999.de")->unicode() == "xn--zzzzzzz999.de");
}

TEST_CASE("what is no domain is refused (A50)", "[domain]") {
  using namespace std::string_literals;
  for (const auto& text : {""s,
                           "."s,
                           ".."s,
                           "a..b"s,
                           ".a"s,
                           "a.."s,
                           "-a.b"s,
                           "a-.b"s,
                           "a b"s,
                           "a_b.c"s,
                           "*.a"s,
                           "a@b"s,
                           "[1.2.3.4]"s,
                           "1.2.3.4"s,
                           "a.1"s,
                           "::1"s,
                           "a/b"s,
                           "a\0b"s,
                           "a\r\nb"s,
                           "a\\.b"s,
                           "\xff.example"s,
                           "a\xe2\x80\xae.b"s,
                           "a\xc2\xad.example"s,
                           "\xe2\x80\x8b.example"s,
                           std::string(64, 'a') + ".example",
                           "\xef\xbc\x8f.example"s}) {
    CAPTURE(text);
    const auto domain = Domain::parse(text);
    REQUIRE_FALSE(domain);
    CHECK(domain.error().code == sm::Errc::malformed);
    CHECK(domain.error().what.find('\n') == std::string::npos);
  }
}

TEST_CASE("labels have 63 and names 253 characters at most", "[domain]") {
  CHECK(Domain::parse(std::string(63, 'a') + ".example"));
  std::string name = "e";
  while (name.size() + 2 <= 253)
    name = "a." + name;
  CHECK(name.size() == 253);
  CHECK(Domain::parse(name));
  CHECK(Domain::parse(name + "."));
  CHECK_FALSE(Domain::parse("b" + name));
}

TEST_CASE("a DNS name may have underscores, a domain may not", "[domain]") {
  const auto mx = Domain::parse("mx.example");
  const auto tlsa = mx->prefixed("_25._tcp");
  REQUIRE(tlsa);
  CHECK(tlsa->text() == "_25._tcp.mx.example");
  CHECK(tlsa->labels() == std::vector<std::string_view>{"_25", "_tcp", "mx", "example"});
  CHECK_FALSE(Domain::from(*tlsa));
  CHECK(*Domain::from(*DnsName::parse("MX.example.")) == *mx);
  CHECK(tlsa->is_at_or_under(*mx));
  CHECK(mx->is_at_or_under(*mx));
  CHECK_FALSE(DnsName::parse("badmx.example")->is_at_or_under(*mx));
  CHECK_FALSE(mx->is_at_or_under(*tlsa));
  CHECK_FALSE(DnsName::parse("b\xc3\xbc.example"));
  CHECK_FALSE(DnsName::parse("."));
}

TEST_CASE("equal domains hash alike", "[domain]") {
  const std::unordered_set<Domain> domains{*Domain::parse("a.b"), *Domain::parse("A.B.")};
  CHECK(domains.size() == 1);
}
