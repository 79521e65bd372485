#include <catch2/catch.hpp>
#include <future>

#include "crypto/random.h"
#include "delivery/dispatch.h"
#include "support/mail_hosts.h"
#include "support/temp_dir.h"

using namespace sm;
using namespace sm::delivery;
using namespace sm::test;
using namespace std::chrono_literals;

namespace {

/// Destinations at loopback addresses, signed and with TLSA, and a dispatcher that leads there.
struct Depot : MailHosts {
  TempDir state;
  std::unique_ptr<FactFinder> finder;
  std::optional<smtp::Client> client;
  audit::Log log =
      audit::Log::open(state.path(), "default", system_clock(), {.tool = "t/0"}).value();
  std::unique_ptr<Dispatcher> dispatcher;

  std::mutex mutex;
  std::vector<RecipientResult> results;
  std::vector<message::PreparedMessage> messages;

  /// Another MX host, and `domains` ("a.example") whose mail it takes.
  MailSink& add_sink(const std::vector<std::string>& domains, MailSink::Manners manners = {}) {
    const int host = 41 + static_cast<int>(sinks.size());
    auto& sink = listen(host, leaf, std::move(manners));
    const auto mx = publish(host);
    for (const auto& one : domains)
      resolver.add(one, "MX", "10 " + mx);
    return sink;
  }
  void add_domain(const std::string& name, const std::string& mx) {
    resolver.add(name, "MX", "10 " + mx);
  }

  void start(Dispatcher::Options options = {}) {
    finder = std::make_unique<FactFinder>(finder_parts(crypto::random_below));
    client.emplace(tls, smtp::Manner{.helo = *name::Domain::parse("client.example")});
    dispatcher = std::make_unique<Dispatcher>(*finder, *client, options);
    messages.reserve(1000);
  }

  void add(const std::string& address) {
    messages.push_back(message_to(address));
    auto parcel = std::make_shared<Parcel>(
        Parcel{.mailing = {.message = &messages.back(), .envelope = envelope_to(address)},
               .id = audit::MessageId::fresh(),
               .recipients = {audit::RecipientId::fresh()}});
    parcel->log = &log;
    parcel->settled = [this](std::vector<RecipientResult> ended, std::vector<Error> gaps) {
      const std::lock_guard lock(mutex);
      if (!gaps.empty()) throw std::logic_error(gaps.front().what);
      results.push_back(std::move(ended.front()));
    };
    dispatcher->add(std::move(parcel));
  }

  std::map<Status, int> ends() {
    std::map<Status, int> counts;
    for (const auto& result : results)
      ++counts[result.status];
    return counts;
  }
};

using Counts = std::map<Status, int>;

}  // namespace

TEST_CASE("messages to one host share its connections, few at first and never above the limit",
          "[dispatch]") {
  Depot depot;
  auto& sink = depot.add_sink({"a.example", "b.example"});
  depot.start({.per_destination = 3, .at_first = 1});
  for (int i = 0; i < 60; ++i)
    depot.add("p" + std::to_string(i) + (i % 2 == 0 ? "@a.example" : "@b.example"));
  depot.dispatcher->finish();
  CHECK(depot.ends() == Counts{{Status::delivered, 60}});
  CHECK(sink.taken().size() == 60);
  CHECK(sink.most_at_once() <= 3);
  // Two domains with the same host are one destination: a connection serves both.
  CHECK(sink.connections() <= 3);
}

TEST_CASE("a slow destination does not hold others up", "[dispatch]") {
  Depot depot;
  std::promise<void> released;
  auto release = released.get_future().share();
  depot.add_sink({"slow.example"}, {.end_of_data = [release](int) {
                   release.wait();
                   return std::string("250 2.0.0 Ok");
                 }});
  auto& quick = depot.add_sink({"quick.example"});
  depot.start({.connections = 4, .per_destination = 2, .at_first = 2});
  for (int i = 0; i < 20; ++i)
    depot.add("s" + std::to_string(i) + "@slow.example");
  for (int i = 0; i < 20; ++i)
    depot.add("q" + std::to_string(i) + "@quick.example");
  // All of the quick one's messages arrive while the slow one has answered nothing.
  while (quick.taken().size() < 20)
    std::this_thread::sleep_for(1ms);
  CHECK(depot.sinks.front()->taken().empty());
  released.set_value();
  depot.dispatcher->finish();
  CHECK(depot.ends() == Counts{{Status::delivered, 40}});
}

TEST_CASE("a destination that says not now is left alone, then asked again with fewer connections",
          "[dispatch]") {
  Depot depot;
  auto& sink =
      depot.add_sink({"a.example"}, {.greeting = [](int nth) {
                       return std::string(nth == 0 ? "421 4.7.0 too busy" : "220 mx.example ESMTP");
                     }});
  depot.start({.per_destination = 4, .at_first = 4});
  const auto began = std::chrono::steady_clock::now();
  depot.add("p0@a.example");
  // The first is answered by the refusal itself.
  while (true) {
    const std::lock_guard lock(depot.mutex);
    if (!depot.results.empty()) break;
  }
  for (int i = 1; i < 10; ++i)
    depot.add("p" + std::to_string(i) + "@a.example");
  depot.dispatcher->finish();
  CHECK(depot.ends() == Counts{{Status::deferred, 1}, {Status::delivered, 9}});
  CHECK(std::chrono::steady_clock::now() - began >= 900ms);
  CHECK(sink.taken().size() == 9);
}

TEST_CASE("F11: after a 421 to the end of the data the message goes over a new connection",
          "[dispatch]") {
  Depot depot;
  auto& sink =
      depot.add_sink({"a.example"}, {.end_of_data = [](int nth) {
                       return std::string(nth == 2 ? "421 4.3.2 shutting down" : "250 2.0.0 Ok");
                     }});
  depot.start({.per_destination = 1, .at_first = 1});
  for (int i = 0; i < 6; ++i)
    depot.add("p" + std::to_string(i) + "@a.example");
  depot.dispatcher->finish();
  CHECK(depot.ends() == Counts{{Status::delivered, 6}});
  CHECK(sink.taken().size() == 6);
  CHECK(sink.connections() == 2);
}

TEST_CASE("an idle connection that the server closed costs the next message nothing",
          "[dispatch]") {
  Depot depot;
  auto& sink = depot.add_sink({"a.example"});
  depot.start({.per_destination = 1, .at_first = 1});
  depot.add("p0@a.example");
  while (sink.taken().empty())
    std::this_thread::sleep_for(1ms);
  sink.hang_up();
  sink.wait_until_alone();
  depot.add("p1@a.example");
  depot.dispatcher->finish();
  CHECK(depot.ends() == Counts{{Status::delivered, 2}});
  CHECK(sink.connections() == 2);
}

TEST_CASE("a connection lost between the end mark and the reply is uncertain, not sent again",
          "[dispatch]") {
  Depot depot;
  auto& sink = depot.add_sink({"a.example"}, {.end_of_data = [](int nth) {
                                return std::string(nth == 0 ? "" : "250 2.0.0 Ok");
                              }});
  depot.start({.per_destination = 1, .at_first = 1});
  depot.add("p0@a.example");
  depot.add("p1@a.example");
  depot.dispatcher->finish();
  CHECK(depot.ends() == Counts{{Status::uncertain, 1}, {Status::delivered, 1}});
  CHECK(sink.taken() == std::vector<std::string>{"p1@a.example"});
}

TEST_CASE("a domain that cannot take mail is looked at once for all its messages", "[dispatch]") {
  Depot depot;
  depot.add_sink({"a.example"});
  depot.resolver.add("null.example", "MX", "0 .");
  depot.start();
  for (int i = 0; i < 20; ++i)
    depot.add("p" + std::to_string(i) + "@null.example");
  depot.dispatcher->finish();
  CHECK(depot.ends() == Counts{{Status::failed, 20}});
  const auto& asked = depot.resolver.asked();
  CHECK(std::count(asked.begin(), asked.end(), "MX null.example") == 1);
}

TEST_CASE("after stop() nothing more is begun, and everything has an end", "[dispatch]") {
  Depot depot;
  std::promise<void> reached;
  std::promise<void> released;
  auto release = released.get_future().share();
  auto& sink = depot.add_sink({"a.example"}, {.end_of_data = [&, release](int nth) {
                                if (nth == 0) reached.set_value();
                                release.wait();
                                return std::string("250 2.0.0 Ok");
                              }});
  depot.start({.per_destination = 1, .at_first = 1});
  for (int i = 0; i < 10; ++i)
    depot.add("p" + std::to_string(i) + "@a.example");
  reached.get_future().wait();
  depot.dispatcher->stop();
  released.set_value();
  depot.dispatcher->finish();
  CHECK(depot.ends() == Counts{{Status::delivered, 1}, {Status::deferred, 9}});
  CHECK(sink.taken().size() == 1);
}
