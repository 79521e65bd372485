#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdio>

#include "smtp/client.h"
#include "support/scripted_server.h"
#include "support/tls_peer.h"

namespace sm::smtp {
std::ostream& operator<<(std::ostream& out, Obstacle obstacle) {
  return out << text(obstacle);
}
}  // namespace sm::smtp

using namespace sm;
using namespace sm::smtp;
using namespace sm::test;
using namespace std::chrono_literals;
using tls::Demand;

namespace {

struct World {
  Issued root = issue({.common_name = "Test Root", .is_ca = true});
  Issued leaf = issue({.common_name = "mx.example", .dns_names = {"mx.example"}}, &root);
  tls::Context context = trusting(root);
  ServerRecipe recipe{leaf};
};

const World& world() {
  static const World made;
  return made;
}

Manner quick(std::chrono::milliseconds each = 20s) {
  return {.helo = domain("client.example"), .timeouts = {each, each, each, each, each, each, each}};
}

Target target_of(const ScriptedServer& server, Demand demand = Demand::pkix) {
  return {server.address(),
          {.server_name = domain("mx.example"),
           .pkix_names = {domain("mx.example")},
           .dane_records = {tlsa_3_1_1(world().leaf)},
           .dane_ta_names = {},
           .demand = demand}};
}

Deadline in(std::chrono::milliseconds time) {
  return {system_clock(), time};
}

Envelope envelope_to(std::size_t count) {
  Envelope envelope;
  envelope.sender = name::ReversePath::parse("s@client.example").value();
  for (std::size_t i = 0; i < count; ++i) {
    envelope.recipients.push_back(
        {name::Mailbox::parse("r" + std::to_string(i) + "@b.example").value()});
  }
  return envelope;
}

// A connection, or the test ends here.
Connection connect(const ScriptedServer& server, const Manner& manner = quick(),
                   Demand demand = Demand::dane) {
  auto attempt = Client(world().context, manner).connect(target_of(server, demand), in(60s));
  if (const auto* facts = std::get_if<SessionFacts>(&attempt)) FAIL(facts->detail);
  return std::move(std::get<Connection>(attempt));
}

SessionFacts fail_to_connect(const ScriptedServer& server, const Manner& manner = quick(),
                             std::chrono::milliseconds deadline = 60s) {
  auto attempt = Client(world().context, manner).connect(target_of(server), in(deadline));
  REQUIRE(std::holds_alternative<SessionFacts>(attempt));
  auto facts = std::get<SessionFacts>(std::move(attempt));
  REQUIRE(facts.obstacle);
  return facts;
}

// One message over one connection.
Transaction deliver(const ScriptedServer& server, std::string_view message,
                    std::size_t recipients = 1, const Manner& manner = quick()) {
  auto connection = connect(server, manner);
  TextContent content(message);
  auto delivery = connection.deliver(envelope_to(recipients), content, in(60s));
  REQUIRE(std::holds_alternative<Transaction>(delivery));
  return std::get<Transaction>(std::move(delivery));
}

// Takes commands up to the end of data's reply; the message as it was on the wire.
std::string take_message(ServedConnection& connection, const std::string& last_reply) {
  while (true) {
    const auto line = connection.read_line();
    if (line.empty()) return {};
    if (line == "DATA\r\n") break;
    connection.say("250 ok\r\n");
  }
  connection.say("354 go\r\n");
  auto message = connection.read_until("\r\n.\r\n");
  if (!last_reply.empty()) connection.say(last_reply);
  return message;
}

const std::string kMessage = "Subject: hi\r\n\r\n.dot\r\n..\r\nend\r\n";

}  // namespace

TEST_CASE("a message arrives, and what was seen is told", "[client]") {
  std::string wire;
  ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
    connection.begin("PIPELINING\nSIZE 10000");
    wire = take_message(connection, "250 2.0.0 Ok: queued as 4Xyz\r\n");
    connection.wait_for_end();
  });
  {
    auto connection = connect(server);
    const SessionFacts& facts = connection.facts();
    CHECK_FALSE(facts.obstacle);
    CHECK(facts.remote == server.address());
    REQUIRE(facts.local);
    CHECK(facts.local->address.text() == "127.0.0.1");
    CHECK(facts.local->port != 0);
    CHECK(facts.greeting->text() == "220 mx.example ESMTP");
    CHECK(facts.starttls->code == 220);
    CHECK(facts.capabilities.pipelining);
    CHECK(facts.capabilities.size_limit == 10000);
    REQUIRE(facts.tls);
    CHECK(facts.tls->version == "TLSv1.3");
    CHECK(facts.tls->dane.is_good());
    CHECK(facts.tls->pkix.is_good());
    CHECK(facts.tls->leaf.sha256 == world().leaf.facts().sha256);

    TextContent content(kMessage);
    const auto delivery = connection.deliver(envelope_to(1), content, in(60s));
    const auto& transaction = std::get<Transaction>(delivery);
    CHECK(transaction.ends[0].outcome == Outcome::accepted);
    CHECK(transaction.ends[0].reply->text() == "250 2.0.0 Ok: queued as 4Xyz");
    CHECK(transaction.queue_id == "4Xyz");
    CHECK(transaction.octets == kMessage.size());
    CHECK(transaction.sha256 == crypto::sha256(as_bytes(kMessage)));
    CHECK(connection.is_usable());
    const auto& lines = facts.transcript.lines();
    CHECK(std::none_of(lines.begin(), lines.end(), [](const auto& line) {
      return line.text.find("dot") != std::string::npos;
    }));
  }
  server.finish();
  CHECK(wire == "Subject: hi\r\n\r\n..dot\r\n...\r\nend\r\n.\r\n");
}

TEST_CASE("each round trip is one write", "[client]") {
  std::vector<std::string> reads;
  ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
    connection.begin();
    reads.push_back(connection.read_some());
    connection.say("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
    reads.push_back(connection.read_some());
    connection.say("250 ok\r\n");
    reads.push_back(connection.read_some());
  });
  deliver(server, "Subject: hi\r\n\r\n" + std::string(10000, 'x') + "\r\n", 2);
  server.finish();
  REQUIRE(reads.size() == 3);
  CHECK(reads[0] ==
        "MAIL FROM:<s@client.example>\r\nRCPT TO:<r0@b.example>\r\nRCPT TO:<r1@b.example>\r\n"
        "DATA\r\n");
  CHECK(reads[1].size() == 15 + 10002 + 3);
  CHECK(reads[2] == "QUIT\r\n");
}

TEST_CASE("several messages share a connection, by BDAT", "[client]") {
  std::vector<std::string> wires;
  ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
    connection.begin("CHUNKING\nPIPELINING");
    for (int i = 0; i < 3; ++i) {
      connection.read_line();
      connection.read_line();
      connection.say("250 ok\r\n250 ok\r\n");
      const auto line = connection.read_line();
      wires.push_back(line + connection.read_exactly(kMessage.size()));
      connection.say("250 2.0.0 ok\r\n");
    }
    connection.wait_for_end();
  });
  auto manner = quick();
  manner.framing = Framing::counted;
  auto connection = connect(server, manner);
  for (int i = 0; i < 3; ++i) {
    TextContent content(kMessage);
    const auto delivery = connection.deliver(envelope_to(1), content, in(60s));
    CHECK(std::get<Transaction>(delivery).ends[0].outcome == Outcome::accepted);
    CHECK(connection.is_usable());
  }
  connection.quit();
  CHECK_FALSE(connection.is_usable());
  server.finish();
  REQUIRE(wires.size() == 3);
  CHECK(wires[2] == "BDAT " + std::to_string(kMessage.size()) + " LAST\r\n" + kMessage);
}

TEST_CASE("a large message streams", "[client]") {
  std::size_t received = 0;
  ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
    connection.begin();
    received = take_message(connection, "250 ok\r\n").size();
    connection.wait_for_end();
  });
  std::string line(76, '.');
  line += "\r\n";
  std::string message;
  while (message.size() < (8U << 20))
    message += line;
  const auto transaction = deliver(server, message);
  CHECK(transaction.ends[0].outcome == Outcome::accepted);
  CHECK(transaction.octets == message.size());
  server.finish();
  CHECK(received == message.size() + message.size() / 78 + 3);
}

TEST_CASE("IPv6 works", "[client]") {
  std::optional<ScriptedServer> server;
  try {
    server.emplace(
        world().recipe,
        [](ServedConnection& connection) {
          connection.begin();
          take_message(connection, "250 ok\r\n");
          connection.wait_for_end();
        },
        "::1");
  } catch (const std::runtime_error&) {
    WARN("SKIP: this machine has no IPv6 loopback");
    return;
  }
  CHECK(deliver(*server, kMessage).ends[0].outcome == Outcome::accepted);
}

TEST_CASE("probing tells everything and sends nothing", "[client]") {
  std::string said;
  ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
    connection.begin("PIPELINING");
    said = connection.read_some();
  });
  auto target = target_of(server, Demand::none);
  target.peer.dane_records = {{3, 1, 1, std::vector<std::uint8_t>(32, 1)}};
  const auto facts = Client(world().context, quick()).probe(target, in(60s));
  CHECK_FALSE(facts.obstacle);
  REQUIRE(facts.tls);
  CHECK(facts.tls->pkix.is_good());
  CHECK(facts.tls->dane.state == tls::ChainVerdict::State::bad);
  CHECK(facts.capabilities.pipelining);
  server.finish();
  CHECK(said == "QUIT\r\n");
}

TEST_CASE("nobody gets mail without the proof that was demanded", "[client]") {
  std::string said;
  std::atomic<int> ended = 0;
  const auto script = [&](ServedConnection& connection) {
    connection.begin();
    said += connection.read_some();
    ++ended;
  };
  const auto attempt = [&](const ServerRecipe& recipe, auto change) {
    ScriptedServer server(recipe, script);
    auto target = target_of(server);
    change(target.peer);
    auto made = Client(world().context, quick()).connect(target, in(60s));
    REQUIRE(std::holds_alternative<SessionFacts>(made));
    CHECK(std::get<SessionFacts>(made).obstacle == Obstacle::peer_not_verified);
    CHECK(std::get<SessionFacts>(made).tls);
    CHECK_FALSE(std::get<SessionFacts>(made).detail.empty());
  };
  attempt(world().recipe, [](tls::Expectations& peer) { peer.demand = Demand::none; });
  attempt(world().recipe, [](tls::Expectations& peer) {
    peer.dane_records = {{3, 1, 1, std::vector<std::uint8_t>(32, 1)}};
    peer.demand = Demand::dane;
  });
  attempt(world().recipe,
          [](tls::Expectations& peer) { peer.pkix_names = {domain("other.example")}; });
  attempt({issue({.dns_names = {"mx.example"}})},
          [](tls::Expectations& peer) { peer.dane_records.clear(); });
  CHECK(ended == 4);
  CHECK(said.find("MAIL") == std::string::npos);
}

TEST_CASE("a demand that cannot be judged connects to nobody", "[client]") {
  ScriptedServer server(world().recipe, [](ServedConnection& connection) { connection.begin(); });
  auto target = target_of(server, Demand::dane);
  target.peer.dane_records.clear();
  auto made = Client(world().context, quick()).connect(target, in(60s));
  REQUIRE(std::holds_alternative<SessionFacts>(made));
  CHECK(std::get<SessionFacts>(made).obstacle == Obstacle::local_failure);
}

TEST_CASE("who does not answer, refuses or is not there is told apart", "[client]") {
  SECTION("refused") {
    auto server = std::make_optional<ScriptedServer>(world().recipe, [](ServedConnection&) {});
    const auto target = target_of(*server);
    server.reset();
    const auto facts = Client(world().context, quick()).probe(target, in(60s));
    CHECK(facts.obstacle == Obstacle::connect_failed);
    CHECK(facts.detail == "Connection refused");
  }
  SECTION("a black hole") {
    // A listener whose queue is full drops what comes.
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof own;
    auto* any = reinterpret_cast<sockaddr*>(&own);
    REQUIRE(::bind(listener, any, size) == 0);
    REQUIRE(::listen(listener, 0) == 0);
    REQUIRE(::getsockname(listener, any, &size) == 0);
    std::vector<int> fillers;
    for (int i = 0; i < 4; ++i) {
      fillers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      ::connect(fillers.back(), any, size);
    }
    const Target target{{IpAddress::parse("127.0.0.1").value(), ntohs(own.sin_port)},
                        {.server_name = domain("mx.example")}};
    CHECK(Client(world().context, quick(200ms)).probe(target, in(60s)).obstacle ==
          Obstacle::connect_timed_out);
    CHECK(Client(world().context, quick()).probe(target, in(200ms)).obstacle ==
          Obstacle::deadline_passed);
    for (const int filler : fillers)
      ::close(filler);
    ::close(listener);
  }
  SECTION("silence") {
    ScriptedServer server(world().recipe, [](ServedConnection& c) { c.wait_for_end(); });
    CHECK(fail_to_connect(server, quick(200ms)).obstacle == Obstacle::timed_out);
    CHECK(fail_to_connect(server, quick(), 200ms).obstacle == Obstacle::deadline_passed);
  }
  SECTION("gone at once") {
    ScriptedServer server(world().recipe, [](ServedConnection& c) { c.reset(); });
    const auto facts = fail_to_connect(server);
    CHECK((*facts.obstacle == Obstacle::lost || *facts.obstacle == Obstacle::connect_failed));
  }
}

TEST_CASE("A41 a drip is not waited for, octet by octet", "[client][A41]") {
  ScriptedServer server(world().recipe, [](ServedConnection& connection) {
    for (int i = 0; i < 40; ++i) {
      connection.say("2");
      ::usleep(20000);
      if (i == 0) connection.say("20-");
    }
  });
  CHECK(fail_to_connect(server, quick(300ms)).obstacle == Obstacle::timed_out);
}

TEST_CASE("A41 a drip of lines ends at a hundred, and at the deadline", "[client][A41]") {
  ScriptedServer server(world().recipe, [](ServedConnection& connection) {
    for (int i = 0; i < 60; ++i) {
      connection.say("220-x\r\n");
      ::usleep(5000);
    }
  });
  CHECK(fail_to_connect(server, quick(), 100ms).obstacle == Obstacle::deadline_passed);
}

TEST_CASE("A10 octets injected with the 220 never reach the dialogue under TLS", "[client][A10]") {
  ScriptedServer server(world().recipe, [](ServedConnection& connection) {
    connection.say("220 mx\r\n");
    connection.read_line();
    connection.say("250-mx\r\n250 STARTTLS\r\n");
    connection.read_line();
    connection.say("220 go\r\n250-mx\r\n250 PIPELINING\r\n");
    connection.wait_for_end();
  });
  const auto facts = fail_to_connect(server);
  CHECK(facts.obstacle == Obstacle::injected);
  CHECK_FALSE(facts.tls);
}

TEST_CASE("A10 a reply under TLS that came before EHLO is nobody's", "[client][A10]") {
  bool has_spoken = false;
  ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
    connection.say("220 mx\r\n");
    connection.read_line();
    connection.say("250-mx\r\n250 STARTTLS\r\n");
    connection.read_line();
    connection.say("220 go\r\n");
    // TLS 1.3: the server may speak before the client has finished.
    has_spoken = connection.start_tls_speaking("250 PIPELINING\r\n");
    connection.wait_for_end();
  });
  const auto facts = fail_to_connect(server);
  CHECK(*facts.obstacle == Obstacle::protocol_error);
  server.finish();
  CHECK(has_spoken);
}

TEST_CASE("handshakes that fail are told apart", "[client][A16]") {
  const auto until_tls = [](ServedConnection& connection) {
    connection.say("220 mx\r\n");
    connection.read_line();
    connection.say("250-mx\r\n250 STARTTLS\r\n");
    connection.read_line();
    connection.say("220 go\r\n");
  };
  SECTION("TLS 1.0 and 1.1 only") {
    auto recipe = world().recipe;
    recipe.min_version = TLS1_VERSION;
    recipe.max_version = TLS1_1_VERSION;
    ScriptedServer server(recipe, [&](ServedConnection& connection) {
      until_tls(connection);
      connection.start_tls();
    });
    const auto facts = fail_to_connect(server);
    CHECK(facts.obstacle == Obstacle::tls_failed);
    REQUIRE(facts.tls_failure);
    CHECK(facts.tls_failure->is_definite());
  }
  SECTION("no TLS at all after the 220") {
    ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
      until_tls(connection);
      connection.read_some();
      connection.say("500 what is this\r\n");
      connection.wait_for_end();
    });
    CHECK(fail_to_connect(server).obstacle == Obstacle::tls_failed);
  }
  SECTION("reset") {
    ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
      until_tls(connection);
      connection.read_some();
      connection.reset();
    });
    CHECK(fail_to_connect(server).obstacle == Obstacle::lost);
  }
  SECTION("closed") {
    ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
      until_tls(connection);
      connection.read_some();
    });
    CHECK(fail_to_connect(server).obstacle == Obstacle::lost);
  }
  SECTION("silence") {
    ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
      until_tls(connection);
      connection.wait_for_end();
    });
    auto manner = quick();
    manner.timeouts.handshake = 200ms;
    CHECK(fail_to_connect(server, manner).obstacle == Obstacle::timed_out);
  }
}

TEST_CASE("A19 A47 what a connection that ends in the last reply leaves", "[client][A19][A47]") {
  const auto ended_by = [](const std::function<void(ServedConnection&)>& end) {
    ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
      connection.begin();
      take_message(connection, "");
      end(connection);
    });
    const auto transaction = deliver(server, kMessage);
    return transaction.ends[0];
  };
  SECTION("before the reply") {
    const auto end = ended_by([](ServedConnection& c) { c.hang_up(); });
    CHECK(end.outcome == Outcome::uncertain);
    CHECK(end.interruption == Interruption::lost);
  }
  SECTION("by reset before the reply") {
    CHECK(ended_by([](ServedConnection& c) { c.reset(); }).outcome == Outcome::uncertain);
  }
  SECTION("inside the reply, without close_notify") {
    const auto end = ended_by([](ServedConnection& c) {
      c.say("250 2.0.0 queu");
      c.hang_up();
    });
    CHECK(end.outcome == Outcome::uncertain);
    CHECK_FALSE(end.reply);
  }
  SECTION("inside the reply, with close_notify") {
    CHECK(ended_by([](ServedConnection& c) {
            c.say("250-2.0.0 queued\r\n");
            c.close_tls();
          }).outcome == Outcome::uncertain);
  }
  SECTION("after the whole reply") {
    const auto end = ended_by([](ServedConnection& c) {
      c.say("250 2.0.0 queued\r\n");
      c.reset();
    });
    // A reset may overtake what it follows; what never came cannot be believed.
    CHECK((end.outcome == Outcome::accepted || end.outcome == Outcome::uncertain));
    CHECK(ended_by([](ServedConnection& c) {
            c.say("250 2.0.0 queued\r\n");
            c.hang_up();
          }).outcome == Outcome::accepted);
  }
  SECTION("never") {
    ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
      connection.begin();
      take_message(connection, "");
      connection.wait_for_end();
    });
    auto manner = quick();
    manner.timeouts.end_of_data = 200ms;
    const auto transaction = deliver(server, kMessage, 1, manner);
    CHECK(transaction.ends[0].outcome == Outcome::uncertain);
    CHECK(transaction.ends[0].interruption == Interruption::timed_out);
  }
}

TEST_CASE("A46 a server that answers while the message is still coming", "[client][A46]") {
  const auto answered = [](const std::string& reply) {
    ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
      connection.begin();
      while (connection.read_line() != "DATA\r\n")
        connection.say("250 ok\r\n");
      connection.say("354 go\r\n");
      connection.read_some();
      connection.say(reply);
      ::usleep(100000);  // the client's buffers fill while nobody reads
      connection.wait_for_end();
    });
    std::string message;
    while (message.size() < (32U << 20))
      message += "0123456789012345678901234567890123456789\r\n";
    return deliver(server, message).ends[0];
  };
  auto end = answered("250 2.0.0 queued\r\n");
  CHECK(end.outcome == Outcome::deferred);
  CHECK(end.interruption == Interruption::protocol_error);
  end = answered("552 5.3.4 too large\r\n");
  CHECK(end.outcome == Outcome::failed);
  CHECK(end.reply->code == 552);
}

TEST_CASE("a reader that stops is not waited for without end", "[client][A41]") {
  std::atomic<bool> is_done = false;
  ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
    connection.begin();
    while (connection.read_line() != "DATA\r\n")
      connection.say("250 ok\r\n");
    connection.say("354 go\r\n");
    for (int i = 0; i < 500 && !is_done; ++i)
      ::usleep(10000);
  });
  std::string message;
  while (message.size() < (16U << 20))
    message += "0123456789012345678901234567890123456789\r\n";
  auto manner = quick();
  manner.timeouts.block = 200ms;
  const auto transaction = deliver(server, message, 1, manner);
  is_done = true;
  CHECK(transaction.ends[0].outcome == Outcome::deferred);
  CHECK(transaction.ends[0].interruption == Interruption::timed_out);
}

TEST_CASE("recipients beyond a hundred go in a further transaction", "[client]") {
  std::vector<std::size_t> groups;
  ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
    connection.begin();
    for (int i = 0; i < 2; ++i) {
      std::size_t count = 0;
      for (auto line = connection.read_line(); line != "DATA\r\n"; line = connection.read_line()) {
        if (line.empty()) return;
        count += line.substr(0, 4) == "RCPT" ? 1 : 0;
        connection.say("250 ok\r\n");
      }
      groups.push_back(count);
      connection.say("354 go\r\n");
      connection.read_until("\r\n.\r\n");
      connection.say("250 2.0.0 queued as Q" + std::to_string(i) + "\r\n");
    }
    connection.wait_for_end();
  });
  const auto transaction = deliver(server, kMessage, 150);
  server.finish();
  CHECK(groups == std::vector<std::size_t>{100, 50});
  REQUIRE(transaction.ends.size() == 150);
  for (const auto& end : transaction.ends)
    CHECK(end.outcome == Outcome::accepted);
  CHECK(transaction.ends[0].reply->text() == "250 2.0.0 queued as Q0");
  CHECK(transaction.ends[149].reply->text() == "250 2.0.0 queued as Q1");
}

TEST_CASE("recipients that were too many for one transaction go in the next", "[client]") {
  std::vector<std::size_t> accepted;
  ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
    connection.begin();
    while (true) {
      std::size_t count = 0;
      for (auto line = connection.read_line(); line != "DATA\r\n"; line = connection.read_line()) {
        if (line.empty() || line == "QUIT\r\n") return;
        const bool is_too_many = line.substr(0, 4) == "RCPT" && ++count > 2;
        connection.say(is_too_many ? "452 4.5.3 too many\r\n" : "250 ok\r\n");
      }
      accepted.push_back(std::min<std::size_t>(count, 2));
      connection.say("354 go\r\n");
      connection.read_until("\r\n.\r\n");
      connection.say("250 ok\r\n");
    }
  });
  const auto transaction = deliver(server, kMessage, 5);
  server.finish();
  CHECK(accepted == std::vector<std::size_t>{2, 2, 1});
  for (const auto& end : transaction.ends)
    CHECK(end.outcome == Outcome::accepted);
}

TEST_CASE("recipients that are always too many are deferred, not tried for ever", "[client]") {
  ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
    connection.begin();
    while (true) {
      const auto line = connection.read_line();
      if (line.empty()) return;
      connection.say(line.substr(0, 4) == "RCPT"   ? "452 4.5.3 too many\r\n"
                     : line.substr(0, 4) == "DATA" ? "503 no\r\n"
                                                   : "250 ok\r\n");
    }
  });
  const auto transaction = deliver(server, kMessage, 2);
  for (const auto& end : transaction.ends)
    CHECK(end.outcome == Outcome::deferred);
}

TEST_CASE("a message that needs more than is offered leaves the connection as it was", "[client]") {
  ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
    connection.begin();
    take_message(connection, "250 ok\r\n");
    connection.wait_for_end();
  });
  auto connection = connect(server);
  TextContent content(kMessage);
  auto envelope = envelope_to(1);
  envelope.needs_8bitmime = true;
  auto delivery = connection.deliver(envelope, content, in(60s));
  REQUIRE(std::holds_alternative<Unsuited>(delivery));
  CHECK(std::get<Unsuited>(delivery) == Unsuited::needs_8bitmime);
  CHECK(connection.is_usable());
  envelope.needs_8bitmime = false;
  delivery = connection.deliver(envelope, content, in(60s));
  CHECK(std::get<Transaction>(delivery).ends[0].outcome == Outcome::accepted);
}

TEST_CASE("a server that went away between messages leaves the next one undelivered", "[client]") {
  for (const bool says_why : {true, false}) {
    std::atomic<bool> is_gone = false;
    ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
      connection.begin();
      take_message(connection, "250 ok\r\n");
      if (says_why) connection.say("421 4.4.2 idle for too long\r\n");
      connection.close_tls();
      connection.hang_up();
      is_gone = true;
    });
    auto connection = connect(server);
    TextContent content(kMessage);
    auto delivery = connection.deliver(envelope_to(1), content, in(60s));
    CHECK(std::get<Transaction>(delivery).ends[0].outcome == Outcome::accepted);
    for (int i = 0; i < 500 && !is_gone; ++i)
      ::usleep(2000);
    delivery = connection.deliver(envelope_to(1), content, in(60s));
    const auto& end = std::get<Transaction>(delivery).ends[0];
    CHECK(end.outcome == Outcome::deferred);
    CHECK_FALSE(std::get<Transaction>(delivery).is_content_sent);
    CHECK_FALSE(connection.is_usable());
  }
}

namespace {

// A source that breaks off.
class BrokenContent final : public Content {
 public:
  [[nodiscard]] std::uint64_t size() const override { return 1000000; }
  Result<void> rewind() override { return {}; }
  Result<std::string_view> next() override {
    if (++blocks_ > 3) return fail(Errc::io, "the spool file is gone");
    return std::string_view("line\r\n");
  }

 private:
  int blocks_ = 0;
};

}  // namespace

TEST_CASE("a source that breaks off never becomes a shorter message", "[client]") {
  std::string wire;
  ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
    connection.begin();
    wire = take_message(connection, "250 ok\r\n");
  });
  auto connection = connect(server);
  BrokenContent content;
  const auto delivery = connection.deliver(envelope_to(1), content, in(60s));
  const auto& end = std::get<Transaction>(delivery).ends[0];
  CHECK(end.outcome == Outcome::deferred);
  CHECK(end.interruption == Interruption::content_unreadable);
  CHECK(end.detail == "the spool file is gone");
  CHECK_FALSE(connection.is_usable());
  connection.quit();
  server.finish();
  CHECK(wire.find("\r\n.\r\n") == std::string::npos);
}

TEST_CASE("F19 a server that closes while we write raises no signal", "[client][F19]") {
  REQUIRE(std::signal(SIGPIPE, SIG_DFL) != SIG_ERR);
  ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
    connection.begin();
    while (connection.read_line() != "DATA\r\n")
      connection.say("250 ok\r\n");
    connection.say("354 go\r\n");
    connection.reset();
  });
  std::string message;
  while (message.size() < (4U << 20))
    message += "0123456789012345678901234567890123456789\r\n";
  CHECK(deliver(server, message).ends[0].outcome == Outcome::deferred);
}

TEST_CASE("how long a message takes", "[.bench]") {
  ScriptedServer server(world().recipe, [&](ServedConnection& connection) {
    connection.begin("CHUNKING\nPIPELINING");
    while (true) {
      if (connection.read_line().substr(0, 4) != "MAIL") return;
      connection.read_line();
      connection.read_line();
      connection.say("250 ok\r\n250 ok\r\n354 go\r\n");
      connection.read_until("\r\n.\r\n");
      connection.say("250 2.0.0 ok\r\n");
    }
  });
  const std::string message = "Subject: hi\r\n\r\n" + std::string(10000, 'x') + "\r\n";
  // Wall and this thread's own processor time, in milliseconds a message.
  const auto time = [](auto work, int times) {
    const auto processor = [] {
      timespec spent{};
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
      return static_cast<double>(spent.tv_sec) * 1e3 + static_cast<double>(spent.tv_nsec) / 1e6;
    };
    const auto before = system_clock().monotonic();
    const double before_processor = processor();
    for (int i = 0; i < times; ++i)
      work();
    const std::chrono::duration<double, std::milli> wall = system_clock().monotonic() - before;
    return std::pair(wall.count() / times, (processor() - before_processor) / times);
  };
  auto connection = connect(server);
  TextContent content(message);
  const auto reused = time(
      [&] {
        const auto delivery = connection.deliver(envelope_to(1), content, in(60s));
        REQUIRE(std::get<Transaction>(delivery).ends[0].outcome == Outcome::accepted);
      },
      2000);
  connection.quit();
  const auto fresh = time([&] { deliver(server, message); }, 200);
  std::printf(
      "10 KB, ms wall (own processor time): reused %.3f (%.3f), a connection each %.3f (%.3f)\n",
      reused.first, reused.second, fresh.first, fresh.second);
}
