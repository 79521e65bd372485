#include <catch2/catch.hpp>

#include "state/sts_cache.h"
#include "support/temp_dir.h"

using sm::mtasts::CachedPolicy;
using sm::mtasts::FailedFetch;
using sm::mtasts::FetchFailed;
using sm::name::Domain;
using sm::state::StsCache;

namespace {

StsCache open_cache(const sm::test::TempDir& folder) {
  auto index = sm::store::Index::open(folder / "state");
  REQUIRE(index);
  return StsCache(std::move(*index));
}

const std::chrono::sys_seconds kNow{std::chrono::seconds(1'795'000'000)};

}  // namespace

TEST_CASE("a policy and a failure are what they were after reopening", "[state][mtasts]") {
  const sm::test::TempDir folder;
  const auto domain = *Domain::parse("example.com");
  {
    auto cache = open_cache(folder);
    REQUIRE(cache.keep_failure(domain, {"2", kNow, {FetchFailed::Kind::webpki, "expired"}}));
    REQUIRE(cache.keep(*Domain::parse("other.example"), {"1", "text", kNow}));
  }
  auto cache = open_cache(folder);
  const auto failure = cache.find_failure(domain);
  REQUIRE(failure);
  REQUIRE(*failure);
  CHECK((*failure)->id == "2");
  CHECK((*failure)->at == kNow);
  CHECK((*failure)->why.kind == FetchFailed::Kind::webpki);
  CHECK((*failure)->why.detail == "expired");
  const auto policy = cache.find(*Domain::parse("other.example"));
  REQUIRE(policy);
  REQUIRE(*policy);
  CHECK((*policy)->text == "text");
  CHECK((*policy)->fetched == kNow);
  CHECK_FALSE(*cache.find(domain));
}

TEST_CASE("a policy that was kept ends the note of an earlier failure", "[state][mtasts]") {
  const sm::test::TempDir folder;
  const auto domain = *Domain::parse("example.com");
  auto cache = open_cache(folder);
  REQUIRE(cache.keep_failure(domain, {"1", kNow, {FetchFailed::Kind::fetch, "down"}}));
  REQUIRE(cache.keep(domain, {"1", "text", kNow}));
  CHECK_FALSE(*cache.find_failure(domain));
  REQUIRE(cache.forget(domain));
  CHECK_FALSE(*cache.find(domain));
}
