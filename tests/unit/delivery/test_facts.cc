#include <algorithm>
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
  [[nodiscard]] auto times_asked(std::string_view question) const {
    return std::count(resolver.asked().begin(), resolver.asked().end(), question);
  }
};

}  // namespace

TEST_CASE("what was looked ahead is taken once, and then found anew", "[facts]") {
  Desk desk;
  desk.finder.look_ahead(domain("a.example"));
  const auto ahead = desk.finder.find(domain("a.example"), {});
  REQUIRE(ahead);
  REQUIRE(ahead->hosts.size() == 1);
  CHECK(ahead->hosts[0].tlsa.outcome == dane::Outcome::none);
  CHECK(desk.times_asked("MX a.example") == 1);
  CHECK(desk.finder.find(domain("a.example"), {}));
  CHECK(desk.times_asked("MX a.example") == 2);
}

TEST_CASE("what was looked ahead does not serve who wants the report record too", "[facts]") {
  Desk desk;
  desk.resolver.add("_smtp._tls.a.example", "TXT", "\"v=TLSRPTv1; rua=mailto:r@a.example\"");
  desk.finder.look_ahead(domain("a.example"));
  const auto found = desk.finder.find(domain("a.example"), {.tlsrpt = true});
  REQUIRE(found);
  REQUIRE(found->tlsrpt);
  CHECK(found->tlsrpt->outcome == tlsrpt::Outcome::record);
}

TEST_CASE("a failure that was met ahead is no absence", "[facts]") {
  Desk desk;
  desk.resolver.fail("b.example", "MX");
  desk.finder.look_ahead(domain("b.example"));
  const auto found = desk.finder.find(domain("b.example"), {});
  REQUIRE(found);
  CHECK(found->next_hops.kind == dns::NextHops::Kind::undetermined);
}
