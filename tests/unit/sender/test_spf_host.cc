#include <catch2/catch.hpp>

#include "sender/spf_host.h"
#include "support/fake_resolver.h"

namespace {
using namespace sm;
using namespace sm::sender;
using test::FakeResolver;

SpfHost ask(FakeResolver& fake, std::string_view address) {
  return may_send(fake, test::domain("d.example"), *IpAddress::parse(address)).answer;
}
SpfHost ask(std::string_view record, std::string_view address) {
  FakeResolver fake;
  fake.add("d.example", "TXT", record);
  return ask(fake, address);
}
}  // namespace

TEST_CASE("SPF lets pass what its networks hold, to the bit", "[spf]") {
  CHECK(ask("v=spf1 ip4:192.0.2.1 -all", "192.0.2.1") == SpfHost::pass);
  CHECK(ask("v=spf1 ip4:192.0.2.1 -all", "192.0.2.2") == SpfHost::fail);
  CHECK(ask("v=spf1 ip4:192.0.2.129/25 -all", "192.0.2.255") == SpfHost::pass);
  CHECK(ask("v=spf1 ip4:192.0.2.129/25 -all", "192.0.2.127") == SpfHost::fail);
  CHECK(ask("v=spf1 ip4:0.0.0.0/0 -all", "198.51.100.9") == SpfHost::pass);
  CHECK(ask("v=spf1 ip4:0.0.0.0/0 -all", "2001:db8::1") == SpfHost::fail);
  CHECK(ask("v=spf1 ip6:2001:db8::1/64 -all", "2001:db8::ffff") == SpfHost::pass);
  CHECK(ask("v=spf1 ip6:2001:db8::1 -all", "2001:db8::2") == SpfHost::fail);
}

TEST_CASE("the first term that matches decides, and its sign counts", "[spf]") {
  CHECK(ask("v=spf1 -ip4:192.0.2.1 +all", "192.0.2.1") == SpfHost::fail);
  CHECK(ask("v=spf1 ~all", "192.0.2.1") == SpfHost::fail);
  CHECK(ask("v=spf1 ?all", "192.0.2.1") == SpfHost::neutral);
  CHECK(ask("v=spf1 ip4:192.0.2.9", "192.0.2.1") == SpfHost::neutral);
  CHECK(ask("v=spf1 -all ip4:192.0.2.1", "192.0.2.1") == SpfHost::fail);
}

TEST_CASE("SPF follows a, mx, include and redirect", "[spf]") {
  FakeResolver fake;
  fake.add("d.example", "TXT", "v=spf1 a/24 mx//64 include:i.example redirect=r.example");
  fake.add("d.example", "A", "192.0.2.1");
  fake.add("d.example", "MX", "10 mx.d.example");
  fake.add("mx.d.example", "A", "198.51.100.1");
  fake.add("mx.d.example", "AAAA", "2001:db8:1::1");
  fake.add("i.example", "TXT", "v=spf1 ip4:203.0.113.1 -all");
  fake.add("r.example", "TXT", "v=spf1 ip4:203.0.113.2 -all");
  CHECK(ask(fake, "192.0.2.77") == SpfHost::pass);
  CHECK(ask(fake, "198.51.100.1") == SpfHost::pass);
  CHECK(ask(fake, "198.51.100.2") == SpfHost::fail);
  CHECK(ask(fake, "2001:db8:1::2") == SpfHost::pass);
  CHECK(ask(fake, "203.0.113.1") == SpfHost::pass);
  CHECK(ask(fake, "203.0.113.2") == SpfHost::pass);
  CHECK(ask(fake, "203.0.113.3") == SpfHost::fail);
}

TEST_CASE("what SPF cannot tell of a host is never a pass", "[spf]") {
  CHECK(ask("v=spf1 exists:%{i}.ok.example +all", "192.0.2.1") == SpfHost::undecided);
  CHECK(ask("v=spf1 ptr +all", "192.0.2.1") == SpfHost::undecided);
  CHECK(ask("v=spf1 include:none.example +all", "192.0.2.1") == SpfHost::undecided);
  CHECK(ask("v=spf1 include:d.example +all", "192.0.2.1") == SpfHost::undecided);
  CHECK(ask("v=spf1 redirect=d.example", "192.0.2.1") == SpfHost::undecided);
  CHECK(ask("v=spf2", "192.0.2.1") == SpfHost::none);
  FakeResolver fake;
  fake.add("d.example", "TXT", "v=spf1 a +all");
  fake.fail("d.example", "A");
  CHECK(ask(fake, "192.0.2.1") == SpfHost::undecided);
}
