#include <catch2/catch.hpp>

#include "dns/file_resolver.h"
#include "support/fake_resolver.h"

namespace {
using namespace sm;
using namespace sm::dns;

Answer ask(std::string_view file, std::string_view name, Type type) {
  auto table = parse_dns_file(file);
  if (!table) throw std::runtime_error(table.error().what);
  FileResolver resolver(*std::move(table));
  return resolver.lookup(*name::DnsName::parse(name), type);
}
std::string error_of(std::string_view file) {
  const auto table = parse_dns_file(file);
  return table ? "" : table.error().what;
}
}  // namespace

TEST_CASE("a DNS file gives records, with comments, TTLs and classes ignored", "[dns][file]") {
  constexpr std::string_view kFile =
      "# a comment\n"
      "\n"
      "example.com MX 10 mx.example.com # the first\n"
      "example.com. 3600 IN MX 20 mx2.example.com\r\n"
      "s._domainkey.example.com TXT v=DKIM1; p=AB#=\n"
      "long.example.com\tTXT\t\"one \" \"two # not a comment\" # a comment\n";
  const auto mx = ask(kFile, "EXAMPLE.com", Type::mx);
  REQUIRE(mx.outcome == Outcome::data);
  CHECK(mx.security == Security::insecure);
  CHECK(mx.all<Mx>() == std::vector<Mx>{{10, "mx.example.com"}, {20, "mx2.example.com"}});
  CHECK(ask(kFile, "s._domainkey.example.com", Type::txt).all<Txt>().front().joined() ==
        "v=DKIM1; p=AB#=");
  CHECK(ask(kFile, "long.example.com", Type::txt).all<Txt>().front().joined() ==
        "one two # not a comment");
}

TEST_CASE("each keyword of a DNS file is an answer of its own", "[dns][file]") {
  constexpr std::string_view kFile =
      "gone.example NXDOMAIN\n"
      "broken.example SERVFAIL\n"
      "slow.example TIMEOUT\n"
      "closed.example REFUSED\n"
      "forged.example BOGUS the signature has expired\n"
      "mixed.example A 192.0.2.1\n"
      "mixed.example AAAA SERVFAIL\n"
      "mixed.example MX NODATA\n";
  CHECK(ask(kFile, "gone.example", Type::mx).outcome == Outcome::no_such_name);
  CHECK(ask(kFile, "broken.example", Type::mx).failure == FailureKind::servfail);
  CHECK(ask(kFile, "broken.example", Type::mx).outcome == Outcome::failure);
  CHECK(ask(kFile, "slow.example", Type::a).failure == FailureKind::timeout);
  CHECK(ask(kFile, "closed.example", Type::a).failure == FailureKind::refused);
  const auto bogus = ask(kFile, "forged.example", Type::a);
  CHECK(bogus.outcome == Outcome::bogus);
  CHECK(bogus.why == "the signature has expired");
  CHECK(ask(kFile, "mixed.example", Type::a).has_data());
  CHECK(ask(kFile, "mixed.example", Type::aaaa).outcome == Outcome::failure);
  CHECK(ask(kFile, "mixed.example", Type::mx).outcome == Outcome::no_data);
}

TEST_CASE("names not listed do not exist, and names above listed ones do", "[dns][file]") {
  constexpr std::string_view kFile = "a.b.example A 192.0.2.1\n";
  CHECK(ask(kFile, "example", Type::a).outcome == Outcome::no_data);
  CHECK(ask(kFile, "b.example", Type::a).outcome == Outcome::no_data);
  CHECK(ask(kFile, "c.example", Type::a).outcome == Outcome::no_such_name);
  CHECK(ask(kFile, "a.b.example", Type::aaaa).outcome == Outcome::no_data);
}

TEST_CASE("the nearest SECURE or INSECURE line above a name decides", "[dns][file]") {
  constexpr std::string_view kFile =
      "example SECURE\n"
      "plain.example INSECURE\n"
      "a.example A 192.0.2.1\n"
      "a.plain.example A 192.0.2.1\n"
      "other.test A 192.0.2.1\n";
  CHECK(ask(kFile, "a.example", Type::a).is_secure());
  CHECK(ask(kFile, "nothing.example", Type::a).is_secure());
  CHECK_FALSE(ask(kFile, "a.plain.example", Type::a).is_secure());
  CHECK_FALSE(ask(kFile, "other.test", Type::a).is_secure());
}

TEST_CASE("a CNAME is followed, hop by hop, and one insecure hop taints the rest", "[dns][file]") {
  constexpr std::string_view kFile =
      "signed.example SECURE\n"
      "again.example SECURE\n"
      "a.signed.example CNAME b.plain.example\n"
      "b.plain.example CNAME c.again.example.\n"
      "c.again.example A 192.0.2.1\n";
  const auto answer = ask(kFile, "a.signed.example", Type::a);
  REQUIRE(answer.has_data());
  CHECK_FALSE(answer.is_secure());
  CHECK(answer.canonical == "c.again.example");
  REQUIRE(answer.chain.size() == 2);
  CHECK(answer.chain[0].security == Security::secure);
  CHECK(answer.chain[1].security == Security::insecure);
}

TEST_CASE("a loop of CNAMEs in a DNS file is a failure", "[dns][file]") {
  const auto answer =
      ask("a.example CNAME b.example\nb.example CNAME a.example\n", "a.example", Type::a);
  CHECK(answer.outcome == Outcome::failure);
  CHECK(answer.failure == FailureKind::malformed);
}

TEST_CASE("bogus answers and failures are never secure, wherever they stand", "[dns][file]") {
  constexpr std::string_view kFile = "example SECURE\na.example SERVFAIL\nb.example BOGUS\n";
  CHECK_FALSE(ask(kFile, "a.example", Type::a).is_secure());
  CHECK_FALSE(ask(kFile, "b.example", Type::a).is_secure());
}

TEST_CASE("a line that cannot be read is named", "[dns][file]") {
  CHECK(error_of("a.example A 192.0.2.1\na.example FOO bar\n").starts_with("line 2: 'FOO'"));
  CHECK(error_of("a.example A 1.2.3\n").starts_with("line 1: "));
  CHECK(error_of("a..example A 192.0.2.1\n").starts_with("line 1: "));
  CHECK(error_of("a.example\n").starts_with("line 1: "));
  CHECK(error_of("a.example TLSA 3 1\n").starts_with("line 1: "));
}

TEST_CASE("a name that would be too long for the DNS does not exist, and that is certain",
          "[dns]") {
  test::FakeResolver fake;
  std::string longest;
  for (int i = 0; i < 5; ++i) {
    longest += std::string(49, 'a') + ".";
  }
  const auto domain = test::domain(longest + "xy");
  const auto answer = fake.lookup_under("_25._tcp", domain, Type::tlsa);
  CHECK(answer.outcome == Outcome::no_such_name);
  CHECK(answer.is_secure());
  CHECK(fake.asked().empty());
  // A label that breaks the syntax otherwise proves nothing.
  const auto odd = fake.lookup_under("a b._domainkey", test::domain("example.com"), Type::txt);
  CHECK(odd.outcome == Outcome::failure);
  CHECK_FALSE(odd.is_secure());
}

TEST_CASE("resolv.conf names the servers, and without any it is the local machine", "[dns]") {
  const auto servers = parse_resolv_conf(
      "# nameserver 192.0.2.9\nsearch example.com\nnameserver 192.0.2.1\n"
      "nameserver\t2001:db8::1  # second\nnameserver fe80::1%eth0\nnameserverx 192.0.2.7\n");
  REQUIRE(servers.size() == 2);
  CHECK(servers[0].text() == "192.0.2.1@53");
  CHECK(servers[1].text() == "2001:db8::1@53");
  REQUIRE(parse_resolv_conf("").size() == 1);
  CHECK(parse_resolv_conf("")[0].text() == "127.0.0.1@53");
}
