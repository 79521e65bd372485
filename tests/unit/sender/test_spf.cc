#include <catch2/catch.hpp>

#include "sender/spf.h"
#include "support/fake_resolver.h"

namespace {
using namespace sm;
using namespace sm::sender;
using test::FakeResolver;

Spf spf_of(FakeResolver& fake) {
  return look_at_spf(fake, test::domain("d.example"));
}
Spf spf_of(std::string_view record) {
  FakeResolver fake;
  fake.add("d.example", "TXT", record);
  return spf_of(fake);
}
}  // namespace

TEST_CASE("every mechanism and modifier of SPF is read", "[spf]") {
  const auto record = parse_spf(
      "v=spf1 +mx a:m.example/24//64 -ip4:192.0.2.0/24 ?ip6:2001:db8::/32 include:i.example ptr "
      "exists:%{ir}.sbl.example redirect=r.example exp=e.example x-y=z ~all");
  REQUIRE(record);
  REQUIRE(record->terms.size() == 11);
  CHECK(record->terms[1].value == "m.example");
  CHECK(record->terms[1].prefix == "/24//64");
  CHECK(record->terms[2].qualifier == SpfQualifier::fail);
  CHECK(record->terms[3].value == "2001:db8::");
  CHECK(record->terms[6].value == "%{ir}.sbl.example");
  CHECK(record->all() == SpfQualifier::softfail);
  CHECK(record->redirect() == "r.example");
}

TEST_CASE("SPF names are case-insensitive and spaces may repeat", "[spf]") {
  const auto record = parse_spf("V=SPF1  MX   -ALL ");
  REQUIRE(record);
  CHECK(record->terms.size() == 2);
  CHECK(record->all() == SpfQualifier::fail);
}

TEST_CASE("SPF records that receivers take for errors are refused", "[spf]") {
  for (const char* bad : {"v=spf10 -all",
                          "v=spf1 foo -all",
                          "v=spf1 -all:x.example",
                          "v=spf1 include -all",
                          "v=spf1 include: -all",
                          "v=spf1 ip4:192.0.2.256 -all",
                          "v=spf1 ip4:192.0.2.1/33 -all",
                          "v=spf1 ip4:192.0.2.1/024 -all",
                          "v=spf1 ip4:2001:db8::1 -all",
                          "v=spf1 ip6:192.0.2.1 -all",
                          "v=spf1 ip6:2001:db8::/129 -all",
                          "v=spf1 ip4 -all",
                          "v=spf1 a/33 -all",
                          "v=spf1 a//129 -all",
                          "v=spf1 a:d.example/ -all",
                          "v=spf1 include:i.example/24 -all",
                          "v=spf1 exists:%{x}.d.example -all",
                          "v=spf1 exists:%(i).d.example -all",
                          "v=spf1 exists:100%.d.example -all",
                          "v=spf1 redirect=a.example redirect=b.example",
                          "v=spf1 redirect=",
                          "v=spf1 include:a..example -all",
                          "v=spf1 -all\t",
                          "v=spf1 =x -all"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_spf(bad));
  }
}

TEST_CASE("one sound record that ends in -all or ~all is good", "[spf]") {
  CHECK(spf_of("v=spf1 ip4:192.0.2.1 -all").state == SpfState::good);
  CHECK(spf_of("v=spf1 ip4:192.0.2.1 ~all").state == SpfState::good);
}

TEST_CASE("a record that lets the others pass, or says nothing of them, is open", "[spf]") {
  CHECK(spf_of("v=spf1 +all").state == SpfState::open);
  CHECK(spf_of("v=spf1 mx ?all").state == SpfState::open);
  CHECK(spf_of("v=spf1 ip4:192.0.2.1").state == SpfState::open);
  CHECK(spf_of("v=spf1").state == SpfState::open);
}

TEST_CASE("no record, several records and failed lookups are three things", "[spf]") {
  CHECK(spf_of("v=spf10 -all").state == SpfState::none);
  FakeResolver several;
  several.add("d.example", "TXT", "v=spf1 -all").add("d.example", "TXT", "v=spf1 mx -all");
  CHECK(spf_of(several).state == SpfState::invalid);
  FakeResolver failing;
  failing.fail("d.example", "TXT");
  CHECK(spf_of(failing).state == SpfState::unknown);
  FakeResolver bogus;
  bogus.bogus("d.example", "TXT");
  CHECK(spf_of(bogus).state == SpfState::unknown);
}

TEST_CASE("strings of an SPF record are joined without spaces", "[spf]") {
  CHECK(spf_of("\"v=spf1 ip4:192.0\" \".2.1 -all\"").state == SpfState::good);
}

TEST_CASE("lookups are counted through includes and redirects", "[spf]") {
  FakeResolver fake;
  fake.add("d.example", "TXT", "v=spf1 include:i.example mx redirect=r.example");
  fake.add("d.example", "MX", "10 mx.d.example");
  fake.add("i.example", "TXT", "v=spf1 a ip4:192.0.2.1 exists:%{i}.x.example -all");
  fake.add("i.example", "A", "192.0.2.1");
  fake.add("r.example", "TXT", "v=spf1 -all");
  const auto spf = spf_of(fake);
  CHECK(spf.state == SpfState::good);
  CHECK(spf.lookups == 5);  // include, a, exists, mx, redirect
  CHECK(spf.all == SpfQualifier::fail);
  CHECK(spf.included.size() == 2);
}

TEST_CASE("the all of an include is not the domain's own", "[spf]") {
  FakeResolver fake;
  fake.add("d.example", "TXT", "v=spf1 include:i.example");
  fake.add("i.example", "TXT", "v=spf1 -all");
  CHECK(spf_of(fake).state == SpfState::open);
}

TEST_CASE("more than ten lookups are an error, ten are not", "[spf]") {
  for (const int count : {10, 11}) {
    FakeResolver fake;
    std::string record = "v=spf1";
    for (int i = 0; i < count; ++i) {
      const auto name = "i" + std::to_string(i) + ".example";
      record += " include:" + name;
      fake.add(name, "TXT", "v=spf1 ip4:192.0.2.1 -all");
    }
    fake.add("d.example", "TXT", record + " -all");
    const auto spf = spf_of(fake);
    CHECK(spf.state == (count == 10 ? SpfState::good : SpfState::invalid));
    CHECK(spf.lookups == static_cast<unsigned>(count));
  }
}

TEST_CASE("a record that includes itself ends, as an error", "[spf]") {
  FakeResolver fake;
  fake.add("d.example", "TXT", "v=spf1 include:d.example include:d.example -all");
  const auto spf = spf_of(fake);
  CHECK(spf.state == SpfState::invalid);
  CHECK(fake.asked().size() < 100);
}

TEST_CASE("an include without a record is an error; one that cannot be read is unknown", "[spf]") {
  CHECK(spf_of("v=spf1 include:none.example -all").state == SpfState::invalid);
  FakeResolver fake;
  fake.add("d.example", "TXT", "v=spf1 include:broken.example -all");
  fake.fail("broken.example", "TXT");
  CHECK(spf_of(fake).state == SpfState::unknown);
}

TEST_CASE("more than two names without any address are an error", "[spf]") {
  CHECK(spf_of("v=spf1 a:x1.example a:x2.example -all").state == SpfState::good);
  const auto spf = spf_of("v=spf1 a:x1.example a:x2.example mx:x3.example -all");
  CHECK(spf.state == SpfState::invalid);
  CHECK(spf.void_lookups == 3);
}

TEST_CASE("mx of a domain with more than ten MX hosts is an error", "[spf]") {
  FakeResolver fake;
  fake.add("d.example", "TXT", "v=spf1 mx -all");
  for (int i = 0; i < 11; ++i) {
    fake.add("d.example", "MX", "10 mx" + std::to_string(i) + ".example");
  }
  CHECK(spf_of(fake).state == SpfState::invalid);
}
