#include <catch2/catch.hpp>

#include "nta7516/record.h"
#include "support/fake_resolver.h"

namespace {
using namespace sm;
using namespace sm::nta7516;
using namespace std::chrono;

WallTime at(std::string_view utc) {
  return *parse_utc(utc);
}
Lookup lookup(std::initializer_list<const char*> records) {
  test::FakeResolver fake;
  for (const char* record : records) {
    fake.add("d.example", "TXT", record);
  }
  return lookup_record(fake, test::domain("d.example"));
}
}  // namespace

TEST_CASE("a whole NTA 7516 record is read", "[nta7516]") {
  const auto record = parse_record(
      "v=NTA7516-1;startdate=2024-01;enddate=2026-12;provider=Zorg Mail;ntamx=10 mx1.z.example;"
      "ntamx=20 mx2.z.example;x=y");
  REQUIRE(record);
  CHECK(record->start == 2024y / January);
  CHECK(record->end == 2026y / December);
  CHECK(record->provider == "Zorg Mail");
  REQUIRE(record->ntamx.size() == 2);
  CHECK(record->ntamx[0].preference == 10);
  CHECK(record->ntamx[0].host.text() == "mx1.z.example");
  CHECK(record->unknown == std::vector<std::string>{"x=y"});
}

TEST_CASE("a colon is taken for an equals sign, and spaces around fields are dropped",
          "[nta7516]") {
  const auto record = parse_record("v:NTA7516-1; startdate:2024-01 ; ntamx: 10 mx.z.example ");
  REQUIRE(record);
  CHECK(record->start == 2024y / January);
  CHECK_FALSE(record->end);
  CHECK(record->ntamx.size() == 1);
}

TEST_CASE("several ntamx hosts in one field are read too", "[nta7516]") {
  const auto record =
      parse_record("v=NTA7516-1;startdate=2024-01;ntamx=10 a.example, 20 b.example");
  REQUIRE(record);
  CHECK(record->ntamx.size() == 2);
}

TEST_CASE("the record holds from the first day of its start to the last of its end", "[nta7516]") {
  const auto record = parse_record("v=NTA7516-1;startdate=2024-02;enddate=2028-02");
  REQUIRE(record);
  CHECK_FALSE(record->is_valid_at(at("2024-01-31T23:59:59Z")));
  CHECK(record->is_valid_at(at("2024-02-01T00:00:00Z")));
  CHECK(record->is_valid_at(at("2028-02-29T23:59:59Z")));
  CHECK_FALSE(record->is_valid_at(at("2028-03-01T00:00:00Z")));
}

TEST_CASE("without an end date the record holds on", "[nta7516]") {
  CHECK(parse_record("v=NTA7516-1;startdate=2024-02")->is_valid_at(at("2099-01-01T00:00:00Z")));
}

TEST_CASE("records that break the syntax are refused", "[nta7516]") {
  for (const char* bad :
       {"", "v=NTA7516-2;startdate=2024-01", "v=NTA7516-1", "v=NTA7516-1;startdate=2024-13",
        "v=NTA7516-1;startdate=2024-00", "v=NTA7516-1;startdate=2024-1",
        "v=NTA7516-1;startdate=24-01", "v=NTA7516-1;startdate=2024-01-01",
        "v=NTA7516-1;startdate=2024-01;startdate=2024-02",
        "v=NTA7516-1;startdate=2024-02;enddate=2024-01",
        "v=NTA7516-1;startdate=2024-01;ntamx=", "v=NTA7516-1;startdate=2024-01;ntamx=mx.example",
        "v=NTA7516-1;startdate=2024-01;ntamx=10 192.0.2.1",
        "v=NTA7516-1;startdate=2024-01;ntamx=70000 mx.example",
        "v=NTA7516-1;startdate=2024-01;nonsense"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_record(bad));
  }
}

TEST_CASE("the record stands among other TXT records at the apex", "[nta7516]") {
  const auto found = lookup({"v=spf1 -all", "\"v=NTA7516-1;\" \"startdate=2024-01\""});
  CHECK(found.outcome == Outcome::record);
  CHECK(lookup({"v=spf1 -all"}).outcome == Outcome::none);
}

TEST_CASE("two records, or a broken one, promise nothing and say why", "[nta7516]") {
  CHECK(lookup({"v=NTA7516-1;startdate=2024-01", "v=NTA7516-1;startdate=2025-01"}).outcome ==
        Outcome::invalid);
  const auto broken = lookup({"v=NTA7516-1;startdate=soon"});
  CHECK(broken.outcome == Outcome::invalid);
  CHECK(broken.why == "startdate 'soon' is not a month of the form 2026-11");
}

TEST_CASE("a failed or bogus lookup is no absence", "[nta7516]") {
  test::FakeResolver fake;
  fake.fail("d.example", "TXT").bogus("e.example", "TXT");
  CHECK(lookup_record(fake, test::domain("d.example")).outcome == Outcome::failure);
  CHECK(lookup_record(fake, test::domain("e.example")).outcome == Outcome::failure);
}

TEST_CASE("ntamx hosts are ordered as MX hosts are", "[nta7516]") {
  const auto record =
      parse_record("v=NTA7516-1;startdate=2024-01;ntamx=20 b.example;ntamx=10 a.example");
  REQUIRE(record);
  const auto hosts = order_hosts(*record, test::last_choice);
  REQUIRE(hosts.size() == 2);
  CHECK(hosts[0].host.text() == "a.example");
}
