#include <catch2/catch.hpp>

#include "dns/mx.h"
#include "support/fake_resolver.h"

namespace {
using namespace sm;
using namespace sm::dns;
using test::domain;
using test::FakeResolver;
using Kind = NextHops::Kind;

std::vector<std::string> names(const NextHops& hops) {
  std::vector<std::string> all;
  for (const auto& mx : hops.hosts) {
    all.push_back(mx.host.text());
  }
  return all;
}
NextHops plan(FakeResolver& fake, std::string_view to, const std::vector<name::Domain>& own = {}) {
  return next_hops(domain(to), fake.lookup(domain(to), Type::mx), test::last_choice, own);
}
std::vector<std::string> texts(const std::vector<IpAddress>& addresses) {
  std::vector<std::string> all;
  for (const auto& address : addresses) {
    all.push_back(address.text());
  }
  return all;
}
HostAddresses addresses(FakeResolver& fake, std::string_view host, const AddressGuard& guard = {}) {
  return lookup_addresses(fake, {domain(host)}, guard).front();
}
using Names = std::vector<std::string>;
}  // namespace

TEST_CASE("MX hosts come in order of preference, whatever order they came in", "[mx]") {
  FakeResolver fake;
  fake.add("d.example", "MX", "30 c.example").add("d.example", "MX", "10 a.example");
  fake.add("d.example", "MX", "20 b.example");
  const auto hops = plan(fake, "d.example");
  CHECK(hops.kind == Kind::mx);
  CHECK(names(hops) == Names{"a.example", "b.example", "c.example"});
}

TEST_CASE("equal preferences are shuffled, and never across preferences", "[mx]") {
  FakeResolver fake;
  for (const char* host : {"a.example", "b.example", "c.example"}) {
    fake.add("d.example", "MX", std::string("10 ") + host);
  }
  fake.add("d.example", "MX", "5 first.example");
  const auto answer = fake.lookup(domain("d.example"), Type::mx);
  const auto first_choice = [](std::uint32_t) { return 0u; };
  const auto shuffled = next_hops(domain("d.example"), answer, first_choice);
  const auto kept = next_hops(domain("d.example"), answer, test::last_choice);
  CHECK(names(shuffled).front() == "first.example");
  CHECK(names(kept).front() == "first.example");
  CHECK(names(kept) == Names{"first.example", "a.example", "b.example", "c.example"});
  CHECK(names(shuffled) != names(kept));
  auto sorted = names(shuffled);
  std::sort(sorted.begin(), sorted.end());
  CHECK(sorted == Names{"a.example", "b.example", "c.example", "first.example"});
}

TEST_CASE("the shuffle gives every order of equal hosts the same chance", "[mx]") {
  std::map<Names, int> seen;
  // Each pair of choices (of 3, then of 2) once: each of the six orders must come once.
  for (std::uint32_t first = 0; first < 3; ++first) {
    for (std::uint32_t second = 0; second < 2; ++second) {
      std::vector<MxHost> hosts{
          {1, domain("a.example")}, {1, domain("b.example")}, {1, domain("c.example")}};
      order_hosts(hosts, [&](std::uint32_t bound) { return bound == 3 ? first : second; });
      ++seen[{hosts[0].host.text(), hosts[1].host.text(), hosts[2].host.text()}];
    }
  }
  CHECK(seen.size() == 6);
}

TEST_CASE("a definite no MX makes the domain its own mail host", "[mx]") {
  FakeResolver fake;
  fake.add("d.example", "A", "192.0.2.1");
  const auto hops = plan(fake, "d.example");
  CHECK(hops.kind == Kind::implicit_mx);
  CHECK(names(hops) == Names{"d.example"});
  CHECK(hops.hosts.front().preference == 0);
}

TEST_CASE("A20 a failed MX lookup is never taken for no MX", "[mx][A20]") {
  for (const auto kind : {FailureKind::servfail, FailureKind::timeout, FailureKind::refused,
                          FailureKind::malformed, FailureKind::local}) {
    FakeResolver fake;
    fake.add("d.example", "A", "192.0.2.1").fail("d.example", "MX", kind);
    const auto hops = plan(fake, "d.example");
    CHECK(hops.kind == Kind::undetermined);
    CHECK(hops.hosts.empty());
  }
}

TEST_CASE("A23 a bogus MX answer is undetermined, with the validator's reason", "[mx][A23]") {
  FakeResolver fake;
  fake.add("d.example", "A", "192.0.2.1").bogus("d.example", "MX", "signature expired");
  const auto hops = plan(fake, "d.example");
  CHECK(hops.kind == Kind::undetermined);
  CHECK(hops.hosts.empty());
  CHECK(hops.answer.outcome == Outcome::bogus);
  CHECK(hops.answer.why == "signature expired");
}

TEST_CASE("A28 a null MX takes no mail", "[mx][A28]") {
  FakeResolver fake;
  fake.add("d.example", "MX", "0 .").add("d.example", "A", "192.0.2.1");
  const auto hops = plan(fake, "d.example");
  CHECK(hops.kind == Kind::null_mx);
  CHECK(hops.hosts.empty());
}

TEST_CASE("a null MX beside other MX records is passed over", "[mx]") {
  FakeResolver fake;
  fake.add("d.example", "MX", "0 .").add("d.example", "MX", "10 mx.example");
  const auto hops = plan(fake, "d.example");
  CHECK(hops.kind == Kind::mx);
  CHECK(names(hops) == Names{"mx.example"});
  REQUIRE(hops.skipped.size() == 1);
  CHECK(hops.skipped[0].exchange == ".");
}

TEST_CASE("a name that does not exist is no domain for mail", "[mx]") {
  FakeResolver fake;
  fake.sign("example");
  const auto hops = plan(fake, "nosuch.example");
  CHECK(hops.kind == Kind::no_such_domain);
  CHECK(hops.security == Security::secure);
}

TEST_CASE("invalid MX records are skipped and valid ones kept", "[mx]") {
  FakeResolver fake;
  fake.add("d.example", Type::mx, Mx{5, "192.0.2.1"});
  fake.add("d.example", Type::mx, Mx{6, "bad_name.example"});
  fake.add("d.example", Type::mx, Mx{7, "a\\010b.example"});
  fake.add("d.example", Type::mx, Malformed{{1}, "too short"});
  fake.add("d.example", Type::mx, Mx{10, "good.example"});
  const auto hops = plan(fake, "d.example");
  CHECK(hops.kind == Kind::mx);
  CHECK(names(hops) == Names{"good.example"});
  CHECK(hops.skipped.size() == 4);
}

TEST_CASE("only invalid MX records: no mail host, and no implicit MX", "[mx]") {
  FakeResolver fake;
  fake.add("d.example", Type::mx, Mx{5, "192.0.2.1"}).add("d.example", "A", "192.0.2.1");
  const auto hops = plan(fake, "d.example");
  CHECK(hops.kind == Kind::no_valid_mx);
  CHECK(hops.hosts.empty());
}

TEST_CASE("the same MX twice is tried once", "[mx]") {
  FakeResolver fake;
  fake.add("d.example", "MX", "10 mx.example").add("d.example", "MX", "10 MX.example");
  CHECK(names(plan(fake, "d.example")) == Names{"mx.example"});
}

TEST_CASE("hosts at or beyond this host's own preference are left out", "[mx]") {
  FakeResolver fake;
  fake.add("d.example", "MX", "10 better.example").add("d.example", "MX", "20 us.example");
  fake.add("d.example", "MX", "20 peer.example").add("d.example", "MX", "30 worse.example");
  const auto hops = plan(fake, "d.example", {domain("us.example")});
  CHECK(hops.kind == Kind::mx);
  CHECK(names(hops) == Names{"better.example"});
  CHECK(hops.skipped.size() == 3);
}

TEST_CASE("this host as the best MX is a loop", "[mx]") {
  FakeResolver fake;
  fake.add("d.example", "MX", "10 us.example").add("d.example", "MX", "20 other.example");
  CHECK(plan(fake, "d.example", {domain("us.example")}).kind == Kind::loop);
  fake.add("us.example", "A", "192.0.2.1");
  CHECK(plan(fake, "us.example", {domain("us.example")}).kind == Kind::loop);
}

TEST_CASE("A30 of 500 MX records ten are tried, the best ones", "[mx][A30]") {
  FakeResolver fake;
  for (int i = 500; i > 0; --i) {
    const auto n = std::to_string(i);
    fake.add("d.example", "MX", n + " mx" + n + ".example");
  }
  const auto hops = plan(fake, "d.example");
  REQUIRE(hops.hosts.size() == kMaxHosts);
  CHECK(hops.hosts.front().host.text() == "mx1.example");
  CHECK(hops.hosts.back().host.text() == "mx10.example");
  CHECK(hops.skipped.size() == 490);
}

TEST_CASE("a domain that is an alias is planned by what it points to", "[mx]") {
  FakeResolver fake;
  fake.sign("example");
  fake.add("alias.example", "CNAME", "real.example").add("real.example", "MX", "10 mx.example");
  const auto hops = plan(fake, "alias.example");
  CHECK(hops.kind == Kind::mx);
  REQUIRE(hops.expanded);
  CHECK(hops.expanded->text() == "real.example");
  CHECK(hops.security == Security::secure);
}

TEST_CASE("an insecure alias makes the MX set insecure", "[mx]") {
  FakeResolver fake;
  fake.sign("real.example");
  fake.add("alias.example", "CNAME", "real.example").add("real.example", "MX", "10 mx.example");
  CHECK(plan(fake, "alias.example").security == Security::insecure);
}

TEST_CASE("addresses of both families come in turn", "[mx][addresses]") {
  FakeResolver fake;
  fake.add("mx.example", "A", "192.0.2.1").add("mx.example", "A", "192.0.2.2");
  fake.add("mx.example", "AAAA", "2001:db8::1");
  const auto host = addresses(fake, "mx.example");
  CHECK(host.kind == HostAddresses::Kind::found);
  CHECK(texts(host.addresses) == Names{"2001:db8::1", "192.0.2.1", "192.0.2.2"});
}

TEST_CASE("A20 an AAAA lookup that fails does not hold back a good A", "[mx][addresses][A20]") {
  FakeResolver fake;
  fake.sign("example");
  fake.add("mx.example", "A", "192.0.2.1").fail("mx.example", "AAAA");
  const auto host = addresses(fake, "mx.example");
  CHECK(host.kind == HostAddresses::Kind::found);
  CHECK(texts(host.addresses) == Names{"192.0.2.1"});
  CHECK(host.security == Security::secure);
}

TEST_CASE("A20 an AAAA lookup that is bogus does not hold back a good A", "[mx][addresses][A20]") {
  FakeResolver fake;
  fake.sign("example");
  fake.add("mx.example", "A", "192.0.2.1").bogus("mx.example", "AAAA");
  CHECK(addresses(fake, "mx.example").kind == HostAddresses::Kind::found);
}

TEST_CASE("A20 a failed A without any AAAA is undetermined, not no address",
          "[mx][addresses][A20]") {
  FakeResolver fake;
  fake.fail("mx.example", "A");
  const auto host = addresses(fake, "mx.example");
  CHECK(host.kind == HostAddresses::Kind::undetermined);
  CHECK_FALSE(host.is_bogus);
  CHECK(host.why == "A mx.example: server failure");
  CHECK(host.security == Security::insecure);
}

TEST_CASE("A23 bogus addresses are undetermined and say so", "[mx][addresses][A23]") {
  FakeResolver fake;
  fake.sign("example").bogus("mx.example", "A").bogus("mx.example", "AAAA");
  const auto host = addresses(fake, "mx.example");
  CHECK(host.kind == HostAddresses::Kind::undetermined);
  CHECK(host.is_bogus);
}

TEST_CASE("a host without any address is known to have none", "[mx][addresses]") {
  FakeResolver fake;
  fake.sign("example");
  const auto host = addresses(fake, "nothing.example");
  CHECK(host.kind == HostAddresses::Kind::none);
  CHECK(host.security == Security::secure);
}

TEST_CASE("A28 addresses that are not public are refused", "[mx][addresses][A28]") {
  FakeResolver fake;
  for (const char* bad : {"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.1.1",
                          "224.0.0.1", "0.0.0.0", "255.255.255.255", "100.64.0.1"}) {
    fake.add("mx.example", "A", bad);
  }
  for (const char* bad : {"::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1",
                          "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"}) {
    fake.add("mx.example", "AAAA", bad);
  }
  const auto host = addresses(fake, "mx.example");
  CHECK(host.kind == HostAddresses::Kind::all_refused);
  CHECK(host.addresses.empty());
  CHECK(host.refused.size() == 18);
}

TEST_CASE("A28 this machine's own addresses are refused, in any spelling", "[mx][addresses][A28]") {
  FakeResolver fake;
  fake.add("mx.example", "A", "192.0.2.7").add("mx.example", "AAAA", "::ffff:192.0.2.7");
  const AddressGuard guard{.own = {*IpAddress::parse("192.0.2.7")}};
  const auto host = addresses(fake, "mx.example", guard);
  CHECK(host.kind == HostAddresses::Kind::all_refused);
  CHECK(host.refused.front().why == "192.0.2.7 is an address of this machine");
}

TEST_CASE("a refused address beside a good one leaves the good one", "[mx][addresses]") {
  FakeResolver fake;
  fake.add("mx.example", "A", "127.0.0.1").add("mx.example", "A", "192.0.2.1");
  const auto host = addresses(fake, "mx.example");
  CHECK(host.kind == HostAddresses::Kind::found);
  CHECK(texts(host.addresses) == Names{"192.0.2.1"});
  CHECK(host.refused.size() == 1);
}

TEST_CASE("with all known addresses refused, an unknown family keeps the host undetermined",
          "[mx][addresses]") {
  FakeResolver fake;
  fake.add("mx.example", "A", "127.0.0.1").fail("mx.example", "AAAA");
  CHECK(addresses(fake, "mx.example").kind == HostAddresses::Kind::undetermined);
}

TEST_CASE("addresses that the configuration lists are allowed", "[mx][addresses]") {
  FakeResolver fake;
  fake.add("mx.example", "A", "10.1.2.3").add("mx.example", "A", "10.2.0.1");
  const AddressGuard guard{.own = {*IpAddress::parse("10.1.2.3")},
                           .allowed = {*IpPrefix::parse("10.1.0.0/16")}};
  const auto host = addresses(fake, "mx.example", guard);
  CHECK(texts(host.addresses) == Names{"10.1.2.3"});
  CHECK(host.refused.size() == 1);
}

TEST_CASE("documentation addresses count as public", "[addresses]") {
  const AddressGuard guard;
  for (const char* good : {"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1"}) {
    CHECK_FALSE(guard.refusal(*IpAddress::parse(good)));
  }
}

TEST_CASE("A30 of 1,000 addresses twenty are kept", "[mx][addresses][A30]") {
  FakeResolver fake;
  for (int i = 0; i < 1000; ++i) {
    fake.add("mx.example", "A",
             "198.51." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1));
  }
  const auto host = addresses(fake, "mx.example");
  CHECK(host.addresses.size() == kMaxAddresses);
  CHECK(host.left_off == 980);
}

TEST_CASE("A30 a host with many addresses leaves the others theirs", "[mx][addresses][A30]") {
  FakeResolver fake;
  for (int i = 1; i < 100; ++i) {
    fake.add("many.example", "A", "192.0.2." + std::to_string(i));
  }
  fake.add("few.example", "A", "198.51.100.1").add("few.example", "A", "198.51.100.2");
  const auto hosts = lookup_addresses(fake, {domain("many.example"), domain("few.example")}, {});
  CHECK(hosts[0].addresses.size() == kMaxAddresses - 2);
  CHECK(hosts[1].addresses.size() == 2);
}

TEST_CASE("A27 an alias of a host keeps its chain with the security of each hop",
          "[mx][addresses][A27]") {
  FakeResolver fake;
  fake.sign("signed.example");
  fake.add("mx.signed.example", "CNAME", "mx.plain.example");
  fake.add("mx.plain.example", "A", "192.0.2.1");
  const auto host = addresses(fake, "mx.signed.example");
  CHECK(host.kind == HostAddresses::Kind::found);
  CHECK(host.security == Security::insecure);
  CHECK(host.canonical == "mx.plain.example");
  REQUIRE(host.chain.size() == 1);
  CHECK(host.chain[0].security == Security::secure);
}

TEST_CASE("the machine's own addresses include loopback", "[addresses]") {
  const auto own = own_addresses();
  REQUIRE(own);
  CHECK(std::find(own->begin(), own->end(), *IpAddress::parse("127.0.0.1")) != own->end());
}
