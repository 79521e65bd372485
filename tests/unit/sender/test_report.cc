#include <algorithm>
#include <catch2/catch.hpp>

#include "sender/report.h"
#include "support/fake_resolver.h"

namespace {
using namespace sm;
using namespace sm::sender;
using test::FakeResolver;

// RFC 6376 appendix C's 1024-bit key, and RFC 8463 A.2's Ed25519 key.
constexpr const char* kShortRsa =
    "v=DKIM1; k=rsa; "
    "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/"
    "zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/"
    "NMqJ0fzfVjH4OuKhi"
    "tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";
constexpr const char* kEd25519 =
    "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

Report look(FakeResolver& fake, const std::vector<std::string>& selectors = {}) {
  return look_at_sender(fake, test::domain("d.example"), selectors);
}
bool has(const Report& report, std::string_view code) {
  return std::any_of(report.findings.begin(), report.findings.end(),
                     [&](const Finding& finding) { return finding.code == code; });
}
}  // namespace

TEST_CASE("nothing published: not aligned, and each piece missing is found", "[sender]") {
  FakeResolver fake;
  const auto report = look(fake, {"s1"});
  CHECK(report.aligned == Aligned::no);
  CHECK(has(report, "spf-missing"));
  CHECK(has(report, "dkim-key-missing"));
  CHECK(has(report, "dmarc-missing"));
}

TEST_CASE("SPF and DMARC align, also without a DKIM key", "[sender]") {
  FakeResolver fake;
  fake.add("d.example", "TXT", "v=spf1 ip4:192.0.2.1 -all");
  fake.add("_dmarc.d.example", "TXT", "v=DMARC1; p=reject; rua=mailto:r@d.example");
  const auto report = look(fake);
  CHECK(report.aligned == Aligned::yes);
  CHECK(has(report, "dkim-not-checked"));
  CHECK(report.findings.size() == 1);
}

TEST_CASE("a DKIM key and DMARC align, also without SPF", "[sender]") {
  FakeResolver fake;
  fake.add("s1._domainkey.d.example", "TXT", kShortRsa);
  fake.add("_dmarc.d.example", "TXT", "v=DMARC1; p=reject; rua=mailto:r@d.example");
  const auto report = look(fake, {"s1"});
  CHECK(report.aligned == Aligned::yes);
  CHECK(has(report, "spf-missing"));
  CHECK(has(report, "dkim-key-short"));
}

TEST_CASE("without DMARC nothing is aligned", "[sender]") {
  FakeResolver fake;
  fake.add("d.example", "TXT", "v=spf1 -all");
  CHECK(look(fake).aligned == Aligned::no);
}

TEST_CASE("an SPF record that passes everybody does not align", "[sender]") {
  FakeResolver fake;
  fake.add("d.example", "TXT", "v=spf1 +all");
  fake.add("_dmarc.d.example", "TXT", "v=DMARC1; p=reject");
  const auto report = look(fake);
  CHECK(report.aligned == Aligned::no);
  CHECK(has(report, "spf-open"));
}

TEST_CASE("a revoked key is told from a missing one", "[sender]") {
  FakeResolver fake;
  fake.add("s1._domainkey.d.example", "TXT", "v=DKIM1; p=");
  const auto report = look(fake, {"s1"});
  CHECK(has(report, "dkim-key-revoked"));
  CHECK_FALSE(has(report, "dkim-key-missing"));
}

TEST_CASE("Ed25519 alone is a problem", "[sender]") {
  FakeResolver fake;
  fake.add("s1._domainkey.d.example", "TXT", kEd25519);
  CHECK(has(look(fake, {"s1"}), "dkim-ed25519-alone"));
  fake.add("s2._domainkey.d.example", "TXT", kShortRsa);
  CHECK_FALSE(has(look(fake, {"s1", "s2"}), "dkim-ed25519-alone"));
}

TEST_CASE("failed lookups leave alignment unknown unless it is decided without them", "[sender]") {
  FakeResolver no_dmarc;
  no_dmarc.add("d.example", "TXT", "v=spf1 -all").fail("_dmarc.d.example", "TXT");
  CHECK(look(no_dmarc).aligned == Aligned::unknown);

  FakeResolver no_spf;
  no_spf.fail("d.example", "TXT").add("_dmarc.d.example", "TXT", "v=DMARC1; p=none");
  CHECK(look(no_spf).aligned == Aligned::unknown);
  no_spf.add("s1._domainkey.d.example", "TXT", kEd25519);
  CHECK(look(no_spf, {"s1"}).aligned == Aligned::yes);

  FakeResolver no_key;
  no_key.add("_dmarc.d.example", "TXT", "v=DMARC1; p=none");
  no_key.bogus("s1._domainkey.d.example", "TXT");
  CHECK(look(no_key, {"s1"}).aligned == Aligned::unknown);
}

TEST_CASE("the report as JSON has the promised keys in order", "[sender]") {
  FakeResolver fake;
  fake.sign("example").add("d.example", "TXT", "v=spf1 -all");
  fake.add("_dmarc.d.example", "TXT", "v=DMARC1; p=reject; adkim=s; rua=mailto:r@d.example");
  fake.add("s1._domainkey.d.example", "TXT", kEd25519);
  const auto text = json(look(fake, {"s1"}));
  CHECK(text ==
        R"({"domain":"d.example","spf":{"state":"good","record":"v=spf1 -all","all":"-all",)"
        R"("lookups":0,"dnssec":"secure","why":null},"dkim":[{"selector":"s1","state":"usable",)"
        R"("type":"ed25519","bits":256,"testing":false,"dnssec":"secure","why":null}],)"
        R"("dmarc":{"state":"good","record":"v=DMARC1; p=reject; adkim=s; rua=mailto:r@d.example",)"
        R"("domain":"d.example","policy":"reject","adkim":"strict","aspf":"relaxed",)"
        R"("rua":["mailto:r@d.example"],"dnssec":"secure","why":null},"aligned":true,"findings":[)"
        R"({"code":"dkim-ed25519-alone","weight":"problem","text":"All DKIM keys are Ed25519, )"
        R"(which large receivers do not verify. Sign with RSA beside it."}]})");
  FakeResolver nothing;
  nothing.fail("_dmarc.d.example", "TXT");
  CHECK(json(look(nothing)).find(R"("aligned":null)") != std::string::npos);
}
