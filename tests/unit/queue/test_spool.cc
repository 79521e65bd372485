#include <catch2/catch.hpp>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/spool.h"
#include "queue/withdraw.h"
#include "unit/queue/queue_fixture.h"

using namespace sm;
using namespace sm::test;
using delivery::Status;

TEST_CASE("a message is queued once for each destination, and lies sealed once", "[queue]") {
  QueueFixture fixture;
  const auto results =
      fixture.accept({"anna@away.example", "bob@other.example", "carl@away.example"});
  REQUIRE(results.size() == 3);
  for (const auto& result : results) {
    CHECK(result.status == Status::queued);
    CHECK_FALSE(result.message.empty());
  }
  CHECK(results[0].message == results[2].message);
  CHECK(results[0].message != results[1].message);
  const auto rows = fixture.rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].file == rows[1].file);
  CHECK(rows[0].recipients.size() + rows[1].recipients.size() == 3);
  CHECK(fixture.parcels() == 1);
  CHECK(fixture.count_events("submitted") == 2);
  CHECK(fixture.count_events("queued") == 3);
}

TEST_CASE("nothing of a message that waits is readable on disk", "[queue]") {
  QueueFixture fixture;
  fixture.accept({"anna@away.example"});
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(fixture.config.state)) {
    if (!entry.is_regular_file()) continue;
    const auto text = must(read_file(entry.path(), std::size_t{1} << 26));
    ++files;
    INFO(entry.path());
    CHECK(text.find("canary") == text.npos);
  }
  CHECK(files > 5);
}

TEST_CASE("the same Message-ID for the same recipient is what waits already", "[queue]") {
  QueueFixture fixture;
  const auto first = fixture.accept({"anna@away.example"});
  const auto second = fixture.accept({"anna@away.example", "bob@other.example"});
  CHECK(second[0].message == first[0].message);
  CHECK(second[1].message != first[0].message);
  CHECK(fixture.rows().size() == 2);
  // Another sender's is another message.
  fixture.accept({"anna@away.example"}, queued_mail(), "piet@delinde.example");
  CHECK(fixture.rows().size() == 3);
}

TEST_CASE("a parcel opens to the same octets and the same wishes, by the organisation alone",
          "[queue]") {
  QueueFixture fixture;
  queue::Ticket ticket;
  ticket.envelope.sender = must(name::ReversePath::parse("jan@delinde.example"));
  ticket.envelope.recipients = {{.mailbox = must(name::Mailbox::parse("anna@away.example"))}};
  ticket.seals_all = true;
  ticket.method = "password";
  ticket.password.emplace(
      must(envelope::Password::from_input(Secret(as_bytes("canary-password")), "test")));
  fixture.accept(ticket);
  const auto path = queue::Layout{fixture.config.state}.parcel(fixture.rows().front().file);
  auto parcel = must(queue::Parcel::open(path, fixture.keys, "delinde"));
  CHECK(parcel.ticket().text() == ticket.text());
  REQUIRE(parcel.ticket().password);
  CHECK(as_text(parcel.ticket().password->reveal()) == "canary-password");
  const auto source = must(parcel.message());
  CHECK(must(message::read_all(*source, 1 << 20)) ==
        text_of(prepared(queued_mail(), fixture.clock)));

  envelope::Keyring others;
  others.renew("delinde", std::chrono::floor<std::chrono::seconds>(fixture.clock.now()));
  const auto denied = queue::Parcel::open(path, others, "delinde");
  REQUIRE_FALSE(denied);
  CHECK(denied.error().code == Errc::denied);
}

TEST_CASE("a parcel that was cut, lengthened or changed opens nowhere", "[queue]") {
  QueueFixture fixture;
  fixture.accept({"anna@away.example"});
  const auto path = queue::Layout{fixture.config.state}.parcel(fixture.rows().front().file);
  const auto whole = must(read_file(path, 1 << 20));
  const auto opens = [&](const std::string& text) {
    const auto other = fixture.folder / "other.sme";
    std::ofstream(other, std::ios::trunc) << text;
    auto parcel = queue::Parcel::open(other, fixture.keys, "delinde");
    if (!parcel) return false;
    auto source = parcel->message();
    return source && message::read_all(**source, 1 << 20).has_value();
  };
  CHECK(opens(whole));
  CHECK_FALSE(opens(whole + "x"));
  for (std::size_t size = 0; size < whole.size(); size += 97)
    CHECK_FALSE(opens(whole.substr(0, size)));
  for (std::size_t at = whole.find("---"); at < whole.size(); at += 131) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    INFO(at);
    CHECK_FALSE(opens(changed));
  }
}

TEST_CASE("F24 what a crash left without a row is swept away, and nothing else", "[queue]") {
  QueueFixture fixture;
  fixture.accept({"anna@away.example"});
  const queue::Layout layout{fixture.config.state};
  const auto place = [&](const std::string& name, bool is_old) {
    std::ofstream(layout.parcel(name)) << "x";
    const auto now = std::chrono::floor<std::chrono::seconds>(fixture.clock.now());
    const timespec at{(now.time_since_epoch().count()) - (is_old ? 7200 : 60), 0};
    const timespec both[2] = {at, at};
    REQUIRE(::utimensat(AT_FDCWD, layout.parcel(name).c_str(), both, 0) == 0);
  };
  place("orphan1", true);
  place("justnow", false);
  CHECK(must(queue::sweep_orphans(fixture.office)) == 1);
  CHECK(::access(layout.parcel("orphan1").c_str(), F_OK) != 0);
  CHECK(::access(layout.parcel("justnow").c_str(), F_OK) == 0);
  CHECK(::access(layout.parcel(fixture.rows().front().file).c_str(), F_OK) == 0);
}

TEST_CASE("what waits can be taken back, for one recipient or for all, and is destroyed",
          "[queue]") {
  QueueFixture fixture;
  const auto results =
      fixture.accept({"anna@away.example", "bob@away.example", "carl@other.example"});
  CHECK(must(queue::withdraw(fixture.office, {.message = "nothing"})).empty());
  const auto one = must(queue::withdraw(
      fixture.office, {.message = results[0].message, .recipient = "anna@away.example"}));
  REQUIRE(one.size() == 1);
  CHECK(one[0].recipient == "anna@away.example");
  CHECK(fixture.parcels() == 1);
  const auto taken = fixture.take("away.example");
  REQUIRE(taken.size() == 1);
  const auto busy = queue::withdraw(fixture.office, {.message_id = "<q1@delinde.example>"});
  REQUIRE_FALSE(busy);
  CHECK(busy.error().code == Errc::temporary);
  CHECK(fixture.rows().size() == 2);
  must(fixture.table.give_back(taken[0]));
  CHECK(must(queue::withdraw(fixture.office, {.message_id = "<q1@delinde.example>"})).size() == 2);
  CHECK(fixture.rows().empty());
  CHECK(fixture.parcels() == 0);
}

TEST_CASE("nothing is queued where the log cannot say so", "[queue]") {
  QueueFixture fixture;
  fixture.accept({"anna@away.example"});
  const auto log = audit::log_folder(fixture.config.state, "delinde");
  // The log's folder is a file: nothing can be appended by anybody who opens it anew.
  sealing::Logs logs(fixture.config, fixture.clock, "test/1");
  std::filesystem::rename(log, log + ".away");
  std::ofstream(log) << "";
  fixture.office.logs = &logs;
  const auto message = prepared(queued_mail("q2"), fixture.clock);
  queue::Ticket ticket;
  ticket.envelope.recipients = {{.mailbox = must(name::Mailbox::parse("anna@away.example"))}};
  const auto results =
      queue::accept(fixture.office, {.message = &message,
                                     .ticket = &ticket,
                                     .organisation = &fixture.config.organisations.front()});
  CHECK_FALSE(results);
  CHECK(fixture.rows().size() == 1);
  CHECK(fixture.parcels() == 1);
}
