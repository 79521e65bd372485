#include <catch2/catch.hpp>

#include "delivery/courier.h"
#include "delivery/send.h"
#include "support/mail_hosts.h"

using namespace sm;
using namespace sm::delivery;
using namespace sm::test;
using namespace std::chrono_literals;

namespace {

/// "a.example", signed, whose hosts are mail sinks of the test's at loopback addresses.
struct Road : MailHosts {
  Issued other = issue({.common_name = "mx.example", .dns_names = {"mx.example"}}, &root);

  MailSink& add(int preference, const Issued& shown, MailSink::Manners manners = {}) {
    const int host = 61 + static_cast<int>(sinks.size());
    auto& sink = listen(host, shown, std::move(manners));
    add_host(preference, host);
    return sink;
  }
  /// Where nobody listens.
  void add_dead(int preference) { add_host(preference, 99); }

  DeliveryReport deliver(Minimum minimum = Minimum::verified) {
    const FactFinder finder(finder_parts(last_choice));
    const smtp::Client client(tls, smtp::Manner{.helo = *name::Domain::parse("client.example")});
    const auto prepared = message_to("x@a.example");
    MessageContent content(prepared);
    const Deadline deadline(system_clock(), 30s);
    return Courier(finder, client, minimum)
        .deliver(domain("a.example"), envelope_to("x@a.example"), content, deadline);
  }

 private:
  void add_host(int preference, int host) {
    resolver.add("a.example", "MX", std::to_string(preference) + " " + publish(host));
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
