#include <catch2/catch.hpp>
#include <map>

#include "mtasts/lookup.h"
#include "support/fake_clock.h"

using namespace std::chrono_literals;
using namespace sm::mtasts;
using sm::name::Domain;
using sm::test::FakeClock;

namespace {

std::string policy_of(const std::string& mx = "mx.example.com", int max_age = 604'800,
                      const std::string& mode = "enforce") {
  return "version: STSv1\nmode: " + mode + "\nmx: " + mx + "\nmax_age: " + std::to_string(max_age) +
         "\n";
}

struct World final : Source, Cache {
  FakeClock clock;
  RecordSource dns = Record{"1"};
  std::variant<std::string, FetchFailed> host = policy_of();
  int fetches = 0;
  std::optional<CachedPolicy> kept;
  std::optional<FailedFetch> failure;
  bool is_broken = false;  ///< the cache

  RecordSource record(const Domain&) override { return dns; }
  std::variant<std::string, FetchFailed> policy_text(const Domain&) override {
    ++fetches;
    return host;
  }
  sm::Result<std::optional<CachedPolicy>> find(const Domain&) override {
    if (is_broken) return sm::fail(sm::Errc::io, "broken");
    return kept;
  }
  sm::Result<void> keep(const Domain&, const CachedPolicy& policy) override {
    kept = policy;
    return {};
  }
  sm::Result<void> forget(const Domain&) override {
    kept.reset();
    return {};
  }
  sm::Result<std::optional<FailedFetch>> find_failure(const Domain&) override { return failure; }
  sm::Result<void> keep_failure(const Domain&, const FailedFetch& failed) override {
    failure = failed;
    return {};
  }

  Lookup look() {
    auto found = lookup(*Domain::parse("example.com"), *this, *this, clock);
    REQUIRE(found);
    return std::move(*found);
  }
  /// "<mx>" of the policy, with "cached " before it; "none", "none, <why>" or "undetermined".
  std::string outcome() {
    const auto found = look();
    if (const auto* policy = std::get_if<Found>(&found)) {
      return (policy->is_from_cache ? "cached " : "") + policy->policy.mx.at(0).text();
    }
    if (const auto* none = std::get_if<NoPolicy>(&found)) {
      return none->failed ? "none, " + std::string(text(none->failed->kind)) : "none";
    }
    return "undetermined";
  }
  void fail_fetches(FetchFailed::Kind kind = FetchFailed::Kind::fetch) {
    host = FetchFailed{kind, "down"};
  }
};

}  // namespace

TEST_CASE("a policy is fetched once and then comes from the cache", "[mtasts]") {
  World world;
  CHECK(world.outcome() == "mx.example.com");
  world.clock.advance(23h);
  CHECK(world.outcome() == "cached mx.example.com");
  CHECK(world.fetches == 1);
}

TEST_CASE("no record and no cache is no policy", "[mtasts]") {
  World world;
  world.dns = NoRecord{};
  CHECK(world.outcome() == "none");
  CHECK(world.fetches == 0);
}

TEST_CASE("a record that vanishes does not take the promise back before max_age", "[mtasts][A33]") {
  World world;
  world.outcome();
  world.dns = NoRecord{};
  world.clock.advance(167h);
  CHECK(world.outcome() == "cached mx.example.com");
  world.clock.advance(1h);
  CHECK(world.outcome() == "none");
}

TEST_CASE("a DNS failure is not the absence of a record", "[mtasts][A20]") {
  World world;
  world.dns = RecordUnknown{"SERVFAIL", false};
  CHECK(world.outcome() == "undetermined");
  world.dns = Record{"1"};
  world.outcome();
  world.dns = RecordUnknown{"forged", true};
  CHECK(world.outcome() == "cached mx.example.com");
}

TEST_CASE("a new id fetches anew, and the old policy stands while the host is down",
          "[mtasts][A33]") {
  World world;
  world.outcome();
  world.dns = Record{"2"};
  world.fail_fetches();
  CHECK(world.outcome() == "cached mx.example.com");
  world.clock.advance(6min);
  world.host = policy_of("new.example.com");
  CHECK(world.outcome() == "new.example.com");
  CHECK(world.kept->id == "2");
}

TEST_CASE("a failed fetch is left alone for five minutes, unless the id changes", "[mtasts]") {
  World world;
  world.fail_fetches(FetchFailed::Kind::webpki);
  CHECK(world.outcome() == "none, sts-webpki-invalid");
  world.host = policy_of();
  world.clock.advance(4min);
  CHECK(world.outcome() == "none, sts-webpki-invalid");
  CHECK(world.fetches == 1);
  world.clock.advance(1min);
  CHECK(world.outcome() == "mx.example.com");

  World other;
  other.fail_fetches();
  other.outcome();
  other.dns = Record{"2"};
  other.host = policy_of();
  CHECK(other.outcome() == "mx.example.com");
}

TEST_CASE("a policy is refreshed daily, and a failed refresh changes nothing", "[mtasts]") {
  World world;
  world.outcome();
  world.clock.advance(24h);
  world.fail_fetches();
  CHECK(world.outcome() == "cached mx.example.com");
  CHECK(world.fetches == 2);
  world.clock.advance(5min);
  world.host = policy_of("new.example.com");
  CHECK(world.outcome() == "new.example.com");
  world.clock.advance(23h);
  CHECK(world.outcome() == "cached new.example.com");
}

TEST_CASE("a policy that is wrong is no policy, and does not replace a right one", "[mtasts]") {
  World world;
  world.host = std::string("<html>");
  CHECK(world.outcome() == "none, sts-policy-invalid");
  World other;
  other.outcome();
  other.dns = Record{"2"};
  other.host = std::string("<html>");
  CHECK(other.outcome() == "cached mx.example.com");
}

TEST_CASE("mode none replaces what was enforced", "[mtasts]") {
  World world;
  world.outcome();
  world.dns = Record{"2"};
  world.host = policy_of("mx.example.com", 86'400, "none");
  world.look();
  world.dns = NoRecord{};
  const auto found = world.look();
  REQUIRE(std::holds_alternative<Found>(found));
  CHECK(std::get<Found>(found).policy.mode == Mode::none);
}

TEST_CASE("a policy with max_age 0 applies now and is not kept", "[mtasts]") {
  World world;
  world.host = policy_of("mx.example.com", 0);
  CHECK(world.outcome() == "mx.example.com");
  CHECK_FALSE(world.kept);
}

TEST_CASE("a clock that was wrong neither ends nor freezes a policy", "[mtasts][F14]") {
  World world;
  world.outcome();
  world.clock.step(-24h * 365);
  world.host = policy_of("new.example.com");
  CHECK(world.outcome() == "new.example.com");
  world.clock.step(-1h);
  world.fail_fetches();
  CHECK(world.outcome() == "cached new.example.com");
}

TEST_CASE("a cache that cannot be read fails the lookup", "[mtasts]") {
  World world;
  world.is_broken = true;
  CHECK_FALSE(lookup(*Domain::parse("example.com"), world, world, world.clock));
  world.is_broken = false;
  world.kept =
      CachedPolicy{"1", "damaged", std::chrono::floor<std::chrono::seconds>(world.clock.now())};
  const auto damaged = lookup(*Domain::parse("example.com"), world, world, world.clock);
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().code == sm::Errc::configuration);
}
