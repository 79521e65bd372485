// Against the lab's servers, and only there: hidden from the ordinary run, started by
// tests/lab/test_dns.

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <future>
#include <thread>

#include "dns/mx.h"
#include "dns/resolver.h"
#include "support/fake_resolver.h"

namespace {
using namespace sm;
using namespace sm::dns;
using test::domain;

ResolverOptions lab_options() {
  const char* lab = std::getenv("SMTOOLS_LAB");
  if (lab == nullptr) throw std::runtime_error("SMTOOLS_LAB is not set: run this inside the lab");
  ResolverOptions options;
  options.trust_anchor_file = std::string(lab) + "/root.key";
  return options;
}
std::unique_ptr<Resolver> lab_resolver(const ResolverOptions& options = lab_options()) {
  auto resolver = open_resolver(options);
  if (!resolver) throw std::runtime_error(resolver.error().what);
  return *std::move(resolver);
}
Answer ask(Resolver& resolver, std::string_view name, Type type) {
  return resolver.lookup(*name::DnsName::parse(name), type);
}
}  // namespace

TEST_CASE("signed data is secure, unsigned data insecure", "[.][live]") {
  const auto resolver = lab_resolver();
  const auto secure = ask(*resolver, "dane.example", Type::mx);
  INFO(describe(secure));
  REQUIRE(secure.has_data());
  CHECK(secure.is_secure());
  CHECK(secure.all<Mx>().size() == 2);
  CHECK(secure.ttl > 0);
  const auto insecure = ask(*resolver, "pkix.example", Type::mx);
  INFO(describe(insecure));
  REQUIRE(insecure.has_data());
  CHECK_FALSE(insecure.is_secure());
}

TEST_CASE("denials are secure under a signed zone and insecure under an unsigned one",
          "[.][live]") {
  const auto resolver = lab_resolver();
  const auto no_data = ask(*resolver, "dane.example", Type::tlsa);
  CHECK(no_data.outcome == Outcome::no_data);
  CHECK(no_data.is_secure());
  const auto no_name = ask(*resolver, "nothing.dane.example", Type::a);
  CHECK(no_name.outcome == Outcome::no_such_name);
  CHECK(no_name.is_secure());
  const auto unsigned_name = ask(*resolver, "nothing.pkix.example", Type::a);
  CHECK(unsigned_name.outcome == Outcome::no_such_name);
  CHECK_FALSE(unsigned_name.is_secure());
  CHECK(ask(*resolver, "nosuch.example", Type::mx).outcome == Outcome::no_such_name);
}

TEST_CASE("A23 broken signatures are bogus, with the validator's reason", "[.][live][A23]") {
  const auto resolver = lab_resolver();
  const auto answer = ask(*resolver, "bogus.example", Type::mx);
  INFO(describe(answer));
  CHECK(answer.outcome == Outcome::bogus);
  CHECK_FALSE(answer.why.empty());
  CHECK(answer.records.empty());
}

TEST_CASE("A20 a server failure is a failure, not an absence", "[.][live][A20]") {
  const auto resolver = lab_resolver();
  const auto mx = ask(*resolver, "servfail.example", Type::mx);
  INFO(describe(mx));
  CHECK(mx.outcome == Outcome::failure);
  CHECK(mx.failure == FailureKind::servfail);
}

TEST_CASE("A23 expired signatures are bogus", "[.][live][A23]") {
  const auto resolver = lab_resolver();
  const auto answer = ask(*resolver, "live-expired.example", Type::mx);
  INFO(describe(answer));
  CHECK(answer.outcome == Outcome::bogus);
  CHECK(answer.why.find("expired") != std::string::npos);
}

TEST_CASE("A27 each hop of a chain has its own security", "[.][live][A27]") {
  const auto resolver = lab_resolver();
  const auto all_secure = ask(*resolver, "first.live-signed.example", Type::a);
  INFO(describe(all_secure));
  REQUIRE(all_secure.has_data());
  CHECK(all_secure.is_secure());
  REQUIRE(all_secure.chain.size() == 2);
  CHECK(all_secure.chain[1].security == Security::secure);
  CHECK(all_secure.canonical == "third.live-signed.example");

  const auto to_plain = ask(*resolver, "alias.live-signed.example", Type::a);
  INFO(describe(to_plain));
  REQUIRE(to_plain.has_data());
  CHECK_FALSE(to_plain.is_secure());
  REQUIRE(to_plain.chain.size() == 1);
  CHECK(to_plain.chain[0].security == Security::secure);

  // signed -> plain -> signed: the second hop taints what follows.
  const auto tainted = ask(*resolver, "tainted.live-signed.example", Type::a);
  INFO(describe(tainted));
  REQUIRE(tainted.has_data());
  CHECK_FALSE(tainted.is_secure());
  REQUIRE(tainted.chain.size() == 2);
  CHECK(tainted.chain[0].security == Security::secure);
  CHECK(tainted.chain[1].security == Security::insecure);
}

TEST_CASE("an alias whose target lacks the type keeps its chain", "[.][live]") {
  const auto resolver = lab_resolver();
  const auto answer = ask(*resolver, "first.live-signed.example", Type::mx);
  INFO(describe(answer));
  CHECK(answer.outcome == Outcome::no_data);
  CHECK(answer.is_secure());
  CHECK(answer.chain.size() == 2);
}

TEST_CASE("A20 an answer too big for a datagram comes over TCP", "[.][live][A20]") {
  const auto resolver = lab_resolver();
  const auto answer = ask(*resolver, "big.live-signed.example", Type::txt);
  REQUIRE(answer.has_data());
  CHECK(answer.is_secure());
  CHECK(answer.all<Txt>().size() == 60);
}

TEST_CASE("A30 500 MX records are read, and ten kept", "[.][live][A30]") {
  const auto resolver = lab_resolver();
  const auto answer = ask(*resolver, "many.live-signed.example", Type::mx);
  REQUIRE(answer.has_data());
  CHECK(answer.all<Mx>().size() == 500);
  const auto hops = next_hops(domain("many.live-signed.example"), answer, test::last_choice);
  CHECK(hops.hosts.size() == kMaxHosts);
}

TEST_CASE("TLSA records of 0 to 3 bytes are never taken for no record, nor for whole ones",
          "[.][live]") {
  const auto resolver = lab_resolver();
  for (const char* name : {"short0", "short1", "short2", "short3"}) {
    const auto answer = ask(*resolver, std::string(name) + ".live-odd.example", Type::tlsa);
    INFO(describe(answer));
    // Either the record is there, malformed, or the servers on the way refuse to carry it.
    CHECK_FALSE(answer.is_absent());
    CHECK(answer.all<Tlsa>().empty());
    if (answer.has_data()) CHECK(answer.all<Malformed>().size() == 1);
  }
}

TEST_CASE("an MX name with a line end in it is escaped, and no host", "[.][live]") {
  const auto resolver = lab_resolver();
  const auto answer = ask(*resolver, "odd.live-odd.example", Type::mx);
  INFO(describe(answer));
  REQUIRE(answer.all<Mx>().size() == 2);
  const auto hops = next_hops(domain("odd.live-odd.example"), answer, test::last_choice);
  REQUIRE(hops.hosts.size() == 1);
  CHECK(hops.hosts[0].host.text() == "mx.example");
  REQUIRE(hops.skipped.size() == 1);
  CHECK(hops.skipped[0].exchange == "a\\010b");
}

TEST_CASE("A20 silence, refusals, garbage and loops are failures, and end in time",
          "[.][live][A20]") {
  auto options = lab_options();
  options.timeout = std::chrono::milliseconds(2000);
  const auto resolver = lab_resolver(options);
  std::vector<Question> questions;
  for (const char* label : {"silent", "refused", "garbage", "loop"}) {
    questions.push_back({domain(std::string(label) + ".live-odd.example"), Type::mx});
  }
  const auto before = std::chrono::steady_clock::now();
  for (const auto& answer : resolver->lookup_all(questions)) {
    INFO(describe(answer));
    CHECK(answer.outcome == Outcome::failure);
    CHECK_FALSE(answer.why.empty());
  }
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::milliseconds(2500));
  // One slow zone must not cost the others their resolver.
  CHECK(ask(*resolver, "dane.example", Type::mx).is_secure());
}

TEST_CASE("A20 a zone whose server refuses everybody is a failure", "[.][live][A20]") {
  const auto resolver = lab_resolver();
  const auto answer = ask(*resolver, "live-refused.example", Type::mx);
  INFO(describe(answer));
  CHECK(answer.outcome == Outcome::failure);
}

TEST_CASE("lookups that go together come back in order", "[.][live]") {
  const auto resolver = lab_resolver();
  std::vector<Question> questions;
  for (int i = 0; i < 50; ++i) {
    const auto n = (i < 9 ? "0" : "") + std::to_string(i + 1);
    questions.push_back({domain("mx" + n + ".pool.example"), Type::a});
  }
  const auto answers = resolver->lookup_all(questions);
  REQUIRE(answers.size() == questions.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    INFO(describe(answers[i]));
    CHECK(answers[i].question == questions[i]);
    REQUIRE(answers[i].has_data());
    CHECK(answers[i].is_secure());
    CHECK(text(answers[i].records[0]) == "192.0.2." + std::to_string(i + 1));
  }
}

TEST_CASE("many threads share one resolver", "[.][live]") {
  const auto resolver = lab_resolver();
  std::vector<std::thread> threads;
  std::vector<int> secure(16, 0);
  for (std::size_t t = 0; t < secure.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const auto n = (i < 9 ? "0" : "") + std::to_string(i + 1);
        const auto answer = ask(*resolver, "_25._tcp.mx" + n + ".pool.example", Type::tlsa);
        if (answer.has_data() && answer.is_secure()) ++secure[t];
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  CHECK(secure == std::vector<int>(16, 50));
}

TEST_CASE("A20 a server that does not answer is a time-out, as soon as the time is up",
          "[.][live][A20]") {
  auto options = lab_options();
  options.servers = {*ServerAddress::parse("192.0.2.250", 53)};  // a black hole
  options.timeout = std::chrono::milliseconds(300);
  const auto resolver = lab_resolver(options);
  const auto before = std::chrono::steady_clock::now();
  const auto answer = ask(*resolver, "dane.example", Type::mx);
  const auto took = std::chrono::steady_clock::now() - before;
  CHECK(answer.outcome == Outcome::failure);
  CHECK(answer.failure == FailureKind::timeout);
  CHECK(took < std::chrono::milliseconds(1500));
}

TEST_CASE("A20 more lookups than go side by side still end in time when no server answers",
          "[.][live][A20]") {
  auto options = lab_options();
  options.servers = {*ServerAddress::parse("192.0.2.250", 53)};
  options.timeout = std::chrono::milliseconds(200);
  options.parallel = 8;
  const auto resolver = lab_resolver(options);
  std::vector<Question> questions;
  for (int i = 0; i < 24; ++i) {
    questions.push_back({domain("d" + std::to_string(i) + ".example"), Type::mx});
  }
  const auto before = std::chrono::steady_clock::now();
  const auto answers = resolver->lookup_all(questions);
  const auto took = std::chrono::steady_clock::now() - before;
  REQUIRE(answers.size() == 24);
  for (const auto& answer : answers) {
    CHECK(answer.outcome == Outcome::failure);
  }
  CHECK(took < std::chrono::seconds(3));
}

TEST_CASE("A20 a port where nobody listens is a failure", "[.][live][A20]") {
  auto options = lab_options();
  options.servers = {*ServerAddress::parse("203.0.113.53@5399", 53)};
  options.timeout = std::chrono::milliseconds(3000);
  const auto answer = ask(*lab_resolver(options), "dane.example", Type::mx);
  INFO(describe(answer));
  CHECK(answer.outcome == Outcome::failure);
}

TEST_CASE("with another trust anchor nothing of the lab is secure, and nothing is insecure",
          "[.][live]") {
  auto options = lab_options();
  options.trust_anchor_file = "/usr/share/dns/root.key";
  const auto resolver = lab_resolver(options);
  const auto answer = ask(*resolver, "dane.example", Type::mx);
  INFO(describe(answer));
  CHECK(answer.outcome == Outcome::bogus);
}

TEST_CASE("the AD bit of a resolver beyond loopback is not trusted", "[.][live]") {
  auto options = lab_options();
  options.trust_ad_bit = true;
  const auto resolver = open_resolver(options);
  REQUIRE_FALSE(resolver);
  CHECK(resolver.error().code == Errc::configuration);
}

TEST_CASE("what is asked ahead leads on, and is there for who asks next", "[.][live]") {
  auto options = lab_options();
  const auto resolver = begin_resolver(options);
  REQUIRE(resolver);
  std::promise<Answer> mx, address;
  (*resolver)->ask_ahead({domain("dane.example"), Type::mx}, [&](const Answer& answer) {
    mx.set_value(answer);
    (*resolver)->ask_ahead({domain("mx1.dane.example"), Type::a},
                           [&](const Answer& found) { address.set_value(found); });
  });
  REQUIRE((*resolver)->check());
  CHECK(mx.get_future().get().all<Mx>().size() == 2);
  CHECK(address.get_future().get().has_data());
  for (int i = 0; i < 2; ++i) {  // from what was kept, and then anew
    const auto answer = ask(**resolver, "dane.example", Type::mx);
    CHECK(answer.all<Mx>().size() == 2);
    CHECK(answer.is_secure());
  }
}

TEST_CASE("what is asked ahead and still under way calls nobody once its resolver is gone",
          "[.][live]") {
  bool was_called = false;
  {
    auto options = lab_options();
    options.servers = {{*IpAddress::parse("203.0.113.254"), 53}};  // nobody answers there
    const auto resolver = lab_resolver(options);
    resolver->ask_ahead({domain("dane.example"), Type::mx},
                        [&](const Answer&) { was_called = true; });
  }
  CHECK_FALSE(was_called);
}

TEST_CASE("how fast", "[.][live][speed]") {
  const auto start = std::chrono::steady_clock::now();
  const auto ms = [](auto since) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - since)
        .count();
  };
  const auto resolver = lab_resolver();
  const double opened = ms(start);
  const auto lookup = std::chrono::steady_clock::now();
  const auto first = ask(*resolver, "dane.example", Type::mx);
  const double first_took = ms(lookup);
  const auto second = std::chrono::steady_clock::now();
  const auto hops = next_hops(domain("dane.example"), first, test::last_choice);
  std::vector<name::Domain> hosts;
  for (const auto& hop : hops.hosts) {
    hosts.push_back(hop.host);
  }
  const auto addresses = lookup_addresses(*resolver, hosts, {});
  const double addresses_took = ms(second);
  const auto third = std::chrono::steady_clock::now();
  for (const auto& host : hosts) {
    CHECK(resolver->lookup_under("_25._tcp", host, Type::tlsa).is_secure());
  }
  const double tlsa_took = ms(third);
  const auto cached = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) {
    CHECK(ask(*resolver, "dane.example", Type::mx).is_secure());
  }
  const double cached_took = ms(cached) / 1000;
  std::printf("open %.2f ms, MX %.2f ms, addresses %.2f ms, TLSA %.2f ms, cached %.3f ms\n", opened,
              first_took, addresses_took, tlsa_took, cached_took);
  REQUIRE(addresses.size() == hosts.size());
}

TEST_CASE("the AD bit of a local resolver tells secure, insecure, bogus and failed apart",
          "[.][ad]") {
  ResolverOptions options;
  options.servers = {*ServerAddress::parse("127.0.0.1@5300", 53)};
  options.trust_ad_bit = true;
  const auto resolver = lab_resolver(options);
  for (int i = 0; i < 50 && ask(*resolver, "example", Type::soa).is_unknown(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the resolver is starting
  }
  CHECK(ask(*resolver, "dane.example", Type::mx).is_secure());
  const auto insecure = ask(*resolver, "pkix.example", Type::mx);
  CHECK(insecure.has_data());
  CHECK_FALSE(insecure.is_secure());
  const auto absent = ask(*resolver, "nothing.dane.example", Type::mx);
  CHECK(absent.outcome == Outcome::no_such_name);
  CHECK(absent.is_secure());
  const auto bogus = ask(*resolver, "bogus.example", Type::mx);
  INFO(describe(bogus));
  CHECK(bogus.outcome == Outcome::bogus);
  CHECK(ask(*resolver, "servfail.example", Type::mx).outcome == Outcome::failure);
  // Over TCP.
  CHECK(ask(*resolver, "big.live-signed.example", Type::txt).all<Txt>().size() == 60);
  const auto alias = ask(*resolver, "alias.live-signed.example", Type::a);
  CHECK_FALSE(alias.is_secure());
  REQUIRE(alias.chain.size() == 1);
  CHECK(alias.chain[0].security == Security::secure);
}
