#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "delivery/courier.h"
#include "delivery/send.h"
#include "delivery/sts_memory_cache.h"
#include "message/reader.h"
#include "message/source.h"
#include "support/fake_resolver.h"
#include "support/mail_sink.h"
#include "support/no_sts.h"
#include "support/tls_peer.h"

using namespace sm;
using namespace sm::delivery;
using namespace sm::test;
using namespace std::chrono_literals;

namespace {

/// "a.example", signed, whose hosts are mail sinks of the test's at loopback addresses.
struct Road {
  Issued root = issue({.common_name = "Test Root", .is_ca = true});
  Issued leaf = issue({.common_name = "mx.example", .dns_names = {"mx.example"}}, &root);
  Issued other = issue({.common_name = "mx.example", .dns_names = {"mx.example"}}, &root);
  tls::Context tls = trusting(root);
  FakeResolver resolver;
  NoSts sts;
  StsMemoryCache cache;
  std::uint16_t port = 0;
  std::vector<std::unique_ptr<MailSink>> sinks;

  Road() { resolver.sign("example"); }

  MailSink& add(int preference, const Issued& shown, MailSink::Manners manners = {}) {
    const int host = 61 + static_cast<int>(sinks.size());
    sinks.push_back(
        std::make_unique<MailSink>(ServerRecipe{shown}, host, port, std::move(manners)));
    port = sinks.front()->port();
    add_host(preference, host);
    return *sinks.back();
  }
  /// Where nobody listens.
  void add_dead(int preference) { add_host(preference, 99); }

  DeliveryReport deliver(Minimum minimum = Minimum::verified) {
    const FactFinder finder({.resolver = &resolver,
                             .sts_source = &sts,
                             .sts_cache = &cache,
                             .guard = {.allowed = {*IpPrefix::parse("127.0.0.0/8")}},
                             .random = last_choice,
                             .port = port});
    const smtp::Client client(tls, smtp::Manner{.helo = *name::Domain::parse("client.example")});
    const auto text = "From: s@client.example\r\nTo: x@a.example\r\nSubject: x\r\n\r\nhi\r\n";
    auto read = message::read_message(*message::read_memory(text), message::Purpose::submission);
    const auto prepared = message::prepare(std::move(*read), {}).value();
    smtp::Envelope envelope;
    envelope.sender = name::ReversePath::parse("s@client.example").value();
    envelope.recipients = {{name::Mailbox::parse("x@a.example").value()}};
    MessageContent content(prepared);
    const Deadline deadline(system_clock(), 30s);
    return Courier(finder, client, minimum)
        .deliver(domain("a.example"), envelope, content, deadline);
  }

 private:
  void add_host(int preference, int host) {
    const auto mx = "mx" + std::to_string(host) + ".example";
    resolver.add("a.example", "MX", std::to_string(preference) + " " + mx);
    resolver.add(mx, "A", "127.0.0." + std::to_string(host));
    resolver.add("_" + std::to_string(port) + "._tcp." + mx, "TLSA",
                 "3 1 1 " + to_hex(Bytes(leaf.facts().spki_sha256)));
  }
};

}  // namespace

TEST_CASE("a message that the first host takes asks nothing about the others", "[courier]") {
  Road road;
  road.add(10, road.leaf);
  auto& backup = road.add(20, road.leaf);
  const auto report = road.deliver();
  CHECK(report.recipients[0].end == End::accepted);
  CHECK(report.recipients[0].host == 0U);
  CHECK(backup.connections() == 0);
  CHECK_FALSE(road.resolver.was_asked("A mx62.example"));
}

TEST_CASE("where the first hosts take nothing, the next ones are looked up and tried in order",
          "[courier]") {
  Road road;
  const auto works = [&] {
    auto& backup = road.add(20, road.leaf);
    auto& last = road.add(30, road.leaf);
    const auto report = road.deliver();
    CHECK(report.recipients[0].end == End::accepted);
    CHECK(report.recipients[0].host == 1U);
    CHECK(report.facts->hosts[1].mx.host == domain("mx62.example"));
    CHECK(backup.taken().size() == 1);
    CHECK(last.connections() == 0);
  };
  SECTION("since it puts mail off") {
    road.add(10, road.leaf, {.end_of_data = [](int) { return "451 4.3.0 later"; }});
    works();
  }
  SECTION("since it has another certificate than DANE says") {
    road.add(10, road.other);
    works();
  }
}

TEST_CASE("a host where nobody listens gives way to the next", "[courier]") {
  Road road;
  auto& backup = road.add(20, road.leaf);
  road.add_dead(10);
  const auto report = road.deliver();
  CHECK(report.recipients[0].end == End::accepted);
  CHECK(backup.taken().size() == 1);
}

TEST_CASE("what a host refuses for good is not offered to the next", "[courier]") {
  Road road;
  road.add(10, road.leaf, {.end_of_data = [](int) { return "550 5.7.1 no"; }});
  auto& backup = road.add(20, road.leaf);
  CHECK(road.deliver().recipients[0].end == End::failed);
  CHECK(backup.connections() == 0);
}

TEST_CASE("a promise of a host that was not tried first still counts", "[courier]") {
  Road road;
  road.add(20, road.other);  // promises DANE, and does not keep it
  const auto first =
      std::make_unique<MailSink>(ServerRecipe{road.other}, 70, road.port, MailSink::Manners{});
  road.resolver.add("a.example", "MX", "10 mx70.example").add("mx70.example", "A", "127.0.0.70");
  const auto report = road.deliver();
  // The first has no TLSA and no certificate for its name: alone it would be sealed or refused.
  CHECK(report.recipients[0].end == End::deferred);
  CHECK(report.verdict.is_promised);
  CHECK(first->connections() == 1);
}
