#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "smtp/mailing.h"
#include "support/tls_peer.h"

using namespace sm;
using namespace sm::smtp;
using namespace sm::test;

namespace {

// A proof can only come from a handshake; this is one.
tls::VerifiedPeer verified_peer() {
  static const Issued leaf = issue({.dns_names = {"mx.example"}});
  static const tls::Context context = trusting(leaf);
  auto met = meet(context,
                  {.server_name = domain("mx.example"),
                   .dane_records = {tlsa_3_1_1(leaf)},
                   .demand = tls::Demand::dane},
                  {leaf});
  return met.session.take_verified_peer().value();
}

Envelope envelope_to(const std::vector<std::string>& recipients,
                     const std::string& sender = "s@client.example") {
  Envelope envelope;
  envelope.sender = name::ReversePath::parse(sender).value();
  for (const auto& to : recipients) {
    envelope.recipients.push_back({name::Mailbox::parse(to).value()});
  }
  return envelope;
}

std::string summary(const Transaction& transaction) {
  std::string text_of_all;
  for (const auto& end : transaction.ends) {
    text_of_all += std::string(text(end.outcome)) + "@" + std::string(text(end.stage));
    if (end.reply) text_of_all += " " + std::to_string(end.reply->code);
    if (end.interruption != Interruption::none) {
      text_of_all += " " + std::string(text(end.interruption));
    }
    text_of_all += ";";
  }
  return text_of_all;
}

constexpr auto kPlain = "250 mx.example\r\n";
constexpr auto kPipelining =
    "250-mx.example\r\n250-8BITMIME\r\n250-SIZE 1000\r\n250 PIPELINING\r\n";
constexpr auto kChunking = "250-mx.example\r\n250-CHUNKING\r\n250 PIPELINING\r\n";

// A server that takes turns: each turn is said once the client has nothing more to say.
struct Server {
  std::string ehlo = kPlain;
  std::vector<std::string> turns;
  /// How the connection ends after the last turn.
  Interruption end = Interruption::none;
};

struct Heard {
  std::string said;
  std::string ends;
  Transaction transaction;
  bool is_usable = false;
};

void flush(Mailing& mailing, std::string& said) {
  said += mailing.output();
  mailing.sent(mailing.output().size());
}

void feed(Mailing& mailing, std::string_view& content, std::string& said) {
  while (mailing.wants_content()) {
    const auto block = content.substr(0, 7);
    content.remove_prefix(block.size());
    if (block.empty()) {
      mailing.content_end();
    } else {
      mailing.content(block);
    }
    if (mailing.output().size() > 5) flush(mailing, said);
  }
  flush(mailing, said);
}

Heard mail_in_pieces(const Server& server, const Envelope& envelope, std::string_view content,
                     std::size_t piece) {
  Heard heard;
  Mailing mailing(verified_peer(), domain("client.example"));
  mailing.use_framing(Framing::counted);
  flush(mailing, heard.said);
  const std::string_view message = content;
  const auto hear = [&](std::string_view octets) {
    while (!octets.empty()) {
      mailing.receive(octets.substr(0, piece));
      octets.remove_prefix(std::min(piece, octets.size()));
      feed(mailing, content, heard.said);
    }
  };
  hear(server.ehlo);
  mailing.begin(envelope, envelope.recipients, message.size());
  feed(mailing, content, heard.said);
  for (const auto& turn : server.turns)
    hear(turn);
  if (server.end != Interruption::none) mailing.interrupt(server.end);
  REQUIRE(mailing.is_done());
  heard.is_usable = !mailing.is_over();
  heard.transaction = mailing.take();
  heard.ends = summary(heard.transaction);
  return heard;
}

// The same, whichever way the server's octets are cut.
Heard mail(const Server& server, const Envelope& envelope, std::string_view content = "hi\r\n") {
  auto first = mail_in_pieces(server, envelope, content, 10000);
  for (const std::size_t piece : {1, 2, 3, 5, 11}) {
    const auto again = mail_in_pieces(server, envelope, content, piece);
    CAPTURE(piece);
    CHECK(again.said == first.said);
    CHECK(again.ends == first.ends);
    CHECK(again.is_usable == first.is_usable);
  }
  return first;
}

const std::string kMailingEhlo = "EHLO client.example\r\n";
const std::string kFrom = "MAIL FROM:<s@client.example>";
const auto kOne = envelope_to({"a@b.example"});
const auto kThree = envelope_to({"a@b.example", "b@b.example", "c@b.example"});

}  // namespace

TEST_CASE("a message without any extension goes command by command", "[mailing]") {
  const auto heard = mail(
      {.turns = {"250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 2.0.0 Ok: queued as 4Xyz\r\n"}},
      kOne);
  CHECK(heard.said == kMailingEhlo + kFrom + "\r\nRCPT TO:<a@b.example>\r\nDATA\r\nhi\r\n.\r\n");
  CHECK(heard.ends == "accepted@end-of-data 250;");
  CHECK(heard.is_usable);
  CHECK(heard.transaction.queue_id == "4Xyz");
  CHECK(heard.transaction.octets == 4);
  CHECK(heard.transaction.is_content_sent);
  CHECK(to_hex(heard.transaction.sha256) == to_hex(crypto::sha256(as_bytes("hi\r\n"))));
  CHECK(heard.transaction.ends[0].reply->text() == "250 2.0.0 Ok: queued as 4Xyz");
}

TEST_CASE("with PIPELINING the commands are one group", "[mailing]") {
  Mailing mailing(verified_peer(), domain("client.example"));
  mailing.use_framing(Framing::counted);
  std::string said;
  flush(mailing, said);
  CHECK(mailing.waits_for() == Wait::command);
  mailing.receive(kPipelining);
  mailing.begin(kThree, kThree.recipients, 4);
  CHECK(mailing.output() == kFrom +
                                " SIZE=4\r\nRCPT TO:<a@b.example>\r\nRCPT TO:<b@b.example>\r\n"
                                "RCPT TO:<c@b.example>\r\nDATA\r\n");
  mailing.sent(mailing.output().size());
  CHECK(mailing.waits_for() == Wait::command);
  mailing.receive("250 ok\r\n250 a\r\n250 b\r\n250 c\r\n");
  CHECK(mailing.waits_for() == Wait::data);
  mailing.receive("354 go\r\n");
  REQUIRE(mailing.wants_content());
  mailing.content("hi\r\n");
  mailing.content_end();
  CHECK(mailing.output() == "hi\r\n.\r\n");
  CHECK(mailing.waits_for() == Wait::block);
  mailing.sent(mailing.output().size());
  CHECK(mailing.waits_for() == Wait::end_of_data);
  mailing.receive("250 ok\r\n");
  CHECK(summary(mailing.take()) ==
        "accepted@end-of-data 250;accepted@end-of-data 250;accepted@end-of-data 250;");
}

TEST_CASE("with CHUNKING the content is counted, after a recipient was accepted", "[mailing]") {
  const Server server{kChunking, {"250 ok\r\n250 ok\r\n", "250 queued as 9\r\n"}};
  const auto heard = mail(server, kOne, ".\r\nhi\r\n");
  CHECK(heard.said ==
        kMailingEhlo + kFrom + "\r\nRCPT TO:<a@b.example>\r\nBDAT 7 LAST\r\n.\r\nhi\r\n");
  CHECK(heard.ends == "accepted@end-of-data 250;");
  CHECK(to_hex(heard.transaction.sha256) == to_hex(crypto::sha256(as_bytes(".\r\nhi\r\n"))));

  const auto refused = mail({kChunking, {"250 ok\r\n550 5.1.1 no\r\n"}}, kOne);
  CHECK(refused.said == kMailingEhlo + kFrom + "\r\nRCPT TO:<a@b.example>\r\n");
  CHECK(refused.ends == "failed@rcpt 550;");
  CHECK(refused.is_usable);
}

TEST_CASE("without being asked nobody uses BDAT", "[mailing]") {
  Mailing mailing(verified_peer(), domain("client.example"));
  mailing.sent(mailing.output().size());
  mailing.receive(kChunking);
  mailing.begin(kOne, kOne.recipients, 4);
  CHECK(mailing.output() == kFrom + "\r\nRCPT TO:<a@b.example>\r\nDATA\r\n");
  // One reply too many: DATA's own is the third, and no 354.
  mailing.sent(mailing.output().size());
  mailing.receive("250 ok\r\n250 ok\r\n250 ok\r\n");
  CHECK(mailing.is_over());
  CHECK(summary(mailing.take()) == "deferred@data 250 protocol-error;");
}

TEST_CASE("A01 the wire has one end mark", "[mailing][A01]") {
  const auto heard = mail({.turns = {"250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 ok\r\n"}}, kOne,
                          ".\r\n..\r\n\r\n.\r\nMAIL FROM:<x@y.example>\r\n.\r\n");
  const auto content = heard.said.substr(heard.said.find("DATA\r\n") + 6);
  CHECK(content == "..\r\n...\r\n\r\n..\r\nMAIL FROM:<x@y.example>\r\n..\r\n.\r\n");
  CHECK(content.find("\r\n.\r\n") == content.size() - 5);

  for (const auto* look_alike :
       {"a\n.\nb\r\n", "a\r.\rb\r\n", "a\r\n.\nb\r\n", "a\r\n.\r\r\nb\r\n"}) {
    CAPTURE(look_alike);
    for (const auto* ehlo : {kPlain, kChunking}) {
      const auto turns = ehlo == kPlain
                             ? std::vector<std::string>{"250 ok\r\n", "250 ok\r\n", "354 go\r\n"}
                             : std::vector<std::string>{"250 ok\r\n250 ok\r\n"};
      const auto refused = mail({ehlo, turns}, kOne, look_alike);
      CHECK(refused.ends == "deferred@content content-unreadable;");
      CHECK_FALSE(refused.is_usable);
      CHECK(refused.said.find("\n.\r\n") == std::string::npos);
    }
  }
}

TEST_CASE("content that is not as long as announced is never ended", "[mailing]") {
  for (const std::uint64_t announced : {3U, 5U}) {
    for (const auto* ehlo : {kPipelining, kChunking}) {
      Mailing mailing(verified_peer(), domain("client.example"));
      mailing.use_framing(Framing::counted);
      std::string said;
      flush(mailing, said);
      mailing.receive(ehlo);
      mailing.begin(kOne, kOne.recipients, announced);
      flush(mailing, said);
      mailing.receive("250 ok\r\n250 ok\r\n");
      if (ehlo == kPipelining) mailing.receive("354 go\r\n");
      REQUIRE(mailing.wants_content());
      mailing.content("hi\r\n");
      if (!mailing.is_done()) mailing.content_end();
      CHECK(mailing.is_done());
      CHECK(mailing.is_over());
      flush(mailing, said);
      CHECK(said.find("\r\n.\r\n") == std::string::npos);
      CHECK(summary(mailing.take()) == "deferred@content content-unreadable;");
    }
  }
}

TEST_CASE("a source that fails ends the connection without an end mark", "[mailing]") {
  Mailing mailing(verified_peer(), domain("client.example"));
  mailing.use_framing(Framing::counted);
  std::string said;
  flush(mailing, said);
  mailing.receive(kPipelining);
  mailing.begin(kOne, kOne.recipients, 400);
  flush(mailing, said);
  mailing.receive("250 ok\r\n250 ok\r\n354 go\r\n");
  mailing.content("hi\r\n");
  mailing.content_failed("the disk is gone");
  flush(mailing, said);
  CHECK(mailing.is_over());
  CHECK(said.substr(said.size() - 6) == "DATA\r\n");
  const auto transaction = mailing.take();
  CHECK(summary(transaction) == "deferred@content content-unreadable;");
  CHECK(transaction.ends[0].detail == "the disk is gone");
  CHECK_FALSE(transaction.is_content_sent);
}

TEST_CASE("A15 only what is offered under TLS is used", "[mailing][A15]") {
  Mailing mailing(verified_peer(), domain("client.example"));
  mailing.use_framing(Framing::counted);
  std::string said;
  flush(mailing, said);
  mailing.receive("250-mx.example\r\n250 STARTTLS\r\n");
  auto envelope = kOne;
  CHECK_FALSE(mailing.unsuited(envelope, 1U << 30));
  envelope.needs_8bitmime = true;
  CHECK(mailing.unsuited(envelope, 4) == Unsuited::needs_8bitmime);
  mailing.begin(envelope, envelope.recipients, 4);
  CHECK(mailing.output().empty());
  CHECK(summary(mailing.take()) == "deferred@connection protocol-error;");
}

TEST_CASE("what a message needs is told before anything is said", "[mailing]") {
  const auto why = [](const std::string& ehlo, const Envelope& envelope, std::uint64_t size) {
    Mailing mailing(verified_peer(), domain("client.example"));
    mailing.use_framing(Framing::counted);
    mailing.sent(mailing.output().size());
    mailing.receive(ehlo);
    return mailing.unsuited(envelope, size);
  };
  auto envelope = kOne;
  CHECK_FALSE(why(kPipelining, envelope, 1000));
  CHECK(why(kPipelining, envelope, 1001) == Unsuited::too_large);
  CHECK_FALSE(why("250-mx\r\n250 SIZE\r\n", envelope, 1U << 30));
  CHECK_FALSE(why("250-mx\r\n250 SIZE 0\r\n", envelope, 1U << 30));
  envelope.needs_8bitmime = true;
  CHECK_FALSE(why(kPipelining, envelope, 4));
  CHECK(why(kPlain, envelope, 4) == Unsuited::needs_8bitmime);
  envelope.requires_tls = true;
  CHECK(why(kPipelining, envelope, 4) == Unsuited::needs_requiretls);
  CHECK_FALSE(why("250-mx\r\n250-8BITMIME\r\n250 REQUIRETLS\r\n", envelope, 4));
  const auto international = envelope_to({"caf\xc3\xa9@b.example"});
  CHECK(why(kPipelining, international, 4) == Unsuited::needs_smtputf8);
  CHECK_FALSE(why("250-mx\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n", international, 4));
}

TEST_CASE("parameters go where they are offered and needed", "[mailing]") {
  auto envelope = kOne;
  envelope.id = EnvelopeId::parse("QQ+1").value();
  envelope.returned = Returned::headers;
  envelope.recipients[0].notify = Notify{.on_success = true, .on_failure = true};
  envelope.recipients[0].original = name::Mailbox::parse("o+x@b.example").value();
  envelope.needs_8bitmime = true;
  envelope.requires_tls = true;
  const std::vector<std::string> turns{"250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 ok\r\n"};
  const auto all =
      mail({"250-mx\r\n250-DSN\r\n250-8BITMIME\r\n250-SIZE\r\n250-SMTPUTF8\r\n250 REQUIRETLS\r\n",
            turns},
           envelope);
  CHECK(all.said ==
        kMailingEhlo + kFrom + " SIZE=4 BODY=8BITMIME REQUIRETLS RET=HDRS ENVID=QQ+2B1\r\n" +
            "RCPT TO:<a@b.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;o+2Bx@b.example\r\n" +
            "DATA\r\nhi\r\n.\r\n");
  CHECK(all.transaction.is_dsn_passed_on);
  envelope.needs_8bitmime = false;
  envelope.requires_tls = false;
  const auto none = mail({kPlain, turns}, envelope);
  CHECK(none.said == kMailingEhlo + kFrom + "\r\nRCPT TO:<a@b.example>\r\nDATA\r\nhi\r\n.\r\n");
  CHECK_FALSE(none.transaction.is_dsn_passed_on);
  CHECK(none.ends == "accepted@end-of-data 250;");
}

TEST_CASE("internationalized addresses go with SMTPUTF8, the null sender as <>", "[mailing]") {
  const auto heard = mail({"250-mx\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
                           {"250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 ok\r\n"}},
                          envelope_to({"caf\xc3\xa9@b.example"}, "<>"));
  CHECK(heard.said == kMailingEhlo +
                          "MAIL FROM:<> BODY=8BITMIME SMTPUTF8\r\n"
                          "RCPT TO:<caf\xc3\xa9@b.example>\r\nDATA\r\nhi\r\n.\r\n");
}

TEST_CASE("MAIL refused is everybody's end", "[mailing]") {
  CHECK(mail({.turns = {"451 4.3.0 later\r\n"}}, kThree).ends ==
        "deferred@mail 451;deferred@mail 451;deferred@mail 451;");
  const auto heard =
      mail({kPipelining, {"550 5.7.1 no\r\n503 x\r\n503 x\r\n503 x\r\n503 x\r\n"}}, kThree);
  CHECK(heard.ends == "failed@mail 550;failed@mail 550;failed@mail 550;");
  CHECK(heard.is_usable);
  CHECK(heard.said.find("hi") == std::string::npos);
}

TEST_CASE("A45 each recipient has its own end", "[mailing][A45]") {
  const std::string replies = "250 ok\r\n250 a\r\n450 4.2.1 b\r\n550 5.1.1 c\r\n";
  CHECK(mail({kPipelining, {replies + "354 go\r\n", "250 ok\r\n"}}, kThree).ends ==
        "accepted@end-of-data 250;deferred@rcpt 450;failed@rcpt 550;");
  CHECK(mail({kPipelining, {replies + "354 go\r\n", "451 no\r\n"}}, kThree).ends ==
        "deferred@end-of-data 451;deferred@rcpt 450;failed@rcpt 550;");
  CHECK(mail({kPipelining, {replies + "354 go\r\n"}, Interruption::lost}, kThree).ends ==
        "uncertain@end-of-data connection-lost;deferred@rcpt 450;failed@rcpt 550;");
  CHECK(mail({.turns = {"250 ok\r\n", "250 a\r\n", "450 b\r\n", "550 c\r\n", "354 go\r\n",
                        "554 5.7.1 no\r\n"}},
             kThree)
            .ends == "failed@end-of-data 554;deferred@rcpt 450;failed@rcpt 550;");
}

TEST_CASE("no recipient accepted: no content leaves", "[mailing]") {
  const std::string refusals = "250 ok\r\n550 a\r\n550 b\r\n450 c\r\n";
  SECTION("the server refuses DATA") {
    const auto heard = mail({kPipelining, {refusals + "554 no valid recipients\r\n"}}, kThree);
    CHECK(heard.ends == "failed@rcpt 550;failed@rcpt 550;deferred@rcpt 450;");
    CHECK(heard.said.find("hi") == std::string::npos);
    CHECK(heard.is_usable);
  }
  SECTION("the server goes on: a lone dot, and its 250 is nobody's delivery") {
    const auto heard = mail({kPipelining, {refusals + "354 go\r\n", "250 ok\r\n"}}, kThree);
    CHECK(heard.ends == "failed@rcpt 550;failed@rcpt 550;deferred@rcpt 450;");
    CHECK(heard.said.find("hi") == std::string::npos);
    CHECK(heard.said.substr(heard.said.size() - 9) == "DATA\r\n.\r\n");
    CHECK_FALSE(heard.transaction.is_content_sent);
    CHECK(heard.is_usable);
  }
  SECTION("without PIPELINING DATA is not even said") {
    const auto heard =
        mail({.turns = {"250 ok\r\n", "550 a\r\n", "550 b\r\n", "450 c\r\n"}}, kThree);
    CHECK(heard.ends == "failed@rcpt 550;failed@rcpt 550;deferred@rcpt 450;");
    CHECK(heard.said.find("DATA") == std::string::npos);
  }
}

TEST_CASE("A46 refused in mid-body, or accepted before the end", "[mailing][A46]") {
  const auto in_mid_body = [](const std::string& reply, const char* ehlo) {
    Mailing mailing(verified_peer(), domain("client.example"));
    mailing.use_framing(Framing::counted);
    std::string said;
    flush(mailing, said);
    mailing.receive(ehlo);
    mailing.begin(kOne, kOne.recipients, 100000);
    flush(mailing, said);
    mailing.receive("250 ok\r\n250 ok\r\n");
    if (ehlo != kChunking) mailing.receive("354 go\r\n");
    mailing.content("hi\r\n");
    flush(mailing, said);
    mailing.receive(reply);
    flush(mailing, said);
    REQUIRE(mailing.is_done());
    CHECK(mailing.is_over());
    CHECK(said.find("\r\n.\r\n") == std::string::npos);
    return summary(mailing.take());
  };
  for (const auto* ehlo : {"250-mx.example\r\n250 PIPELINING\r\n", kChunking}) {
    CHECK(in_mid_body("550 5.7.1 no\r\n", ehlo) == "failed@content 550;");
    CHECK(in_mid_body("452 4.3.1 full\r\n", ehlo) == "deferred@content 452;");
    CHECK(in_mid_body("421 bye\r\n", ehlo) == "deferred@content 421;");
    CHECK(in_mid_body("250 ok\r\n", ehlo) == "deferred@content 250 protocol-error;");
    CHECK(in_mid_body("354 go\r\n", ehlo) == "deferred@content 354 protocol-error;");
    CHECK(in_mid_body("25\r\n", ehlo) == "deferred@content protocol-error;");
  }
}

TEST_CASE("A46 250 before the dot, in one go with the 354", "[mailing][A46]") {
  Mailing mailing(verified_peer(), domain("client.example"));
  mailing.use_framing(Framing::counted);
  mailing.sent(mailing.output().size());
  mailing.receive(kPlain);
  mailing.begin(kOne, kOne.recipients, 4);
  for (const auto* reply : {"250 ok\r\n", "250 ok\r\n"}) {
    mailing.sent(mailing.output().size());
    mailing.receive(reply);
  }
  mailing.sent(mailing.output().size());
  mailing.receive("354 go\r\n250 queued as X\r\n");
  CHECK(mailing.is_over());
  CHECK(summary(mailing.take()) == "deferred@content 250 protocol-error;");
}

TEST_CASE("A46 250 while the end mark is still here", "[mailing][A46]") {
  Mailing mailing(verified_peer(), domain("client.example"));
  mailing.use_framing(Framing::counted);
  mailing.sent(mailing.output().size());
  mailing.receive(kChunking);
  mailing.begin(kOne, kOne.recipients, 4);
  mailing.sent(mailing.output().size());
  mailing.receive("250 ok\r\n250 ok\r\n");
  mailing.content("hi\r\n");
  mailing.content_end();
  mailing.sent(mailing.output().size() - 1);
  mailing.receive("250 queued as X\r\n");
  CHECK(mailing.is_over());
  const auto transaction = mailing.take();
  CHECK(summary(transaction) == "deferred@content 250 protocol-error;");
  CHECK_FALSE(transaction.is_content_sent);
  CHECK(mailing.output().empty());
}

TEST_CASE("F10 death before the end mark has left is no doubt", "[mailing][F10]") {
  Mailing mailing(verified_peer(), domain("client.example"));
  mailing.use_framing(Framing::counted);
  mailing.sent(mailing.output().size());
  mailing.receive(kChunking);
  mailing.begin(kOne, kOne.recipients, 4);
  mailing.sent(mailing.output().size());
  mailing.receive("250 ok\r\n250 ok\r\n");
  mailing.content("hi\r\n");
  mailing.content_end();
  mailing.sent(mailing.output().size() - 1);
  SECTION("one octet short") {
    mailing.interrupt(Interruption::lost);
    CHECK(summary(mailing.take()) == "deferred@content connection-lost;");
    CHECK(mailing.output().empty());
  }
  SECTION("all of it") {
    mailing.sent(1);
    mailing.interrupt(Interruption::lost);
    const auto transaction = mailing.take();
    CHECK(summary(transaction) == "uncertain@end-of-data connection-lost;");
    CHECK(transaction.is_content_sent);
  }
}

TEST_CASE("A19 A43 after the end mark only a whole reply in order decides", "[mailing][A19][A43]") {
  const auto ended_with = [](const std::string& octets, Interruption end) {
    return mail({.turns = {"250 ok\r\n", "250 ok\r\n", "354 go\r\n", octets}, .end = end}, kOne)
        .ends;
  };
  for (const auto* half : {"2", "250", "250 2.0.0 queued", "250 2.0.0 queued\r", "250-2.0.0\r\n",
                           "250-2.0.0\r\n250"}) {
    CAPTURE(half);
    CHECK(ended_with(half, Interruption::lost) == "uncertain@end-of-data connection-lost;");
    CHECK(ended_with(half, Interruption::timed_out) == "uncertain@end-of-data timed-out;");
    CHECK(ended_with(half, Interruption::deadline_passed) ==
          "uncertain@end-of-data deadline-passed;");
  }
  for (const auto* broken : {"25\r\n", "2500\r\n", "199 x\r\n", "250-a\r\n550 b\r\n", "250 ok\n"}) {
    CAPTURE(broken);
    CHECK(ended_with(broken, Interruption::none) == "uncertain@end-of-data protocol-error;");
  }
  CHECK(ended_with("221 bye\r\n", Interruption::none) ==
        "uncertain@end-of-data 221 protocol-error;");
  CHECK(ended_with("220 hello\r\n", Interruption::none) ==
        "uncertain@end-of-data 220 protocol-error;");
  CHECK(ended_with("354 more\r\n", Interruption::none) ==
        "uncertain@end-of-data 354 protocol-error;");
  CHECK(ended_with("421 4.3.2 bye\r\n", Interruption::none) == "deferred@end-of-data 421;");
}

TEST_CASE("A43 malformed replies before the end mark defer", "[mailing][A43]") {
  for (const auto* broken : {"25\r\n", "2500\r\n", "199 x\r\n", "250-a\r\n550 b\r\n"}) {
    CAPTURE(broken);
    for (std::size_t at = 0; at < 3; ++at) {
      std::vector<std::string> turns{"250 ok\r\n", "250 ok\r\n"};
      turns.resize(std::min(at, turns.size()));
      turns.emplace_back(broken);
      const auto heard = mail({.turns = turns}, kOne);
      CHECK(heard.ends == "deferred@rcpt protocol-error;");
      CHECK_FALSE(heard.is_usable);
    }
  }
}

TEST_CASE("replies of impossible kinds are no answers", "[mailing]") {
  CHECK(mail({.turns = {"354 go\r\n"}}, kOne).ends == "deferred@mail 354 protocol-error;");
  CHECK(mail({.turns = {"221 bye\r\n"}}, kOne).ends == "deferred@mail 221 protocol-error;");
  CHECK(mail({.turns = {"250 ok\r\n", "354 go\r\n"}}, kOne).ends ==
        "deferred@rcpt 354 protocol-error;");
  CHECK(mail({.turns = {"250 ok\r\n", "250 ok\r\n", "250 ok\r\n"}}, kOne).ends ==
        "deferred@data 250 protocol-error;");
}

TEST_CASE("A47 250 and then a reset is delivered", "[mailing][A47]") {
  const auto heard = mail({.turns = {"250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 ok\r\n"},
                           .end = Interruption::lost},
                          kOne);
  CHECK(heard.ends == "accepted@end-of-data 250;");
  CHECK_FALSE(heard.is_usable);
}

TEST_CASE("F11 421 at any stage defers who has no end yet", "[mailing][F11]") {
  const std::vector<std::string> all{"250 ok\r\n", "250 a\r\n", "550 b\r\n", "250 c\r\n",
                                     "354 go\r\n"};
  const std::vector<std::string> expected{
      "deferred@mail 421;deferred@mail 421;deferred@mail 421;",
      "deferred@rcpt 421;deferred@rcpt 421;deferred@rcpt 421;",
      "deferred@rcpt 421;deferred@rcpt 421;deferred@rcpt 421;",
      "deferred@rcpt 421;failed@rcpt 550;deferred@rcpt 421;",
      "deferred@data 421;failed@rcpt 550;deferred@data 421;",
      "deferred@end-of-data 421;failed@rcpt 550;deferred@end-of-data 421;"};
  for (std::size_t at = 0; at <= all.size(); ++at) {
    CAPTURE(at);
    std::vector<std::string> turns(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(at));
    turns.emplace_back("421 4.3.2 bye\r\n");
    const auto heard = mail({.turns = turns}, kThree);
    CHECK(heard.ends == expected[at]);
    CHECK_FALSE(heard.is_usable);
  }
}

TEST_CASE("a second message goes over the same connection", "[mailing]") {
  Mailing mailing(verified_peer(), domain("client.example"));
  mailing.use_framing(Framing::counted);
  std::string said;
  const auto hear = [&](std::string_view octets) {
    said.clear();
    flush(mailing, said);
    mailing.receive(octets);
    std::string_view content = "hi\r\n";
    said.clear();
    feed(mailing, content, said);
  };
  hear(kPipelining);
  mailing.begin(kOne, kOne.recipients, 4);
  hear("250 ok\r\n250 ok\r\n354 go\r\n");
  hear("250 ok\r\n");
  CHECK(summary(mailing.take()) == "accepted@end-of-data 250;");

  mailing.begin(kOne, kOne.recipients, 4);
  CHECK(mailing.output().substr(0, 10) == "MAIL FROM:");
  hear("250 ok\r\n550 no\r\n554 no\r\n");
  CHECK(summary(mailing.take()) == "failed@rcpt 550;");

  // After a transaction that did not end with its content, RSET goes with the next group.
  mailing.begin(kOne, kOne.recipients, 4);
  CHECK(mailing.output().substr(0, 16) == "RSET\r\nMAIL FROM:");
  SECTION("granted") {
    hear("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
    hear("250 ok\r\n");
    CHECK(summary(mailing.take()) == "accepted@end-of-data 250;");
    CHECK(mailing.is_idle());
    mailing.quit();
    CHECK(mailing.output() == "QUIT\r\n");
    CHECK(mailing.is_over());
  }
  SECTION("refused: nobody's failure") {
    hear("502 what\r\n250 ok\r\n");
    CHECK(mailing.is_over());
    CHECK(summary(mailing.take()) == "deferred@mail 502 protocol-error;");
  }
}

TEST_CASE("a word between messages ends the connection, not the message", "[mailing]") {
  for (const auto* word : {"421 4.4.2 idle\r\n", "250 ok\r\n"}) {
    Mailing mailing(verified_peer(), domain("client.example"));
    mailing.use_framing(Framing::counted);
    mailing.sent(mailing.output().size());
    mailing.receive(kPipelining);
    mailing.receive(word);
    CHECK(mailing.is_over());
    mailing.begin(kOne, kOne.recipients, 4);
    CHECK(mailing.output().empty());
    CHECK(summary(mailing.take()) == "deferred@connection connection-lost;");
  }
}

TEST_CASE("half a reply that waits for a command is not its answer", "[mailing]") {
  Mailing mailing(verified_peer(), domain("client.example"));
  mailing.use_framing(Framing::counted);
  mailing.sent(mailing.output().size());
  mailing.receive(kPipelining);
  mailing.receive("250 o");
  mailing.begin(kOne, kOne.recipients, 4);
  CHECK(mailing.is_over());
  CHECK(mailing.output().empty());
  CHECK(summary(mailing.take()) == "deferred@rcpt protocol-error;");
}

TEST_CASE("replies beyond those asked for end the connection after the message", "[mailing]") {
  const auto heard = mail(
      {.turns = {"250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 ok\r\n250 and more\r\n"}}, kOne);
  CHECK(heard.ends == "accepted@end-of-data 250;");
  CHECK_FALSE(heard.is_usable);
}

TEST_CASE("too many recipients is for now, a full mailbox is not", "[mailing]") {
  CHECK(mail({.turns = {"250 ok\r\n", "452 4.5.3 too many\r\n"}}, kOne).ends ==
        "deferred@rcpt 452;");
  CHECK(mail({.turns = {"250 ok\r\n", "552 too many\r\n"}}, kOne).ends == "deferred@rcpt 552;");
  CHECK(mail({.turns = {"250 ok\r\n", "552 5.2.2 full\r\n"}}, kOne).ends == "failed@rcpt 552;");
}

TEST_CASE("a server that offers BDAT and does not know it gets DATA", "[mailing]") {
  Mailing mailing(verified_peer(), domain("client.example"));
  mailing.use_framing(Framing::counted);
  std::string said;
  const auto hear = [&](std::string_view octets) {
    flush(mailing, said);
    mailing.receive(octets);
    std::string_view content = "hi\r\n";
    feed(mailing, content, said);
  };
  hear(kChunking);
  mailing.begin(kOne, kOne.recipients, 4);
  hear("250 ok\r\n250 ok\r\n");
  hear("502 5.5.1 what\r\n");
  CHECK(summary(mailing.take()) == "failed@end-of-data 502;");
  REQUIRE(mailing.stumbled_over_bdat());
  mailing.use_framing(Framing::dots);
  said.clear();
  mailing.begin(kOne, kOne.recipients, 4);
  hear("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
  hear("250 ok\r\n");
  CHECK(said == "RSET\r\n" + kFrom + "\r\nRCPT TO:<a@b.example>\r\nDATA\r\nhi\r\n.\r\n");
  CHECK(summary(mailing.take()) == "accepted@end-of-data 250;");
}

TEST_CASE("A40 a server that talks without end within a transaction is cut", "[mailing][A40]") {
  Mailing mailing(verified_peer(), domain("client.example"));
  mailing.use_framing(Framing::counted);
  mailing.sent(mailing.output().size());
  mailing.receive(kPlain);
  mailing.begin(kOne, kOne.recipients, 4);
  mailing.sent(mailing.output().size());
  std::size_t taken = 0;
  while (!mailing.is_over() && taken < (10U << 20)) {
    mailing.receive("250-x\r\n");
    taken += 7;
  }
  CHECK(taken <= 101 * 7);
  CHECK(summary(mailing.take()) == "deferred@rcpt protocol-error;");
}

TEST_CASE("EHLO refused after TLS is no greeting", "[mailing]") {
  for (const auto& [reply, obstacle] : {std::pair{"550 no\r\n", Obstacle::greeting_refused},
                                        std::pair{"421 busy\r\n", Obstacle::rate_limited},
                                        std::pair{"354 hm\r\n", Obstacle::protocol_error},
                                        std::pair{"25\r\n", Obstacle::protocol_error}}) {
    Mailing mailing(verified_peer(), domain("client.example"));
    mailing.use_framing(Framing::counted);
    mailing.sent(mailing.output().size());
    mailing.receive(reply);
    CHECK_FALSE(mailing.is_greeted());
    CHECK(mailing.is_over());
    CHECK(mailing.obstacle() == obstacle);
    mailing.begin(kOne, kOne.recipients, 4);
    CHECK(summary(mailing.take()) == "deferred@connection connection-lost;");
  }
}
