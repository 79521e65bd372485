#include <catch2/catch.hpp>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include "base/encoding.h"
#include "crypto/random.h"
#include "envelope/draft.h"
#include "queue/drop.h"
#include "unit/queue/queue_fixture.h"

using namespace sm;
using namespace sm::test;

namespace {

class DropFixture : public QueueFixture {
 public:
  DropFixture() { must(make_folders(drop())); }
  [[nodiscard]] std::string drop() const { return queue::Layout{config.state}.drop(); }

  /// What a stranger seals who has the public key and writes what they like.
  std::string seal(const std::string& message, const std::string& ticket,
                   const std::string& org = "delinde") {
    auto draft = envelope::Draft::begin();
    must(draft.add_public_key(must(keys.current_public_key(org))));
    draft.add_part(
        {.role = envelope::Role::message, .type = "message/rfc822", .size = message.size()});
    draft.add_part({.type = "application/json", .size = ticket.size()});
    auto front = must(draft.front(std::chrono::floor<std::chrono::seconds>(clock.now())));
    envelope::SecretSink sink(1 << 20);
    must(sink.write(as_bytes(front.header)));
    must(sink.write(front.manifest.reveal()));
    envelope::MemorySource first(as_bytes(message));
    must(draft.seal_part(1, first, sink));
    envelope::MemorySource second(as_bytes(ticket));
    must(draft.seal_part(2, second, sink));
    return std::string(as_text(sink.bytes().reveal()));
  }
  std::string place(const std::string& content) {
    const std::string name = to_base64url(crypto::random_bytes<18>());
    std::ofstream(drop() + "/" + name) << content;
    return name;
  }
  [[nodiscard]] std::size_t dropped() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(drop())) {
      (void)entry;
      ++count;
    }
    return count;
  }
  static std::string ticket(const std::string& sender = "jan@delinde.example",
                            const std::string& to = "anna@away.example") {
    queue::Ticket ticket;
    ticket.envelope.sender = must(name::ReversePath::parse(sender));
    ticket.envelope.recipients = {{.mailbox = must(name::Mailbox::parse(to))}};
    return ticket.text();
  }
};

}  // namespace

TEST_CASE("what is in the drop is taken up under its owner's name", "[queue][drop]") {
  DropFixture fixture;
  fixture.place(fixture.seal(queued_mail(), DropFixture::ticket()));
  const auto taken = must(queue::take_up_drop(fixture.office));
  CHECK(taken.messages == 1);
  CHECK(taken.quarantined == 0);
  CHECK(fixture.dropped() == 0);
  REQUIRE(fixture.rows().size() == 1);
  CHECK(fixture.rows()[0].uid == static_cast<std::int64_t>(::getuid()));
  CHECK(fixture.rows()[0].size == queued_mail().size());
}

TEST_CASE("a stranger's message meets the rules of every message", "[queue][drop]") {
  DropFixture fixture;
  const std::pair<std::string, std::string> bad[] = {
      {"Bcc: x@y.example\r\n" + queued_mail(), DropFixture::ticket()},
      {queued_mail() + "a\rb\r\n", DropFixture::ticket()},
      {queued_mail() + "a\nb\r\n", DropFixture::ticket()},
      {queued_mail() + std::string("a\0b\r\n", 5), DropFixture::ticket()},
      {queued_mail() + std::string(999, 'x') + "\r\n", DropFixture::ticket()},
      {"From: a@delinde.example\r\nFrom: b@delinde.example\r\n\r\nx\r\n", DropFixture::ticket()},
      {"no header", DropFixture::ticket()},
      {queued_mail(), "{}"},
      {queued_mail(), ""},
  };
  for (const auto& [message, ticket] : bad) {
    INFO(message.substr(0, 40));
    fixture.place(fixture.seal(message, ticket));
    const auto taken = must(queue::take_up_drop(fixture.office));
    CHECK(taken.messages == 0);
    CHECK(taken.quarantined == 1);
  }
  CHECK(fixture.rows().empty());
  CHECK(fixture.count_events("refused") == std::size(bad));
  CHECK(fixture.count_events("submitted") == 0);
}

TEST_CASE("a message for one organisation is not taken under the seal of another",
          "[queue][drop]") {
  DropFixture fixture;
  config::Organisation other;
  other.id = "other";
  other.domains = {*name::Domain::parse("other.example")};
  fixture.config.organisations.push_back(other);
  fixture.keys.renew("other", std::chrono::floor<std::chrono::seconds>(fixture.clock.now()));
  fixture.place(fixture.seal(queued_mail(), DropFixture::ticket(), "other"));
  const auto taken = must(queue::take_up_drop(fixture.office));
  CHECK(taken.messages == 0);
  CHECK(taken.quarantined == 1);
}

TEST_CASE("F01 a file whose message was taken already is removed and not taken again",
          "[queue][drop]") {
  DropFixture fixture;
  const auto content = fixture.seal(queued_mail(), DropFixture::ticket());
  const auto name = fixture.place(content);
  must(queue::take_up_drop(fixture.office));
  // The process died between the two: the note stands, the file is there still, and the message was
  // delivered in the meantime.
  must(fixture.table.set_note("drop." + name, "1"));
  std::ofstream(fixture.drop() + "/" + name) << content;
  const auto row = fixture.rows()[0];
  must(fixture.table.remove(row.id, {row.recipients[0].id}));
  const auto taken = must(queue::take_up_drop(fixture.office));
  CHECK(taken.messages == 0);
  CHECK(fixture.dropped() == 0);
  CHECK(fixture.rows().empty());
  CHECK(must(fixture.table.note("drop." + name)).empty());
}

TEST_CASE("names in the drop are those of smsend-drop", "[queue][drop]") {
  CHECK(queue::is_drop_name("abcdefghijklmnopqrstuv-_"));
  for (const char* name : {"", "short", "abcdefghijklmnopqrstuv-/", "abcdefghijklmnopqrstuv-.",
                           "abcdefghijklmnopqrstuv-_x", "abcdefghijklmnopqrstuv \n"})
    CHECK_FALSE(queue::is_drop_name(name));
}

TEST_CASE("what has lain in the quarantine for a month goes, with a record", "[queue][drop]") {
  DropFixture fixture;
  fixture.place("no envelope");
  CHECK(must(queue::take_up_drop(fixture.office)).quarantined == 1);
  const auto folder = queue::Layout{fixture.config.state}.quarantine();
  std::ofstream(folder + "/notes of an administrator") << "kept";
  const auto left = [&] { return std::distance(std::filesystem::directory_iterator(folder), {}); };
  fixture.clock.advance(std::chrono::days(29));
  CHECK(must(queue::sweep_quarantine(fixture.office)) == 0);
  CHECK(left() == 2);
  fixture.clock.advance(std::chrono::days(1));
  CHECK(must(queue::sweep_quarantine(fixture.office)) == 1);
  CHECK(left() == 1);
  CHECK(fixture.count_events("deleted") == 1);
  CHECK(must(queue::sweep_quarantine(fixture.office)) == 0);
}
