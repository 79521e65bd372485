#include <catch2/catch.hpp>

#include "support/fake_resolver.h"
#include "tlsrpt/record.h"

namespace {
using namespace sm;
using namespace sm::tlsrpt;
using Texts = std::vector<std::string>;

Lookup lookup(std::initializer_list<const char*> records) {
  test::FakeResolver fake;
  for (const char* record : records) {
    fake.add("_smtp._tls.d.example", "TXT", record);
  }
  return lookup_record(fake, test::domain("d.example"));
}
}  // namespace

TEST_CASE("several addresses, mailto and https, are read in order", "[tlsrpt]") {
  const auto record =
      parse_record("v=TLSRPTv1; rua=mailto:tls@d.example , https://r.example/v1?x=1");
  REQUIRE(record);
  CHECK(record->rua == Texts{"mailto:tls@d.example", "https://r.example/v1?x=1"});
}

TEST_CASE("unknown fields and a final semicolon are ignored", "[tlsrpt]") {
  const auto record = parse_record("v=TLSRPTv1;x=1;rua=mailto:a@b.example;");
  REQUIRE(record);
  CHECK(record->rua == Texts{"mailto:a@b.example"});
}

TEST_CASE("addresses of other schemes are kept apart", "[tlsrpt]") {
  const auto record = parse_record("v=TLSRPTv1; rua=http://r.example,mailto:a@b.example,ftp:x");
  REQUIRE(record);
  CHECK(record->rua == Texts{"mailto:a@b.example"});
  CHECK(record->ignored == Texts{"http://r.example", "ftp:x"});
}

TEST_CASE("records that break the grammar are refused", "[tlsrpt]") {
  for (const char* bad :
       {"", "v=TLSRPTv1", "v=TLSRPTv1;", "v=TLSRPTv2; rua=mailto:a@b.example",
        "V=TLSRPTv1; rua=mailto:a@b.example", "v=TLSRPTv10; rua=mailto:a@b.example",
        "v=TLSRPTv1; rua=", "v=TLSRPTv1; rua=,mailto:a@b.example", "v=TLSRPTv1; rua",
        "v=TLSRPTv1; rua=mailto:", "v=TLSRPTv1; rua=http://r.example",
        "v=TLSRPTv1; rua=mailto:a@b.example; rua=mailto:c@d.example",
        "v=TLSRPTv1; =x; rua=mailto:a@b.example", "v=TLSRPTv1;; rua=mailto:a@b.example",
        "v=TLSRPTv1; rua=mailto:a b"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_record(bad));
  }
}

TEST_CASE("strings of one record are joined without spaces", "[tlsrpt]") {
  const auto found = lookup({"\"v=TLSRPTv1; rua=mail\" \"to:a@b.example\""});
  CHECK(found.outcome == Outcome::record);
  CHECK(found.record->rua == Texts{"mailto:a@b.example"});
}

TEST_CASE("other TXT records beside it do not matter", "[tlsrpt]") {
  CHECK(lookup({"v=spf1 -all", "v=TLSRPTv1;rua=mailto:a@b.example", "v=TLSRPTv1"}).outcome ==
        Outcome::record);
}

TEST_CASE("two records are as none", "[tlsrpt]") {
  const auto found =
      lookup({"v=TLSRPTv1;rua=mailto:a@b.example", "v=TLSRPTv1;rua=mailto:c@d.example"});
  CHECK(found.outcome == Outcome::invalid);
  CHECK_FALSE(found.record);
}

TEST_CASE("no record is none, a failed lookup is not", "[tlsrpt]") {
  CHECK(lookup({}).outcome == Outcome::none);
  test::FakeResolver fake;
  fake.fail("_smtp._tls.d.example", "TXT");
  CHECK(lookup_record(fake, test::domain("d.example")).outcome == Outcome::failure);
  test::FakeResolver forged;
  forged.bogus("_smtp._tls.d.example", "TXT");
  CHECK(lookup_record(forged, test::domain("d.example")).outcome == Outcome::failure);
}

TEST_CASE("the eleven result types have their names of RFC 8460", "[tlsrpt]") {
  const Texts names{"starttls-not-supported", "certificate-host-mismatch",
                    "certificate-expired",    "certificate-not-trusted",
                    "validation-failure",     "tlsa-invalid",
                    "dnssec-invalid",         "dane-required",
                    "sts-policy-fetch-error", "sts-policy-invalid",
                    "sts-webpki-invalid"};
  for (const auto& name : names) {
    const auto type = parse_result_type(name);
    REQUIRE(type);
    CHECK(text(*type) == name);
  }
  CHECK_FALSE(parse_result_type("validation-failed"));
}
