#include <catch2/catch.hpp>
#include <vector>

#include "message/reader.h"
#include "message/source.h"
#include "queue/counter.h"

using namespace sm;

namespace {

struct Taken {
  smtp::Envelope envelope;
  std::string content;
};

/// What was said and what was taken, when a client says all of this.
struct Talk {
  std::string said;
  std::vector<Taken> taken;

  explicit Talk(std::string_view words, std::size_t block = 65536, std::uint64_t limit = 100'000) {
    const auto in = message::read_memory(words, block);
    queue::Counter counter(
        {.host = "here.example", .message_limit = limit, .most_recipients = 3}, *in,
        [&](std::string_view text) {
          said += text;
          return Result<void>();
        },
        [&](const smtp::Envelope& envelope, message::Source& content) -> Result<std::string> {
          auto text = message::read_all(content, 1 << 20);
          if (!text) return fail(std::move(text).error());
          const auto again = message::read_memory(*text);
          auto read = message::read_message(*again, message::Purpose::submission);
          if (!read) return fail(std::move(read).error());
          taken.push_back({envelope, *text});
          return std::string("Q" + std::to_string(taken.size()));
        });
    const auto served = counter.serve();
    CHECK(served);
  }
  [[nodiscard]] std::vector<std::string> codes() const {
    std::vector<std::string> codes;
    for (std::size_t at = 0; at < said.size(); at = said.find("\r\n", at) + 2) {
      if (said[at + 3] != '-') codes.push_back(said.substr(at, 3));
    }
    return codes;
  }
};

const std::string kHead =
    "EHLO me\r\nMAIL FROM:<jan@delinde.example>\r\nRCPT TO:<anna@a.example>\r\n";
const std::string kMail = "From: jan@delinde.example\r\nSubject: s\r\n\r\nbody\r\n";

using Codes = std::vector<std::string>;

}  // namespace

TEST_CASE("one transaction after another, in groups or octet by octet", "[queue][counter]") {
  const std::string words = kHead + "DATA\r\n" + kMail + ".\r\n" +
                            "MAIL FROM:<>\r\nRCPT TO:<b@a.example>\r\nRCPT TO:<c@a.example>\r\n"
                            "DATA\r\n" +
                            kMail + "..dot\r\n.\r\nQUIT\r\nNOOP\r\n";
  for (const std::size_t block : {1U, 7U, 65536U}) {
    const Talk talk(words, block);
    CHECK(talk.codes() == Codes{"220", "250", "250", "250", "354", "250", "250", "250", "250",
                                "354", "250", "221"});
    REQUIRE(talk.taken.size() == 2);
    CHECK(talk.taken[0].content == kMail);
    CHECK(talk.taken[0].envelope.sender.text() == "jan@delinde.example");
    CHECK(talk.taken[1].envelope.sender.is_null());
    CHECK(talk.taken[1].envelope.recipients.size() == 2);
    CHECK(talk.taken[1].content == kMail + ".dot\r\n");
  }
}

TEST_CASE("A01 no look-alike of the end mark ends a message, and none becomes a command",
          "[queue][counter]") {
  for (const std::string mark : {"\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r\n.\r\r\n",
                                 "\r.\r\n", "\n.\r", "\r\n\r.\r\n", "\r\n.\r\n\n", "\r\n.\n\r\n"}) {
    const std::string smuggled =
        "MAIL FROM:<evil@x.example>\r\nRCPT TO:<victim@a.example>\r\nDATA\r\n" + kMail;
    INFO(mark.size());
    for (const std::size_t block : {1U, 65536U}) {
      const Talk talk(kHead + "DATA\r\nFrom: jan@delinde.example\r\n\r\nbody" + mark + smuggled +
                          ".\r\nQUIT\r\n",
                      block);
      for (const auto& taken : talk.taken)
        CHECK(taken.envelope.sender.text() != "evil@x.example");
    }
  }
}

TEST_CASE("a message with bare line ends or a NUL is refused, and the next is taken",
          "[queue][counter]") {
  for (const std::string& bad :
       {std::string("a\nb"), std::string("a\rb"), std::string("a\0b", 3), std::string("\n.\n")}) {
    const Talk talk(kHead + "DATA\r\nFrom: jan@delinde.example\r\n\r\n" + bad + "\r\n.\r\n" +
                    "MAIL FROM:<jan@delinde.example>\r\nRCPT TO:<anna@a.example>\r\nDATA\r\n" +
                    kMail + ".\r\nQUIT\r\n");
    CHECK(talk.codes() ==
          Codes{"220", "250", "250", "250", "354", "554", "250", "250", "354", "250", "221"});
    CHECK(talk.taken.size() == 1);
  }
}

TEST_CASE("a bare CR or LF in a command ends the session", "[queue][counter]") {
  for (const std::string bad : {"NOOP\nNOOP\r\n", "NOOP\rNOOP\r\n", "EHLO me\r\r\nNOOP\r\n"}) {
    const Talk talk(bad + "MAIL FROM:<>\r\n");
    CHECK(talk.codes() == Codes{"220", "500"});
  }
  CHECK(Talk("NOOP " + std::string(5000, 'x') + "\r\nNOOP\r\n").codes() == Codes{"220", "500"});
  CHECK(Talk(std::string("NOOP\0\r\nNOOP\r\n", 13)).codes() == Codes{"220", "500"});
}

TEST_CASE("commands out of their order are refused, and change nothing", "[queue][counter]") {
  CHECK(Talk("MAIL FROM:<>\r\nQUIT\r\n").codes() == Codes{"220", "503", "221"});
  CHECK(Talk("EHLO me\r\nRCPT TO:<a@b.example>\r\nDATA\r\nQUIT\r\n").codes() ==
        Codes{"220", "250", "503", "503", "221"});
  CHECK(
      Talk("EHLO me\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\nDATA\r\nRSET\r\nDATA\r\nQUIT\r\n").codes() ==
      Codes{"220", "250", "250", "503", "503", "250", "503", "221"});
  const Talk talk(
      "EHLO me\r\nMAIL FROM:<jan@delinde.example>\r\nRCPT TO:<a@a.example>\r\nEHLO "
      "me\r\nDATA\r\nQUIT\r\n");
  CHECK(talk.codes() == Codes{"220", "250", "250", "250", "250", "503", "221"});
}

TEST_CASE("A05 A50 addresses and parameters are read strictly", "[queue][counter]") {
  for (const char* bad :
       {"MAIL FROM: <a@b.example>", "MAIL FROM:a@b.example", "MAIL FROM:<a@b.example> SIZE",
        "MAIL FROM:<a@b.example> SIZE=1 SIZE=2", "MAIL FROM:<a@b.example>SIZE=1",
        "MAIL FROM:<@x.example:a@b.example>", "MAIL FROM:<a@b.example> BODY=BINARYMIME",
        "MAIL FROM:<a@[127.0.0.1]>", "MAIL FROM:<a@b.example> AUTH=<>", "MAIL FROM:<a>",
        "MAIL FROM:<a@b.example>  SIZE=1", "MAIL FROM:<a@b.example> ENVID=a+0D+0Ab",
        "MAIL FROM:<a@b.example> REQUIRETLS"}) {
    INFO(bad);
    const auto codes = Talk(std::string("EHLO me\r\n") + bad + "\r\nQUIT\r\n").codes();
    REQUIRE(codes.size() == 4);
    CHECK(codes[2][0] == '5');
  }
  const Talk good(
      "EHLO me\r\nMAIL FROM:<\"a>b\"@c.example> SIZE=10 BODY=8BITMIME RET=HDRS "
      "ENVID=a+2Bb\r\nRCPT TO:<x@y.example> NOTIFY=FAILURE,DELAY "
      "ORCPT=rfc822;z@y.example\r\nDATA\r\n" +
      kMail + ".\r\nQUIT\r\n");
  REQUIRE(good.taken.size() == 1);
  const auto& envelope = good.taken[0].envelope;
  CHECK(envelope.sender.text() == "\"a>b\"@c.example");
  CHECK(envelope.id->text() == "a+b");
  CHECK(envelope.recipients[0].notify->on_delay);
  CHECK(envelope.recipients[0].original->text() == "z@y.example");
}

TEST_CASE("limits: octets, recipients, errors", "[queue][counter]") {
  CHECK(Talk("EHLO me\r\nMAIL FROM:<> SIZE=100001\r\nQUIT\r\n").codes()[2] == "552");
  const Talk large(kHead + "DATA\r\n" + kMail + std::string(2000, 'x') + "\r\n.\r\nQUIT\r\n", 65536,
                   1000);
  CHECK(large.codes() == Codes{"220", "250", "250", "250", "354", "552", "221"});
  CHECK(large.taken.empty());
  const Talk many(
      "EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<a@a.example>\r\nRCPT TO:<b@a.example>\r\n"
      "RCPT TO:<a@a.example>\r\nRCPT TO:<c@a.example>\r\nRCPT TO:<d@a.example>\r\n"
      "QUIT\r\n");
  CHECK(many.codes() == Codes{"220", "250", "250", "250", "250", "250", "250", "452", "221"});
  std::string nonsense;
  for (int i = 0; i < 30; ++i)
    nonsense += "FOO\r\n";
  CHECK(Talk(nonsense + "NOOP\r\n").codes().back() == "421");
}

TEST_CASE("a message whose end never comes is none", "[queue][counter]") {
  for (const std::string end : {"", "\r\n", ".", ".\r", "\r\n."}) {
    const Talk talk(kHead + "DATA\r\n" + kMail + "more" + end);
    CHECK(talk.taken.empty());
    CHECK(talk.codes().back() == "421");
  }
}
