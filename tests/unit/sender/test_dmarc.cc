#include <catch2/catch.hpp>

#include "sender/dmarc.h"
#include "support/fake_resolver.h"

namespace {
using namespace sm;
using namespace sm::sender;
using test::domain;
using test::FakeResolver;
using Texts = std::vector<std::string>;
}  // namespace

TEST_CASE("a whole DMARC record is read", "[dmarc]") {
  const auto record = parse_dmarc(
      "v=DMARC1; p=reject; sp=quarantine; adkim=s; aspf=r; pct=50; "
      "rua=mailto:a@d.example!10m, mailto:b@d.example; ruf=mailto:c@d.example; fo=1; x=y;");
  REQUIRE(record);
  CHECK(record->policy == DmarcPolicy::reject);
  CHECK(record->subdomain_policy == DmarcPolicy::quarantine);
  CHECK(record->dkim == DmarcAlignment::strict);
  CHECK(record->spf == DmarcAlignment::relaxed);
  CHECK(record->percent == 50);
  CHECK(record->rua == Texts{"mailto:a@d.example", "mailto:b@d.example"});
}

TEST_CASE("defaults are relaxed, all messages, no addresses", "[dmarc]") {
  const auto record = parse_dmarc("v=DMARC1;p=none");
  REQUIRE(record);
  CHECK(record->dkim == DmarcAlignment::relaxed);
  CHECK(record->percent == 100);
  CHECK(record->rua.empty());
  CHECK_FALSE(record->subdomain_policy);
}

TEST_CASE("without a valid policy a report address makes it none, else the record is nothing",
          "[dmarc]") {
  CHECK(parse_dmarc("v=DMARC1; rua=mailto:a@d.example")->policy == DmarcPolicy::none);
  CHECK(parse_dmarc("v=DMARC1; p=refuse; rua=mailto:a@d.example")->policy == DmarcPolicy::none);
  CHECK(parse_dmarc("v=DMARC1; p=reject; sp=x; rua=mailto:a@d.example")->policy ==
        DmarcPolicy::none);
  CHECK_FALSE(parse_dmarc("v=DMARC1"));
  CHECK_FALSE(parse_dmarc("v=DMARC1; p=refuse"));
}

TEST_CASE("DMARC records that break the syntax are refused", "[dmarc]") {
  for (const char* bad :
       {"", "v=DMARC2; p=none", "p=none; v=DMARC1", "v=dmarc1; p=none", "v=DMARC1; p=none; adkim=x",
        "v=DMARC1; p=none; pct=101", "v=DMARC1; p=none; pct=-1",
        "v=DMARC1; p=none; rua=a@d.example", "v=DMARC1; p=none; rua=", "v=DMARC1; p=none; nonsense",
        "v=DMARC1; p=none; p=reject"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_dmarc(bad));
  }
}

TEST_CASE("the domain's own record holds, with p=", "[dmarc]") {
  FakeResolver fake;
  fake.add("_dmarc.d.example", "TXT", "v=DMARC1; p=reject; sp=none");
  const auto dmarc = look_at_dmarc(fake, domain("d.example"));
  CHECK(dmarc.state == DmarcState::good);
  CHECK(dmarc.policy == DmarcPolicy::reject);
  CHECK(dmarc.found_at == domain("d.example"));
  CHECK(dmarc.answers.size() == 1);
}

TEST_CASE("a subdomain takes the record above it, with sp= where there is one", "[dmarc]") {
  FakeResolver fake;
  fake.add("_dmarc.d.example", "TXT", "v=DMARC1; p=reject; sp=quarantine");
  const auto dmarc = look_at_dmarc(fake, domain("a.b.d.example"));
  CHECK(dmarc.state == DmarcState::good);
  CHECK(dmarc.policy == DmarcPolicy::quarantine);
  CHECK(dmarc.found_at == domain("d.example"));
  CHECK(fake.asked() ==
        Texts{"TXT _dmarc.a.b.d.example", "TXT _dmarc.b.d.example", "TXT _dmarc.d.example"});
}

TEST_CASE("a top-level domain is never asked, and a deep name asks at most eight times",
          "[dmarc]") {
  FakeResolver fake;
  CHECK(look_at_dmarc(fake, domain("d.example")).state == DmarcState::none);
  CHECK_FALSE(fake.was_asked("TXT _dmarc.example"));
  FakeResolver deep;
  look_at_dmarc(deep, domain("a.b.c.d.e.f.g.h.i.j.k.example"));
  CHECK(deep.asked().size() <= 8);
  CHECK(deep.was_asked("TXT _dmarc.k.example"));
}

TEST_CASE("several records, a broken one and a failed lookup are no policy, each in its way",
          "[dmarc]") {
  FakeResolver several;
  several.add("_dmarc.d.example", "TXT", "v=DMARC1; p=none");
  several.add("_dmarc.d.example", "TXT", "v=DMARC1; p=reject");
  CHECK(look_at_dmarc(several, domain("d.example")).state == DmarcState::invalid);
  FakeResolver broken;
  broken.add("_dmarc.d.example", "TXT", "v=DMARC1; p=maybe");
  CHECK(look_at_dmarc(broken, domain("d.example")).state == DmarcState::invalid);
  FakeResolver failing;
  failing.fail("_dmarc.d.example", "TXT");
  CHECK(look_at_dmarc(failing, domain("d.example")).state == DmarcState::unknown);
}

TEST_CASE("a report address elsewhere needs that domain's agreement", "[dmarc]") {
  FakeResolver fake;
  fake.add("d.example._report._dmarc.yes.example", "TXT", "v=DMARC1");
  const auto record = parse_dmarc(
      "v=DMARC1; p=none; rua=mailto:a@d.example,mailto:a@sub.d.example,mailto:a@yes.example,"
      "mailto:a@no.example");
  REQUIRE(record);
  CHECK(unauthorised_reports(fake, domain("d.example"), *record) == Texts{"mailto:a@no.example"});
}
