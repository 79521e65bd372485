#include <catch2/catch.hpp>

#include "delivery/facts.h"
#include "delivery/sts_memory_cache.h"
#include "support/fake_resolver.h"

using namespace sm;
using namespace sm::delivery;
using test::domain;

namespace {

/// A finder over a DNS of the test's own.
struct Desk {
  test::FakeResolver resolver;
  StsMemoryCache cache;
  StsSource source{resolver, {}, {}};
  FactFinder finder{{.resolver = &resolver,
                     .sts_source = &source,
                     .sts_cache = &cache,
                     .random = test::last_choice}};

  Desk() {
    resolver.add("a.example", "MX", "10 mx.a.example")
        .add("mx.a.example", "A", "203.0.113.9")
        .sign("a.example");
  }
};

}  // namespace

TEST_CASE("what is asked ahead are the questions about the first hosts, and no others", "[facts]") {
  Desk desk;
  desk.resolver.add("a.example", "MX", "20 backup.a.example");
  FactFinder::ask_ahead(desk.resolver, domain("a.example"), 25);
  const std::vector<std::string> ahead = {"MX a.example",      "A mx.a.example",
                                          "AAAA mx.a.example", "TLSA _25._tcp.mx.a.example",
                                          "TXT a.example",     "TXT _mta-sts.a.example"};
  CHECK(desk.resolver.asked() == ahead);
}

TEST_CASE("TLSA is not asked ahead where an insecure address may forbid it", "[facts]") {
  Desk desk;
  desk.resolver.add("a.example", "MX", "10 mx.elsewhere.example");
  desk.resolver.add("b.example", "MX", "10 mx.b.example");  // not signed
  FactFinder::ask_ahead(desk.resolver, domain("a.example"), 25);
  FactFinder::ask_ahead(desk.resolver, domain("b.example"), 25);
  CHECK(desk.resolver.was_asked("A mx.elsewhere.example"));
  CHECK_FALSE(desk.resolver.was_asked("TLSA _25._tcp.mx.elsewhere.example"));
  CHECK(desk.resolver.was_asked("A mx.b.example"));
  CHECK_FALSE(desk.resolver.was_asked("TLSA _25._tcp.mx.b.example"));
}

TEST_CASE("nothing is asked ahead about hosts that there are not", "[facts]") {
  Desk desk;
  desk.resolver.fail("b.example", "MX").add("c.example", "MX", "0 .");
  for (const char* name : {"b.example", "c.example"})
    FactFinder::ask_ahead(desk.resolver, domain(name), 25);
  CHECK_FALSE(desk.resolver.was_asked_for(dns::Type::a));
}

TEST_CASE("the less preferred hosts wait until they are wanted", "[facts]") {
  Desk desk;
  desk.resolver.add("a.example", "MX", "10 mx2.a.example")
      .add("a.example", "MX", "20 backup.a.example")
      .add("mx2.a.example", "A", "203.0.113.10")
      .add("backup.a.example", "A", "203.0.113.11");
  auto facts = desk.finder.find(domain("a.example"), {.hosts = FactFinder::Hosts::first});
  REQUIRE(facts);
  REQUIRE(facts->hosts.size() == 2);
  REQUIRE(facts->further_hosts.size() == 1);
  CHECK_FALSE(desk.resolver.was_asked("A backup.a.example"));

  desk.finder.complete(*facts);
  REQUIRE(facts->hosts.size() == 3);
  CHECK(facts->hosts[2].mx.host == domain("backup.a.example"));
  CHECK(facts->hosts[2].addresses.kind == dns::HostAddresses::Kind::found);
  CHECK(facts->further_hosts.empty());

  const auto all = desk.finder.find(domain("a.example"), {});
  REQUIRE(all);
  CHECK(all->hosts.size() == 3);
  CHECK(all->further_hosts.empty());
}

TEST_CASE("the hosts that wait keep their share of the addresses", "[facts]") {
  Desk desk;
  desk.resolver.add("a.example", "MX", "20 backup.a.example");
  for (int i = 0; i < 40; ++i)
    desk.resolver.add("mx.a.example", "A", "203.0.113." + std::to_string(100 + i));
  const auto facts = desk.finder.find(domain("a.example"), {.hosts = FactFinder::Hosts::first});
  REQUIRE(facts);
  CHECK(facts->hosts[0].addresses.addresses.size() == dns::kMaxAddresses - 1);
}
