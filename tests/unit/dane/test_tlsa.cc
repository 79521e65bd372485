#include <catch2/catch.hpp>

#include "dane/tlsa.h"
#include "support/fake_resolver.h"

namespace {
using namespace sm;
using test::domain;
using test::FakeResolver;
using Names = std::vector<std::string>;

const std::string kSha256(64, 'a');
const std::string kSha512(128, 'b');

std::vector<dns::Record> rrset(const std::vector<std::string>& texts) {
  std::vector<dns::Record> records;
  for (const auto& text : texts) {
    auto record = dns::parse_record_text(dns::Type::tlsa, text);
    if (!record) throw std::invalid_argument(record.error().what);
    records.push_back(*record);
  }
  return records;
}
Names kept(const dane::Usable& usable) {
  Names all;
  for (const auto& tlsa : usable.records) {
    all.push_back(dns::text(tlsa));
  }
  return all;
}
dns::HostAddresses host(FakeResolver& fake, std::string_view name) {
  return dns::lookup_addresses(fake, {domain(name)}, {}).front();
}
dane::Lookup tlsa(FakeResolver& fake, std::string_view name, std::uint16_t port = 25) {
  return dane::lookup_tlsa(fake, host(fake, name), port);
}
Names texts(const std::vector<name::Domain>& domains) {
  Names all;
  for (const auto& one : domains) {
    all.push_back(one.text());
  }
  return all;
}
/// mx.example, signed, with an address.
void sign_host(FakeResolver& fake) {
  fake.sign("example").add("mx.example", "A", "192.0.2.1");
}
}  // namespace

TEST_CASE("usages 0 and 1 prove nothing in SMTP", "[dane]") {
  CHECK(dane::why_unusable({0, 0, 1, std::vector<std::uint8_t>(32)}));
  CHECK(dane::why_unusable({1, 1, 1, std::vector<std::uint8_t>(32)}));
  CHECK_FALSE(dane::why_unusable({2, 0, 1, std::vector<std::uint8_t>(32)}));
  CHECK_FALSE(dane::why_unusable({3, 1, 1, std::vector<std::uint8_t>(32)}));
}

TEST_CASE("unknown usages, selectors and matching types are unusable", "[dane]") {
  const std::vector<std::uint8_t> digest(32);
  CHECK(dane::why_unusable({4, 1, 1, digest}));
  CHECK(dane::why_unusable({255, 1, 1, digest}));
  CHECK(dane::why_unusable({3, 2, 1, digest}));
  CHECK(dane::why_unusable({3, 1, 3, digest}));
  CHECK(dane::why_unusable({3, 1, 255, digest}));
}

TEST_CASE("digests must have their exact length, full values at least one byte", "[dane]") {
  for (const std::size_t size : {0u, 1u, 31u, 33u, 64u}) {
    CHECK(dane::why_unusable({3, 1, 1, std::vector<std::uint8_t>(size)}));
  }
  for (const std::size_t size : {0u, 32u, 63u, 65u}) {
    CHECK(dane::why_unusable({3, 1, 2, std::vector<std::uint8_t>(size)}));
  }
  CHECK_FALSE(dane::why_unusable({3, 1, 2, std::vector<std::uint8_t>(64)}));
  CHECK(dane::why_unusable({3, 1, 0, {}}));
  CHECK_FALSE(dane::why_unusable({3, 1, 0, {0x30}}));
}

TEST_CASE("of two digests for one usage and selector only the stronger counts", "[dane]") {
  const auto usable = dane::select_usable(rrset({"3 1 1 " + kSha256, "3 1 2 " + kSha512}));
  CHECK(kept(usable) == Names{"3 1 2 " + kSha512});
  REQUIRE(usable.unusable.size() == 1);
  CHECK(usable.unusable[0].record == "3 1 1 " + kSha256);
}

TEST_CASE("digest agility looks at each usage and selector by itself, and leaves full values",
          "[dane]") {
  const auto usable = dane::select_usable(
      rrset({"3 1 1 " + kSha256, "3 0 2 " + kSha512, "2 1 2 " + kSha512, "3 1 0 30"}));
  CHECK(usable.records.size() == 4);
  CHECK(usable.unusable.empty());
}

TEST_CASE("a stronger digest of the wrong length outdoes nothing", "[dane]") {
  const auto usable = dane::select_usable(rrset({"3 1 1 " + kSha256, "3 1 2 " + kSha256}));
  CHECK(kept(usable) == Names{"3 1 1 " + kSha256});
}

TEST_CASE("A25 both records of a rollover stay", "[dane][A25]") {
  const auto usable =
      dane::select_usable(rrset({"3 1 1 " + kSha256, "3 1 1 " + std::string(64, 'c')}));
  CHECK(usable.records.size() == 2);
}

TEST_CASE("A27 with insecure addresses TLSA is not asked for at all", "[dane][A27]") {
  FakeResolver fake;
  fake.add("mx.example", "A", "192.0.2.1").fail("_25._tcp.mx.example", "TLSA");
  const auto lookup = tlsa(fake, "mx.example");
  CHECK(lookup.outcome == dane::Outcome::insecure);
  CHECK_FALSE(fake.was_asked_for(dns::Type::tlsa));
  CHECK_FALSE(lookup.base_domain);
}

TEST_CASE("secure addresses and usable records bind the host", "[dane]") {
  FakeResolver fake;
  sign_host(fake);
  fake.add("_25._tcp.mx.example", "TLSA", "3 1 1 " + kSha256);
  const auto lookup = tlsa(fake, "mx.example");
  CHECK(lookup.outcome == dane::Outcome::usable);
  REQUIRE(lookup.base_domain);
  CHECK(lookup.base_domain->text() == "mx.example");
  REQUIRE(lookup.records.size() == 1);
  CHECK(dns::text(lookup.records[0]) == "3 1 1 " + kSha256);
}

TEST_CASE("the label carries the real port", "[dane]") {
  FakeResolver fake;
  sign_host(fake);
  fake.add("_2525._tcp.mx.example", "TLSA", "3 1 1 " + kSha256);
  CHECK(tlsa(fake, "mx.example", 2525).outcome == dane::Outcome::usable);
  CHECK(tlsa(fake, "mx.example", 25).outcome == dane::Outcome::none);
}

TEST_CASE("a validated denial is none", "[dane]") {
  FakeResolver fake;
  sign_host(fake);
  const auto lookup = tlsa(fake, "mx.example");
  CHECK(lookup.outcome == dane::Outcome::none);
  REQUIRE(lookup.answers.size() == 1);
  CHECK(lookup.answers[0].is_secure());
}

TEST_CASE("A20 a TLSA lookup that fails makes the host unusable, never without DANE",
          "[dane][A20]") {
  for (const auto kind : {dns::FailureKind::servfail, dns::FailureKind::timeout,
                          dns::FailureKind::refused, dns::FailureKind::malformed}) {
    FakeResolver fake;
    sign_host(fake);
    fake.fail("_25._tcp.mx.example", "TLSA", kind);
    const auto lookup = tlsa(fake, "mx.example");
    CHECK(lookup.outcome == dane::Outcome::host_unusable);
    CHECK_FALSE(lookup.is_bogus);
    CHECK(lookup.why.find("_25._tcp.mx.example") != std::string::npos);
  }
}

TEST_CASE("A23 a bogus or stripped TLSA answer makes the host unusable", "[dane][A23]") {
  FakeResolver fake;
  sign_host(fake);
  fake.bogus("_25._tcp.mx.example", "TLSA", "no NSEC proof");
  const auto lookup = tlsa(fake, "mx.example");
  CHECK(lookup.outcome == dane::Outcome::host_unusable);
  CHECK(lookup.is_bogus);
  CHECK(lookup.why.find("no NSEC proof") != std::string::npos);
}

TEST_CASE("records none of which is usable are not the same as none", "[dane]") {
  FakeResolver fake;
  sign_host(fake);
  fake.add("_25._tcp.mx.example", "TLSA", "0 0 1 " + kSha256);
  fake.add("_25._tcp.mx.example", "TLSA", "1 1 1 " + kSha256);
  fake.add("_25._tcp.mx.example", dns::Type::tlsa, dns::Malformed{{3, 1}, "too short"});
  const auto lookup = tlsa(fake, "mx.example");
  CHECK(lookup.outcome == dane::Outcome::all_unusable);
  CHECK(lookup.records.empty());
  CHECK(lookup.unusable.size() == 3);
  CHECK(lookup.base_domain);
}

TEST_CASE("TLSA records behind an alias into an unsigned zone count as none", "[dane]") {
  FakeResolver fake;
  sign_host(fake);
  fake.add("_25._tcp.mx.example", "CNAME", "tlsa.plain.test");
  fake.add("tlsa.plain.test", "TLSA", "3 1 1 " + kSha256);
  CHECK(tlsa(fake, "mx.example").outcome == dane::Outcome::none);
}

TEST_CASE("a CNAME at the TLSA name does not change the base domain", "[dane]") {
  FakeResolver fake;
  sign_host(fake);
  fake.add("_25._tcp.mx.example", "CNAME", "tlsa.example");
  fake.add("tlsa.example", "TLSA", "3 1 1 " + kSha256);
  const auto lookup = tlsa(fake, "mx.example");
  CHECK(lookup.outcome == dane::Outcome::usable);
  CHECK(lookup.base_domain->text() == "mx.example");
}

TEST_CASE("A27 with a secure chain the expanded name is asked first, then the original",
          "[dane][A27]") {
  FakeResolver fake;
  fake.sign("example");
  fake.add("mx.example", "CNAME", "middle.example").add("middle.example", "CNAME", "end.example");
  fake.add("end.example", "A", "192.0.2.1");
  CHECK(texts(dane::base_domains(host(fake, "mx.example"))) == Names{"end.example", "mx.example"});

  fake.add("_25._tcp.mx.example", "TLSA", "3 1 1 " + kSha256);
  fake.add("_25._tcp.middle.example", "TLSA", "3 1 1 " + kSha256);
  const auto original = tlsa(fake, "mx.example");
  CHECK(original.outcome == dane::Outcome::usable);
  CHECK(original.base_domain->text() == "mx.example");
  CHECK(original.answers.size() == 2);
  CHECK_FALSE(fake.was_asked("TLSA _25._tcp.middle.example"));

  fake.add("_25._tcp.end.example", "TLSA", "3 1 1 " + kSha256);
  CHECK(tlsa(fake, "mx.example").base_domain->text() == "end.example");
}

TEST_CASE("A27 unusable records at the expanded name are not passed over for the original's",
          "[dane][A27]") {
  FakeResolver fake;
  fake.sign("example");
  fake.add("mx.example", "CNAME", "end.example").add("end.example", "A", "192.0.2.1");
  fake.add("_25._tcp.end.example", "TLSA", "0 0 1 " + kSha256);
  fake.add("_25._tcp.mx.example", "TLSA", "3 1 1 " + kSha256);
  const auto lookup = tlsa(fake, "mx.example");
  CHECK(lookup.outcome == dane::Outcome::all_unusable);
  CHECK(lookup.base_domain->text() == "end.example");
}

TEST_CASE("A27 a failure at the expanded name is not passed over for the original", "[dane][A27]") {
  FakeResolver fake;
  fake.sign("example");
  fake.add("mx.example", "CNAME", "end.example").add("end.example", "A", "192.0.2.1");
  fake.fail("_25._tcp.end.example", "TLSA");
  CHECK(tlsa(fake, "mx.example").outcome == dane::Outcome::host_unusable);
  CHECK_FALSE(fake.was_asked("TLSA _25._tcp.mx.example"));
}

TEST_CASE("A27 a secure alias to an unsigned host leaves only the alias's own name",
          "[dane][A27]") {
  FakeResolver fake;
  fake.sign("signed.example");
  fake.add("mx.signed.example", "CNAME", "mx.plain.example");
  fake.add("mx.plain.example", "A", "192.0.2.1");
  fake.fail("_25._tcp.mx.plain.example", "TLSA");
  CHECK(texts(dane::base_domains(host(fake, "mx.signed.example"))) == Names{"mx.signed.example"});
  CHECK(tlsa(fake, "mx.signed.example").outcome == dane::Outcome::none);
  CHECK_FALSE(fake.was_asked("TLSA _25._tcp.mx.plain.example"));

  fake.add("_25._tcp.mx.signed.example", "TLSA", "3 1 1 " + kSha256);
  CHECK(tlsa(fake, "mx.signed.example").outcome == dane::Outcome::usable);
}

TEST_CASE("A27 an insecure first hop taints a signed end of the chain", "[dane][A27]") {
  FakeResolver fake;
  fake.sign("signed.example");
  fake.add("mx.plain.example", "CNAME", "mx.signed.example");
  fake.add("mx.signed.example", "A", "192.0.2.1");
  fake.add("_25._tcp.mx.signed.example", "TLSA", "3 1 1 " + kSha256);
  CHECK(dane::base_domains(host(fake, "mx.plain.example")).empty());
  CHECK(tlsa(fake, "mx.plain.example").outcome == dane::Outcome::insecure);
}

TEST_CASE("DANE-TA names are the base domain, the next hop, and its expansion when secure",
          "[dane]") {
  FakeResolver fake;
  fake.sign("example");
  fake.add("alias.example", "CNAME", "real.example").add("real.example", "MX", "10 mx.example");
  const auto plan = [&](std::string_view to) {
    return dns::next_hops(domain(to), fake.lookup(domain(to), dns::Type::mx), test::last_choice);
  };
  CHECK(texts(dane::reference_names(domain("mx.example"), plan("alias.example"))) ==
        Names{"mx.example", "alias.example", "real.example"});

  fake.unsign("alias.example");
  CHECK(texts(dane::reference_names(domain("mx.example"), plan("alias.example"))) ==
        Names{"mx.example", "alias.example"});
}

TEST_CASE("a domain that is its own mail host names itself once", "[dane]") {
  FakeResolver fake;
  fake.sign("example").add("d.example", "A", "192.0.2.1");
  const auto hops = dns::next_hops(
      domain("d.example"), fake.lookup(domain("d.example"), dns::Type::mx), test::last_choice);
  CHECK(texts(dane::reference_names(domain("d.example"), hops)) == Names{"d.example"});
}
