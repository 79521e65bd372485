#include <catch2/catch.hpp>

#include "smtp/dialogue.h"
#include "smtp/mailing.h"
#include "support/tls_peer.h"

using namespace sm;
using namespace sm::smtp;
using namespace sm::test;

namespace {

const name::Domain& me() {
  static const auto made = domain("client.example");
  return made;
}

// Lets all output leave and notes it.
void flush(Dialogue& dialogue, std::string& said) {
  said += dialogue.output();
  dialogue.sent(dialogue.output().size());
}

// Gives a dialogue the server's octets in pieces, its output leaving after each.
void hear(Dialogue& dialogue, std::string_view octets, std::size_t piece, std::string& said) {
  while (!octets.empty()) {
    dialogue.receive(octets.substr(0, piece));
    octets.remove_prefix(std::min(piece, octets.size()));
    flush(dialogue, said);
  }
}

// How an opening ends and what it said, whichever way the server's octets are cut.
std::string open_with(const std::vector<std::string>& turns) {
  std::string first;
  for (const std::size_t piece : {10000, 1, 2, 3, 5, 17}) {
    Opening opening(me());
    std::string said;
    flush(opening, said);
    CHECK(said.empty());
    for (const auto& turn : turns)
      hear(opening, turn, piece, said);
    const std::string end = opening.obstacle()           ? std::string(text(*opening.obstacle()))
                            : opening.is_ready_for_tls() ? "ready"
                                                         : "waiting";
    const std::string result = end + "|" + said;
    if (first.empty()) first = result;
    CAPTURE(piece);
    CHECK(result == first);
    CHECK(said.find("MAIL") == std::string::npos);
    CHECK(said.find("HELO") == std::string::npos);
  }
  return first;
}

constexpr auto kGreeting = "220 mx.example ESMTP\r\n";
constexpr auto kOffer = "250-mx.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n";
const std::string kEhlo = "EHLO client.example\r\n";
const std::string kUpToTls = kEhlo + "STARTTLS\r\n";

}  // namespace

TEST_CASE("the way to TLS", "[opening]") {
  CHECK(open_with({kGreeting, kOffer, "220 2.0.0 go\r\n"}) == "ready|" + kUpToTls);
  CHECK(open_with({"220-mx\r\n220 ESMTP\r\n", kOffer, "220-go\r\n220 ahead\r\n"}) ==
        "ready|" + kUpToTls);
}

TEST_CASE("A10 whatever comes after the 220 to STARTTLS ends it", "[opening][A10]") {
  for (const auto* more : {"250 ok\r\n", "2", "\r\n", "250-mx\r\n250 SIZE\r\n", "421 bye\r\n",
                           "\x16\x03\x01", "220 go\r\n", "\n"}) {
    CAPTURE(more);
    CHECK(open_with({kGreeting, kOffer, std::string("220 go\r\n") + more}) ==
          "injected|" + kUpToTls);
    CHECK(open_with({kGreeting, kOffer, "220 go\r\n", more}) == "injected|" + kUpToTls);
  }
}

TEST_CASE("A13 STARTTLS absent or refused: nothing more is said", "[opening][A13]") {
  CHECK(open_with({kGreeting, "250-mx.example\r\n250 PIPELINING\r\n"}) ==
        "starttls-not-offered|" + kEhlo + "QUIT\r\n");
  CHECK(open_with({kGreeting, "250 mx.example STARTTLS\r\n"}) ==
        "starttls-not-offered|" + kEhlo + "QUIT\r\n");
  const auto answered = [](const std::string& reply) {
    return open_with({kGreeting, kOffer, reply + "\r\n"});
  };
  const auto parting = "|" + kUpToTls + "QUIT\r\n";
  CHECK(answered("454 4.7.0 TLS not available") == "tls-refused-now" + parting);
  CHECK(answered("421 4.3.2 bye") == "tls-refused-now" + parting);
  CHECK(answered("502 5.5.1 no") == "starttls-refused" + parting);
  CHECK(answered("554 5.7.3 no") == "starttls-refused" + parting);
  CHECK(answered("354 go on") == "protocol-error" + parting);
  CHECK(answered("221 bye") == "protocol-error" + parting);
  CHECK(answered("250 ok") == "protocol-error" + parting);
  CHECK(is_definite(Obstacle::starttls_refused));
  CHECK_FALSE(is_definite(Obstacle::tls_refused_now));
}

TEST_CASE("A14 EHLO refused: HELO is not tried", "[opening][A14]") {
  const auto answered = [](const std::string& reply) {
    return open_with({kGreeting, reply + "\r\n", "250 mx.example\r\n"});
  };
  const auto parting = "|" + kEhlo + "QUIT\r\n";
  CHECK(answered("502 what") == "starttls-not-offered" + parting);
  CHECK(answered("500 what") == "starttls-not-offered" + parting);
  CHECK(answered("550 5.7.1 not you") == "greeting-refused" + parting);
  CHECK(answered("451 4.3.0 later") == "rate-limited" + parting);
  CHECK(answered("421 too many connections") == "rate-limited" + parting);
  CHECK(answered("220 hm") == "protocol-error" + parting);
}

TEST_CASE("a greeting that turns us away says nothing about TLS", "[opening]") {
  const auto greeted = [](const std::string& reply) { return open_with({reply + "\r\n"}); };
  for (const auto* reply : {"421 busy", "450 later", "451 later"}) {
    CHECK(greeted(reply) == "rate-limited|QUIT\r\n");
  }
  CHECK(greeted("554 no") == "greeting-refused|QUIT\r\n");
  CHECK(greeted("250 hm") == "protocol-error|QUIT\r\n");
  for (const auto obstacle : {Obstacle::rate_limited, Obstacle::greeting_refused, Obstacle::lost,
                              Obstacle::timed_out, Obstacle::protocol_error, Obstacle::injected,
                              Obstacle::connect_failed, Obstacle::connect_timed_out}) {
    CHECK_FALSE(is_definite(obstacle));
  }
}

TEST_CASE("A40 a server that does not stop talking is not listened to", "[opening][A40]") {
  const auto swallow = [](const std::string& start, const std::string& block) {
    Opening opening(me());
    opening.receive(start);
    opening.sent(opening.output().size());
    std::size_t taken = 0;
    while (!opening.is_over() && taken < (100U << 20)) {
      opening.receive(block);
      taken += block.size();
    }
    CHECK(opening.obstacle() == Obstacle::protocol_error);
    return taken;
  };
  CHECK(swallow("", "220-welcome\r\n") <= 101 * 13);           // endless banner
  CHECK(swallow(kGreeting, "250-x\r\n") <= 101 * 7);           // a million 250- lines
  CHECK(swallow("220 ", std::string(1024, 'x')) <= 3 * 1024);  // a 100 MB line
  CHECK(swallow(kGreeting, "250-" + std::string(2040, 'x') + "\r\n") <= 101 * 2046);
}

TEST_CASE("A43 malformed replies end the opening undetermined", "[opening][A43]") {
  for (const auto* reply : {"25\r\n", "2500\r\n", "199 x\r\n", "250-a\r\n251 b\r\n", "250 a\n"}) {
    CAPTURE(reply);
    CHECK(open_with({reply}) == "protocol-error|");
    CHECK(open_with({kGreeting, reply}) == "protocol-error|" + kEhlo);
    CHECK(open_with({kGreeting, kOffer, reply}) == "protocol-error|" + kUpToTls);
  }
}

TEST_CASE("replies that come before their command end the opening", "[opening]") {
  // All in one go: the second reply lies there before EHLO has left.
  Opening opening(me());
  opening.receive(std::string(kGreeting) + kOffer);
  CHECK(opening.is_over());
  CHECK(opening.obstacle() == Obstacle::protocol_error);

  Opening half(me());
  half.receive(std::string(kGreeting) + "25");
  half.sent(half.output().size());
  half.receive("0 STARTTLS\r\n");
  CHECK_FALSE(half.is_ready_for_tls());
}

TEST_CASE("interruptions of an opening are told apart", "[opening]") {
  const auto interrupted = [](Interruption interruption) {
    Opening opening(me());
    opening.receive(kGreeting);
    opening.sent(opening.output().size());
    opening.receive("250-mx");
    opening.interrupt(interruption);
    CHECK(opening.is_over());
    opening.receive("\r\n250 STARTTLS\r\n");
    CHECK_FALSE(opening.is_ready_for_tls());
    return *opening.obstacle();
  };
  CHECK(interrupted(Interruption::lost) == Obstacle::lost);
  CHECK(interrupted(Interruption::timed_out) == Obstacle::timed_out);
  CHECK(interrupted(Interruption::deadline_passed) == Obstacle::deadline_passed);
}

TEST_CASE("the transcript has both sides, printable and bounded", "[opening]") {
  Transcript transcript;
  Opening opening(me(), &transcript);
  std::string said;
  hear(opening, "220 mx \x1b[31m\r\n", 100, said);
  hear(opening, kOffer, 100, said);
  REQUIRE(transcript.lines().size() == 6);
  CHECK(transcript.lines()[0].speaker == Transcript::Speaker::server);
  CHECK(transcript.lines()[0].text == "220 mx \\x1b[31m");
  CHECK(transcript.lines()[1].text == "EHLO client.example");
  CHECK(transcript.lines()[4].text == "250 STARTTLS");
  CHECK(transcript.lines()[5].text == "STARTTLS");
  for (int i = 0; i < 10000; ++i)
    transcript.add(Transcript::Speaker::server, "250 x");
  CHECK(transcript.lines().size() < 10000);
  CHECK(transcript.lines().size() + transcript.left_out() == 10006);
}
