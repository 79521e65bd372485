#include <catch2/catch.hpp>

#include "base/text.h"
#include "setup/plan.h"
#include "setup/publication.h"

namespace {
using namespace sm;
using namespace sm::setup;

name::Domain domain(std::string_view text) {
  return *name::Domain::parse(text);
}
}  // namespace

TEST_CASE("an SPF record is completed, never replaced by a narrower one", "[setup]") {
  const std::vector<IpAddress> own = {*IpAddress::parse("192.0.2.1"),
                                      *IpAddress::parse("2001:db8::1")};
  CHECK(spf_text("", own) == "v=spf1 mx ip4:192.0.2.1 ip6:2001:db8::1 -all");
  CHECK(spf_text("", {}) == "v=spf1 mx -all");
  CHECK(spf_text("v=spf1 include:a.example ~all", own) ==
        "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 include:a.example ~all");
  CHECK(spf_text("v=spf1 include:a.example ~all", {}) == "v=spf1 include:a.example ~all");
}

TEST_CASE("an MTA-STS policy can be read back, and its id changes with it", "[setup]") {
  const std::vector<name::Domain> hosts = {domain("b.example"), domain("a.example")};
  const auto text = policy_text(hosts, true);
  const auto policy = mtasts::parse_policy(text);
  REQUIRE(policy);
  CHECK(policy->mode == mtasts::Mode::enforce);
  CHECK(policy->covers(hosts[0]));
  CHECK(policy->covers(hosts[1]));
  CHECK(policy_text({hosts[1], hosts[0]}, true) == text);  // whatever order DNS gives them in
  CHECK(policy_id(text) != policy_id(policy_text(hosts, false)));
  const auto record = mtasts::parse_records({"v=STSv1; id=" + policy_id(text)});
  CHECK(std::holds_alternative<mtasts::Record>(record));
}

TEST_CASE("an organisation's short name is its name where that can be one", "[setup]") {
  CHECK(organisation_id("delinde", domain("mail.example")) == "delinde");
  CHECK(organisation_id("De Linde", domain("delinde.example")) == "delinde");
  CHECK(organisation_id("", domain("x.example")) == "x");
}

TEST_CASE("what came from outside stays a comment in a zone file", "[setup]") {
  const Publication note{.kind = Publication::Kind::note,
                         .purpose = "TLSA",
                         .why = "the server said \"x\"\nevil.example. 3600 IN TXT \"y\""};
  const auto text = zone_text(domain("d.example"), {note});
  for (const auto line : split(text, '\n')) {
    CHECK((line.empty() || line.starts_with(';') || line.starts_with("$ORIGIN")));
  }
}
