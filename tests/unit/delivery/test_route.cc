#include <catch2/catch.hpp>

#include "delivery/route.h"

using namespace sm;
using namespace sm::delivery;

namespace {

name::Domain domain(const char* text) {
  return *name::Domain::parse(text);
}

dns::Answer answer(const char* name, dns::Type type, dns::Outcome outcome,
                   dns::Security security = dns::Security::secure) {
  return {
      .question = {*name::DnsName::parse(name), type}, .outcome = outcome, .security = security};
}

/// A destination with one host that has an address and no TLSA; all of it signed.
struct Scene {
  explicit Scene(dns::Security security = dns::Security::secure) {
    const auto mx = answer("d.example", dns::Type::mx, dns::Outcome::data, security);
    const auto txt = answer("d.example", dns::Type::txt, dns::Outcome::no_data, security);
    facts = std::make_unique<DestinationFacts>(
        DestinationFacts{.domain = domain("d.example"),
                         .nta7516 = {.outcome = nta7516::Outcome::none, .answer = txt},
                         .next_hops = {.kind = dns::NextHops::Kind::mx,
                                       .domain = domain("d.example"),
                                       .expanded = domain("d.example"),
                                       .security = security,
                                       .answer = mx},
                         .mta_sts = mtasts::NoPolicy{}});
    add_host("mx.d.example");
  }

  HostFacts& add_host(const char* name) {
    const auto address = *IpAddress::parse("192.0.2.1");
    dns::HostAddresses addresses{.kind = dns::HostAddresses::Kind::found,
                                 .host = domain(name),
                                 .addresses = {address},
                                 .security = dns::Security::secure,
                                 .a = answer(name, dns::Type::a, dns::Outcome::data),
                                 .aaaa = answer(name, dns::Type::aaaa, dns::Outcome::no_data)};
    facts->hosts.push_back({{10, domain(name)}, addresses, {.outcome = dane::Outcome::none}});
    return facts->hosts.back();
  }
  HostFacts& host() { return facts->hosts.front(); }
  void publish_tlsa() {
    host().tlsa = {.outcome = dane::Outcome::usable,
                   .base_domain = host().mx.host,
                   .records = {{3, 1, 1, std::vector<std::uint8_t>(32, 7)}}};
  }
  void publish_policy(mtasts::Mode mode, const char* pattern) {
    facts->mta_sts = mtasts::Found{
        .policy = {mode, std::chrono::seconds(86400), {*mtasts::MxPattern::parse(pattern)}},
        .id = "1",
        .fetched = {},
        .is_from_cache = false};
  }
  HostVerdict judged(const smtp::SessionFacts& session) { return judge(*facts, host(), session); }

  std::unique_ptr<DestinationFacts> facts;
};

using State = tls::ChainVerdict::State;

smtp::SessionFacts session(State dane, State pkix,
                           tls::CertificateFault fault = tls::CertificateFault::not_trusted) {
  smtp::SessionFacts facts{.remote = {*IpAddress::parse("192.0.2.1"), 25}};
  tls::Handshake handshake;
  handshake.version = "TLSv1.3";
  handshake.dane.state = dane;
  handshake.pkix.state = pkix;
  if (dane == State::bad) handshake.dane.faults = {tls::CertificateFault::no_dane_match};
  if (pkix == State::bad) handshake.pkix.faults = {fault};
  facts.tls = handshake;
  return facts;
}

smtp::SessionFacts obstructed(smtp::Obstacle obstacle) {
  smtp::SessionFacts facts{.remote = {*IpAddress::parse("192.0.2.1"), 25}};
  facts.obstacle = obstacle;
  return facts;
}

HostVerdict verdict(Verdict level, Reason reason = Reason::none) {
  return {level, Mechanism::none, reason, {}};
}

}  // namespace

TEST_CASE("a DANE match at a signed MX is verified", "[route]") {
  Scene scene;
  scene.publish_tlsa();
  const auto judged = scene.judged(session(State::good, State::bad));
  CHECK(judged.verdict == Verdict::verified);
  CHECK(judged.mechanism == Mechanism::dane);
  CHECK(expectations(*scene.facts, scene.host()).demand == tls::Demand::dane);
}

TEST_CASE("a DANE match behind an unsigned MX is trusted at most", "[route]") {
  Scene scene(dns::Security::insecure);
  scene.publish_tlsa();
  CHECK(scene.judged(session(State::good, State::good)).verdict == Verdict::trusted);
}

TEST_CASE("neither PKIX nor MTA-STS overrides a DANE failure", "[route]") {
  Scene scene;
  scene.publish_tlsa();
  scene.publish_policy(mtasts::Mode::enforce, "mx.d.example");
  const auto judged = scene.judged(session(State::bad, State::good));
  CHECK(judged.verdict == Verdict::encrypted);
  CHECK(judged.reason == Reason::validation_failure);
  const auto all = combine(*scene.facts, {judged}, Minimum::trusted);
  CHECK(all.is_promised);
  CHECK(course(all, Minimum::trusted) == Course::defer);
}

TEST_CASE("DANE that was not judged although records are usable proves nothing", "[route]") {
  Scene scene;
  scene.publish_tlsa();
  CHECK(scene.judged(session(State::not_judged, State::good)).verdict == Verdict::encrypted);
}

TEST_CASE("an enforced policy verifies a covered host with a good certificate only", "[route]") {
  Scene scene(dns::Security::insecure);
  scene.publish_policy(mtasts::Mode::enforce, "*.d.example");
  CHECK(scene.judged(session(State::not_judged, State::good)).mechanism == Mechanism::mta_sts);
  const auto bad =
      scene.judged(session(State::not_judged, State::bad, tls::CertificateFault::host_mismatch));
  CHECK(bad.verdict == Verdict::encrypted);
  CHECK(bad.reason == Reason::certificate_host_mismatch);
  scene.publish_policy(mtasts::Mode::enforce, "*.other.example");
  CHECK(scene.judged(session(State::not_judged, State::good)).verdict == Verdict::encrypted);
}

TEST_CASE("a policy in testing neither verifies nor binds", "[route]") {
  Scene scene(dns::Security::insecure);
  scene.publish_policy(mtasts::Mode::testing, "*.other.example");
  const auto judged = scene.judged(session(State::not_judged, State::good));
  CHECK(judged.verdict == Verdict::trusted);
  CHECK_FALSE(combine(*scene.facts, {judged}, Minimum::trusted).is_promised);
}

TEST_CASE("an NTA 7516 record makes DANE mandatory", "[route]") {
  Scene scene;
  scene.facts->nta7516_applies = true;
  const auto judged = scene.judged(session(State::not_judged, State::good));
  CHECK(judged.verdict == Verdict::encrypted);
  CHECK(judged.reason == Reason::dane_required);
  CHECK(course(combine(*scene.facts, {judged}, Minimum::trusted), Minimum::trusted) ==
        Course::defer);
}

TEST_CASE("a policy that could not be looked up leaves all but DANE undetermined", "[route]") {
  Scene scene;
  scene.facts->mta_sts = mtasts::Undetermined{"SERVFAIL", false};
  CHECK(scene.judged(session(State::not_judged, State::good)).verdict == Verdict::undetermined);
  CHECK(scene.judged(obstructed(smtp::Obstacle::starttls_not_offered)).verdict ==
        Verdict::undetermined);
  scene.publish_tlsa();
  CHECK(scene.judged(session(State::good, State::bad)).verdict == Verdict::verified);
}

TEST_CASE("only a definite obstacle says anything about a host", "[route]") {
  Scene scene;
  for (const auto obstacle :
       {smtp::Obstacle::connect_failed, smtp::Obstacle::connect_timed_out,
        smtp::Obstacle::deadline_passed, smtp::Obstacle::rate_limited,
        smtp::Obstacle::greeting_refused, smtp::Obstacle::tls_refused_now, smtp::Obstacle::lost,
        smtp::Obstacle::timed_out, smtp::Obstacle::protocol_error, smtp::Obstacle::injected,
        smtp::Obstacle::local_failure}) {
    CHECK(scene.judged(obstructed(obstacle)).verdict == Verdict::undetermined);
  }
  CHECK(scene.judged(obstructed(smtp::Obstacle::starttls_not_offered)).verdict ==
        Verdict::insecure);
  CHECK(scene.judged(obstructed(smtp::Obstacle::tls_failed)).reason == Reason::validation_failure);
}

TEST_CASE("a peer that was not verified and showed no handshake is never good", "[route]") {
  Scene scene;
  CHECK(scene.judged(obstructed(smtp::Obstacle::peer_not_verified)).verdict ==
        Verdict::undetermined);
  CHECK(scene.judged({.remote = {*IpAddress::parse("192.0.2.1"), 25}}).verdict ==
        Verdict::undetermined);
}

TEST_CASE("a TLSA lookup that failed makes the host undetermined, never PKIX", "[route]") {
  Scene scene;
  scene.host().tlsa = {.outcome = dane::Outcome::host_unusable, .why = "SERVFAIL"};
  CHECK(scene.judged(session(State::not_judged, State::good)).verdict == Verdict::undetermined);
  CHECK(judge_before_connecting(scene.host())->reason == Reason::dns_temporary);
  scene.host().tlsa.is_bogus = true;
  CHECK(judge_before_connecting(scene.host())->reason == Reason::dns_bogus);
}

TEST_CASE("the first host that reaches the minimum decides", "[route]") {
  Scene scene;
  scene.add_host("mx2.d.example");
  scene.add_host("mx3.d.example");
  const std::vector<HostVerdict> hosts = {verdict(Verdict::encrypted), verdict(Verdict::trusted),
                                          verdict(Verdict::verified)};
  CHECK(combine(*scene.facts, hosts, Minimum::trusted).host == 1u);
  CHECK(combine(*scene.facts, hosts, Minimum::verified).host == 2u);
}

TEST_CASE("below the minimum an undetermined host hides the others", "[route]") {
  Scene scene;
  scene.add_host("mx2.d.example");
  const auto mixed =
      combine(*scene.facts,
              {verdict(Verdict::encrypted), verdict(Verdict::undetermined, Reason::timed_out)},
              Minimum::trusted);
  CHECK(mixed.best.verdict == Verdict::undetermined);
  CHECK(course(mixed, Minimum::trusted) == Course::defer);
  const auto known = combine(
      *scene.facts, {verdict(Verdict::insecure), verdict(Verdict::encrypted)}, Minimum::trusted);
  CHECK(known.best.verdict == Verdict::encrypted);
  CHECK(course(known, Minimum::trusted) == Course::fall_back);
}

TEST_CASE("a broken promise of any host defers, and asking for more than is promised does not",
          "[route]") {
  Scene scene;
  scene.publish_tlsa();
  scene.add_host("mx2.d.example");
  const auto broken = combine(
      *scene.facts, {verdict(Verdict::encrypted), verdict(Verdict::insecure)}, Minimum::trusted);
  CHECK(course(broken, Minimum::trusted) == Course::defer);
  Scene plain;
  const auto trusted = combine(*plain.facts, {verdict(Verdict::trusted)}, Minimum::verified);
  CHECK(course(trusted, Minimum::verified) == Course::fall_back);
}

TEST_CASE("what DNS says of the domain comes before every host", "[route]") {
  Scene scene;
  scene.facts->next_hops.kind = dns::NextHops::Kind::null_mx;
  const auto none = combine(*scene.facts, {verdict(Verdict::verified)}, Minimum::trusted);
  CHECK(none.best.verdict == Verdict::undeliverable);
  CHECK(course(none, Minimum::trusted) == Course::fail);
  CHECK(enhanced_code(none.best.reason, Course::fail) == "5.1.10");

  scene.facts->next_hops.kind = dns::NextHops::Kind::undetermined;
  scene.facts->next_hops.answer = answer("d.example", dns::Type::mx, dns::Outcome::bogus);
  CHECK(combine(*scene.facts, {}, Minimum::trusted).best.reason == Reason::dns_bogus);
}

TEST_CASE("an apex TXT lookup that failed leaves open whether DANE is mandatory", "[route]") {
  Scene scene;
  scene.facts->nta7516 = {.outcome = nta7516::Outcome::failure,
                          .why = "timeout",
                          .answer = answer("d.example", dns::Type::txt, dns::Outcome::failure)};
  const auto all = combine(*scene.facts, {verdict(Verdict::trusted)}, Minimum::trusted);
  CHECK(all.best.reason == Reason::dns_temporary);
  CHECK(course(all, Minimum::trusted) == Course::defer);
}
