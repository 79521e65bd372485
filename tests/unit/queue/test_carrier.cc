#include <catch2/catch.hpp>
#include <fstream>

#include <unistd.h>

#include "audit/evidence.h"
#include "queue/carrier.h"
#include "unit/queue/queue_fixture.h"

using namespace sm;
using namespace sm::test;
using std::chrono::hours;
using std::chrono::seconds;

namespace {

/// What waits for the sender: the report, as text.
std::string report_text(QueueFixture& fixture) {
  for (const auto& row : fixture.rows()) {
    if (row.kind != store::QueuedKind::report) continue;
    auto parcel = must(queue::Parcel::open(queue::Layout{fixture.config.state}.parcel(row.file),
                                           fixture.keys, "delinde"));
    CHECK(parcel.ticket().envelope.sender.is_null());
    const auto source = must(parcel.message());
    return must(message::read_all(*source, 1 << 20));
  }
  return {};
}

std::size_t reports(QueueFixture& fixture) {
  std::size_t count = 0;
  for (const auto& row : fixture.rows())
    count += row.kind == store::QueuedKind::report ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("what cannot be delivered now is tried again after growing pauses", "[queue]") {
  QueueFixture fixture;
  fixture.accept({"anna@away.example"});
  seconds last{0};
  for (int attempt = 1; attempt <= 9; ++attempt) {
    fixture.carry("away.example");
    const auto row = fixture.rows().front();
    CHECK(row.attempts == attempt);
    CHECK(row.reason == "dns-temporary");
    CHECK(row.lease.empty());
    const auto pause = std::chrono::duration_cast<seconds>(
        std::chrono::microseconds(row.due - queue::uptime_of(fixture.clock)));
    CHECK(pause >= last);
    CHECK(pause <= hours(1));
    if (attempt == 1) CHECK(pause <= seconds(60));
    last = pause;
    CHECK(must(fixture.table.due_domains(queue::uptime_of(fixture.clock))).empty());
    fixture.clock.advance(pause);
    CHECK(must(fixture.table.due_domains(queue::uptime_of(fixture.clock))).size() == 1);
  }
  CHECK(fixture.count_events("deferred") == 9);
  CHECK(fixture.count_events("returned") == 0);
}

TEST_CASE("a destination that is away is held as a whole, and holds no other", "[queue]") {
  QueueFixture fixture;
  fixture.accept({"anna@away.example"}, queued_mail("a"));
  fixture.carry("away.example");
  fixture.accept({"bob@away.example"}, queued_mail("b"));
  fixture.accept({"carl@other.example"}, queued_mail("c"));
  const auto due = must(fixture.table.due_domains(queue::uptime_of(fixture.clock)));
  CHECK(due == std::vector<std::string>{"other.example"});
  fixture.clock.advance(seconds(61));
  CHECK(must(fixture.table.due_domains(queue::uptime_of(fixture.clock))).size() == 2);
  // Somebody who asks for a message at once frees its destination.
  fixture.carry("away.example");
  const auto row = fixture.rows().front();
  must(fixture.table.hurry(row.id));
  CHECK(must(fixture.table.due_domains(queue::uptime_of(fixture.clock))).size() == 2);
}

TEST_CASE("F12 past its lifetime a message is returned once, with its header alone", "[queue]") {
  QueueFixture fixture;
  fixture.config.queue.lifetime = hours(48);
  fixture.accept({"anna@away.example", "bob@away.example"});
  fixture.carry("away.example");
  fixture.clock.advance(hours(49));
  fixture.carry("away.example");
  REQUIRE(fixture.rows().size() == 1);
  CHECK(fixture.count_events("returned") == 2);
  const auto report = report_text(fixture);
  CHECK(report.find("Content-Type: multipart/report; report-type=delivery-status") != report.npos);
  CHECK(report.find("Final-Recipient: rfc822; anna@away.example\r\nAction: failed\r\n"
                    "Status: 5.4.7") != report.npos);
  CHECK(report.find("Final-Recipient: rfc822; bob@away.example") != report.npos);
  CHECK(report.find("Content-Type: text/rfc822-headers") != report.npos);
  CHECK(report.find("Subject: canary-subject") != report.npos);
  CHECK(report.find("canary-body") == report.npos);
  CHECK(report.find("Auto-Submitted: auto-replied") != report.npos);
  CHECK(fixture.parcels() == 1);

  SECTION("and the report itself is never answered") {
    fixture.clock.advance(hours(49));
    fixture.carry("delinde.example");
    fixture.clock.advance(hours(49));
    fixture.carry("delinde.example");
    CHECK(fixture.rows().empty());
    CHECK(fixture.parcels() == 0);
    CHECK(fixture.count_events("returned") == 3);
  }
}

TEST_CASE("what a destination refuses for good is returned at once", "[queue]") {
  QueueFixture fixture;
  fixture.accept({"anna@null.example"});
  fixture.carry("null.example");
  CHECK(fixture.count_events("failed") == 1);
  CHECK(fixture.count_events("returned") == 1);
  CHECK(reports(fixture) == 1);
  CHECK(report_text(fixture).find("Status: 5.1.10") != std::string::npos);
}

TEST_CASE("an organisation without an address of its own can tell its senders all the same",
          "[queue]") {
  QueueFixture fixture;
  fixture.config.organisations.front().domains.clear();
  fixture.config.organisations.front().sealing.portal.clear();
  fixture.accept({"anna@null.example"});
  fixture.carry("null.example");
  CHECK(report_text(fixture).find("<noreply@delinde.example>") != std::string::npos);
}

TEST_CASE("nobody is told who asked not to be, or is nobody", "[queue]") {
  QueueFixture fixture;
  SECTION("the null sender") {
    fixture.accept({"anna@null.example"}, queued_mail(), "<>");
  }
  SECTION("NOTIFY=NEVER") {
    queue::Ticket ticket;
    ticket.envelope.sender = must(name::ReversePath::parse("jan@delinde.example"));
    ticket.envelope.recipients = {
        {.mailbox = must(name::Mailbox::parse("anna@null.example")), .notify = smtp::Notify{}}};
    fixture.accept(ticket);
  }
  fixture.carry("null.example");
  CHECK(fixture.rows().empty());
  CHECK(fixture.parcels() == 0);
  CHECK(fixture.count_events("failed") == 1);
  CHECK(fixture.count_events("returned") == 1);
  CHECK(fixture.log_text().find("\"outcome\":\"failure\"") != std::string::npos);
}

TEST_CASE("a sender is told once that a message waits, where that is wanted", "[queue]") {
  QueueFixture fixture;
  fixture.accept({"anna@away.example"});
  SECTION("by nobody") {
    fixture.clock.advance(hours(5));
    fixture.carry("away.example");
    CHECK(reports(fixture) == 0);
  }
  SECTION("by the configuration") {
    fixture.config.queue.warn_after = hours(4);
    fixture.carry("away.example");
    CHECK(reports(fixture) == 0);
    fixture.clock.advance(hours(5));
    fixture.carry("away.example");
    CHECK(reports(fixture) == 1);
    CHECK(report_text(fixture).find("Action: delayed") != std::string::npos);
    CHECK(fixture.count_events("returned") == 0);
    fixture.clock.advance(hours(5));
    fixture.carry("away.example");
    CHECK(reports(fixture) == 1);
  }
}

TEST_CASE("F13 what a dead runner had in hand is settled by what the log and the mark say",
          "[queue]") {
  QueueFixture fixture;
  const auto accepted = fixture.accept({"anna@away.example"});
  const auto rows = fixture.take("away.example", "dead");
  REQUIRE(rows.size() == 1);
  CHECK(must(fixture.table.lease_holders()) == std::vector<std::string>{"dead"});
  CHECK(fixture.take("away.example", "other").empty());
  const queue::Layout layout{fixture.config.state};
  delivery::Dispatcher dispatcher(fixture.equipment->finder(), fixture.equipment->client());
  queue::Carrier carrier(fixture.office, *fixture.equipment, dispatcher);
  const auto id = *audit::MessageId::parse(rows[0].id);
  const audit::Recipient anna{*audit::RecipientId::parse(rows[0].recipients[0].id),
                              "anna@away.example"};

  SECTION("nothing was sent: it is due at once, and nothing is recorded") {
    must(carrier.recover(rows[0]));
    CHECK(fixture.take("away.example").size() == 1);
    CHECK(fixture.count_events("uncertain") == 0);
    CHECK(fixture.count_events("deferred") == 0);
  }
  SECTION("the end was on its way: uncertain, and tried again") {
    std::ofstream(layout.sent(rows[0].id)) << "";
    must(carrier.recover(rows[0]));
    CHECK(fixture.count_events("uncertain") == 1);
    CHECK(::access(layout.sent(rows[0].id).c_str(), F_OK) != 0);
    CHECK(fixture.take("away.example").empty());
    fixture.clock.advance(seconds(61));
    CHECK(fixture.take("away.example").size() == 1);
  }
  SECTION("the machine went down: what was in hand may have been sent") {
    fixture.clock.reboot();
    must(carrier.recover(rows[0]));
    CHECK(fixture.count_events("uncertain") == 1);
    CHECK(fixture.rows().size() == 1);
  }
  SECTION("the log has it delivered: it is not delivered twice") {
    std::ofstream(layout.sent(rows[0].id)) << "";
    must(fixture.logs.append("delinde",
                             audit::delivered({.message = id, .recipient = anna}, fixture.clock)));
    must(carrier.recover(rows[0]));
    CHECK(fixture.rows().empty());
    CHECK(fixture.count_events("delivered") == 1);
    CHECK(fixture.count_events("uncertain") == 0);
    CHECK(fixture.parcels() == 0);
  }
  SECTION("the log has it failed: the sender is told, once") {
    must(fixture.logs.append("delinde",
                             audit::failed({.message = id, .recipient = anna}, fixture.clock)));
    must(carrier.recover(rows[0]));
    REQUIRE(fixture.rows().size() == 1);
    CHECK(reports(fixture) == 1);
    CHECK(fixture.count_events("failed") == 1);
    CHECK(fixture.count_events("returned") == 1);
  }
}

TEST_CASE("F14 a clock that is set moves no message and ends none", "[queue]") {
  QueueFixture fixture;
  fixture.config.queue.lifetime = hours(48);
  fixture.accept({"anna@away.example"});
  fixture.carry("away.example");
  const auto year = hours(24 * 365);
  SECTION("a year back") {
    fixture.clock.step(-year);
  }
  SECTION("ten years on") {
    fixture.clock.step(10 * year);
  }
  CHECK(fixture.take("away.example").empty());
  fixture.clock.advance(seconds(61));
  fixture.carry("away.example");
  CHECK(fixture.count_events("returned") == 0);
  CHECK(fixture.rows().front().attempts == 2);
  fixture.clock.advance(hours(49));
  fixture.carry("away.example");
  CHECK(fixture.count_events("returned") == 1);
}

TEST_CASE("F14 pauses go on across a restart of the machine", "[queue]") {
  QueueFixture fixture;
  fixture.accept({"anna@away.example"});
  for (int i = 0; i < 4; ++i) {
    fixture.carry("away.example");
    fixture.clock.advance(hours(1));
  }
  fixture.carry("away.example");
  fixture.clock.advance(seconds(60));
  SECTION("by the wall clock, where it is kept in step") {
    fixture.clock.reboot();
    must(fixture.table.rebase(fixture.clock));
    CHECK(fixture.take("away.example").empty());
    fixture.clock.advance(hours(1));
    CHECK(fixture.take("away.example").size() == 1);
  }
  SECTION("by the wall clock, however long the machine was off") {
    fixture.clock.step(hours(10));
    fixture.clock.reboot();
    must(fixture.table.rebase(fixture.clock));
    CHECK(fixture.take("away.example").size() == 1);
  }
  SECTION("anew, where the clock is not to be believed, and never longer than the pause") {
    fixture.clock.set_synchronised(false);
    fixture.clock.step(hours(-24 * 3650));
    fixture.clock.reboot();
    must(fixture.table.rebase(fixture.clock));
    fixture.clock.advance(hours(1));
    CHECK(fixture.take("away.example").size() == 1);
  }
}

TEST_CASE("a parcel that is gone is not waited for, and its sender is told", "[queue]") {
  QueueFixture fixture;
  fixture.accept({"anna@away.example"});
  const queue::Layout layout{fixture.config.state};
  REQUIRE(::unlink(layout.parcel(fixture.rows().front().file).c_str()) == 0);
  fixture.carry("away.example");
  CHECK(fixture.count_events("failed") == 1);
  CHECK(reports(fixture) == 1);
}

TEST_CASE("where no key opens a message it waits for the key", "[queue]") {
  QueueFixture fixture;
  fixture.accept({"anna@away.example"});
  envelope::Keyring others;
  others.renew("delinde", std::chrono::floor<seconds>(fixture.clock.now()));
  fixture.office.keys = &others;
  fixture.carry("away.example");
  CHECK(fixture.rows().size() == 1);
  CHECK(fixture.rows().front().reason == "internal-error");
  CHECK(fixture.count_events("deferred") == 1);
}
