#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "../sealing/office_fixture.h"
#include "audit/evidence.h"
#include "retention/lifecycle.h"
#include "retention/sweep.h"
#include "sealing/mark.h"
#include "store/contact_table.h"
#include "store/session_table.h"

using namespace sm;
using namespace sm::retention;
using namespace std::chrono_literals;
using sealing::Method;
using sm::test::must;
using sm::test::OfficeFixture;

namespace {

SweepReport swept(OfficeFixture& fixture, const SweepOptions& options = {}) {
  auto report = must(sweep(fixture.office, nullptr, options));
  for (const auto& failure : report.failures)
    UNSCOPED_INFO(failure.what);
  CHECK(report.failures.empty());
  return report;
}

std::string status(OfficeFixture& fixture) {
  const auto rows = must(list(fixture.office, {.id = fixture.message_id}));
  REQUIRE(rows.size() == 1);
  return rows[0].status;
}

bool has_content(OfficeFixture& fixture) {
  const auto id = *envelope::EnvelopeId::parse(fixture.link().message.envelope);
  return std::filesystem::exists(fixture.office.envelopes().folder(id));
}

/// Whether any file of the state has these bytes.
bool is_anywhere(const OfficeFixture& fixture, const std::string& needle) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(fixture.folder.path())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    if (bytes.find(needle) != bytes.npos) {
      UNSCOPED_INFO(entry.path());
      return true;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("what has expired ends by the sweep: content, links, codes, numbers", "[retention]") {
  OfficeFixture fixture;
  const auto token = fixture.seal(Method::sms);
  sealing::Access access(fixture.office, fixture.channel, fixture.gate);
  must(access.start(token, sealing::CookieSecret::fresh(), "en"));
  REQUIRE(is_anywhere(fixture, "+31612345678"));
  CHECK(swept(fixture).expired == 0);
  CHECK(status(fixture) == "sent");
  REQUIRE(has_content(fixture));

  fixture.clock.advance(std::chrono::days(7));
  CHECK(swept(fixture).expired == 1);
  CHECK(status(fixture) == "expired");
  CHECK_FALSE(has_content(fixture));
  CHECK(fixture.count_events("expired") == 1);
  CHECK(swept(fixture).expired == 0);
  CHECK(fixture.count_events("expired") == 1);
  CHECK(fixture.link().recipient.link_hash.empty());
  CHECK(must(store::OutboxTable(fixture.index).waiting("")).empty());
}

TEST_CASE("after the end nothing of a message, its key, link or code is anywhere", "[retention]") {
  OfficeFixture fixture;
  const auto token = fixture.seal(Method::sms, nullptr, sm::test::simple_mail("canary-body"));
  sealing::Access access(fixture.office, fixture.channel, fixture.gate);
  const auto asking = sealing::CookieSecret::fresh();
  must(access.start(token, asking, "en"));
  auto answer = must(access.judge_code(token, asking, fixture.channel.codes[0]));
  const auto cookie = std::get<sealing::Verified>(answer).cookie.clone();
  auto reading = must(access.resume(cookie));
  REQUIRE(reading);
  const auto mk = reading->envelope->message_key().clone();
  reading.reset();
  // Also before the end: none of these is ever in the clear.
  const std::string code = fixture.channel.codes[0];
  const auto text_of = [](const Secret& secret) { return std::string(as_text(secret.reveal())); };
  for (int round = 0; round < 2; ++round) {
    CHECK_FALSE(is_anywhere(fixture, "canary-body"));
    CHECK_FALSE(is_anywhere(fixture, "canary-subject"));
    CHECK_FALSE(is_anywhere(fixture, std::string(as_text(mk.reveal()))));
    CHECK_FALSE(is_anywhere(fixture, std::string(as_text(token.key().reveal()))));
    CHECK_FALSE(is_anywhere(fixture, text_of(token.text())));
    CHECK_FALSE(is_anywhere(fixture, text_of(cookie.text())));
    if (round == 0) REQUIRE(must(end(fixture.office, fixture.message_id, Ending::deleted)) == true);
    swept(fixture);
  }
  CHECK(status(fixture) == "deleted");
  const auto link_hash = sealing::hash_of(token);
  CHECK_FALSE(is_anywhere(fixture, std::string(as_text(link_hash))));
  CHECK(code.size() == 6);
}

TEST_CASE("an end goes on from wherever it was interrupted", "[retention]") {
  OfficeFixture fixture;
  fixture.seal(Method::sms);
  store::SealedTable table(fixture.index);
  const auto envelope = *envelope::EnvelopeId::parse(fixture.link().message.envelope);
  SECTION("told, and not marked") {
    audit::Record record(audit::Event::revoked, *audit::MessageId::parse(fixture.message_id));
    record.outcome(audit::Outcome::success);
    must(fixture.logs.append("delinde", record));
    CHECK(swept(fixture).repeated == 1);
    CHECK(fixture.count_events("revoked") == 1);
  }
  SECTION("marked, its keys there") {
    REQUIRE(must(table.mark(fixture.message_id, Ending::revoked, "")));
    CHECK(swept(fixture).finished == 1);
  }
  SECTION("marked, its keys gone and its content there") {
    REQUIRE(must(table.mark(fixture.message_id, Ending::revoked, "")));
    REQUIRE(std::filesystem::remove(fixture.office.envelopes().folder(envelope) + "/head"));
    CHECK(swept(fixture).finished == 1);
  }
  SECTION("for its only recipient, the stanza there") {
    REQUIRE(must(table.end_recipient(fixture.message_id, fixture.recipient_id, Ending::revoked, "",
                                     fixture.clock.now())));
    CHECK(swept(fixture).finished == 1);
  }
  CHECK(status(fixture) == "revoked");
  CHECK_FALSE(has_content(fixture));
}

TEST_CASE("yesterday's backup does not bring back what was destroyed (F24)", "[retention]") {
  OfficeFixture fixture;
  namespace fs = std::filesystem;
  fixture.seal(Method::sms);
  const auto revoked = fixture.message_id;
  const auto revoked_recipient = fixture.recipient_id;
  fixture.seal(Method::sms);
  const auto kept = fixture.message_id;
  sm::test::TempDir backup;
  must(sealing::forget_journal(fixture.office));
  fs::copy(fixture.config.state + "/sealed", backup / "sealed", fs::copy_options::recursive);
  fs::copy_file(fixture.config.state + "/index.db", backup / "index.db");
  REQUIRE(must(end(fixture.office, revoked, Ending::deleted)) == true);

  // The state of yesterday, beside the log of today.
  sm::test::TempDir restored;
  fs::copy(backup / "sealed", restored / "sealed", fs::copy_options::recursive);
  fs::copy_file(backup / "index.db", restored / "index.db");
  fs::copy(fixture.config.state + "/audit", restored / "audit", fs::copy_options::recursive);
  fs::copy(fixture.config.state + "/keys", restored / "keys", fs::copy_options::recursive);
  auto config = fixture.config;
  config.state = restored.path();
  auto index = must(store::Index::open(config.state));
  sealing::Logs logs(config, fixture.clock, "test/1");
  sealing::Office office{&config, &index, &fixture.keys, &logs, &fixture.clock};
  CHECK(must(list(office, {.id = revoked}))[0].status == "sent");
  const auto report = must(sweep(office, nullptr, {}));
  CHECK(report.failures.empty());
  CHECK(report.repeated == 1);
  CHECK(must(list(office, {.id = revoked}))[0].status == "deleted");
  CHECK(must(list(office, {.id = kept}))[0].status == "sent");
  CHECK(must(office.envelopes().list()).size() == 1);
  CHECK(revoked_recipient != fixture.recipient_id);
}

TEST_CASE("one recipient of two is revoked, the other reads on", "[retention]") {
  OfficeFixture fixture;
  const auto message = sm::test::prepared(sm::test::simple_mail(), fixture.clock);
  std::vector<sealing::Addressee> two;
  for (const char* address : {"anna@plain.example", "bob@plain.example"}) {
    two.push_back({audit::RecipientId::fresh(), *name::Mailbox::parse(address), Method::sms});
    two.back().phone = "+31612345678";
  }
  const sealing::SealOrder order{.id = audit::MessageId::fresh(),
                                 .organisation = &fixture.config.organisations.front(),
                                 .message = &message,
                                 .addressees = two};
  must(sealing::Mailroom(fixture.office).seal(order));
  const auto id = order.id.text();
  std::vector<envelope::LinkToken> tokens;
  for (const auto& errand : must(store::OutboxTable(fixture.index).waiting(id))) {
    const auto secret = must(sealing::open_pouch(fixture.keys, errand.sealed));
    tokens.push_back(*envelope::LinkToken::parse(secret.reveal()));
  }
  REQUIRE(tokens.size() == 2);
  REQUIRE(must(end(fixture.office, id, Ending::revoked, {}, two[0].id.text())) == true);
  CHECK(must(end(fixture.office, id, Ending::revoked, {}, two[0].id.text())) == false);
  sealing::Access access(fixture.office, fixture.channel, fixture.gate);
  CHECK_FALSE(must(access.find(tokens[0])));
  CHECK(must(access.find(tokens[1])));
  const auto rows = must(list(fixture.office, {.id = id}));
  REQUIRE(rows.size() == 2);
  CHECK((rows[0].status == "revoked") != (rows[1].status == "revoked"));
  REQUIRE(must(fixture.office.envelopes().list()).size() == 1);
  REQUIRE(must(end(fixture.office, id, Ending::revoked, {}, two[1].id.text())) == true);
  CHECK(must(fixture.office.envelopes().list()).empty());
}

TEST_CASE("a clock that jumps by years destroys nothing (F14)", "[retention]") {
  OfficeFixture fixture;
  const auto token = fixture.seal(Method::sms);
  sealing::Access access(fixture.office, fixture.channel, fixture.gate);
  const auto refused = [&] {
    const auto report = must(sweep(fixture.office, nullptr, {}));
    REQUIRE(report.failures.size() == 1);
    CHECK(report.failures[0].code == Errc::temporary);
    CHECK(report.expired == 0);
    CHECK(has_content(fixture));
    CHECK(status(fixture) == "sent");
  };
  SECTION("ten years on, before any sweep: the newest message is the witness") {
    fixture.clock.step(std::chrono::days(3650));
    refused();
  }
  SECTION("ten years on, although the kernel calls the clock kept in step") {
    swept(fixture);
    fixture.clock.set_synchronised(true);
    fixture.clock.step(std::chrono::days(3650));
    refused();
  }
  SECTION("ten years on: refused, its link closed, open again when the clock is right") {
    swept(fixture);
    fixture.clock.set_synchronised(false);
    fixture.clock.step(std::chrono::days(3650));
    refused();
    CHECK_FALSE(must(access.find(token)));
    fixture.clock.step(-std::chrono::days(3650));
    CHECK(must(access.find(token)));
    CHECK(swept(fixture).expired == 0);
  }
  SECTION("ten years on, and somebody says that it is so") {
    swept(fixture);
    fixture.clock.step(std::chrono::days(3650));
    CHECK(swept(fixture, {.believes_clock = true}).expired == 1);
  }
  SECTION("what the log says has ended is destroyed under any clock") {
    swept(fixture);
    audit::Record record(audit::Event::revoked, *audit::MessageId::parse(fixture.message_id));
    record.outcome(audit::Outcome::success);
    must(fixture.logs.append("delinde", record));
    fixture.clock.step(std::chrono::days(3650));
    CHECK(must(sweep(fixture.office, nullptr, {})).repeated == 1);
    CHECK_FALSE(has_content(fixture));
  }
  SECTION("a year back: nothing expires, and later everything does") {
    swept(fixture);
    fixture.clock.step(-std::chrono::days(365));
    CHECK(swept(fixture).expired == 0);
    CHECK(has_content(fixture));
    fixture.clock.step(std::chrono::days(365 + 7));
    CHECK(swept(fixture).expired == 1);
    CHECK_FALSE(must(access.find(token)));
  }
}

TEST_CASE("a machine that was off over an expiry sweeps when it is on again", "[retention]") {
  OfficeFixture fixture;
  fixture.seal(Method::sms);
  swept(fixture);
  fixture.clock.reboot();
  fixture.clock.step(std::chrono::days(100));
  CHECK(swept(fixture).expired == 1);
}

TEST_CASE("a number that is known by now sends on what waits for it", "[retention]") {
  OfficeFixture fixture;
  const auto message = sm::test::prepared(sm::test::simple_mail(), fixture.clock);
  const sealing::SealOrder order{
      .id = audit::MessageId::fresh(),
      .organisation = &fixture.config.organisations.front(),
      .message = &message,
      .addressees = {
          {audit::RecipientId::fresh(), *name::Mailbox::parse("anna@plain.example"), Method::sms}}};
  must(sealing::Mailroom(fixture.office).seal(order));
  const auto kinds = [&] {
    std::vector<std::string> all;
    for (const auto& errand : must(store::OutboxTable(fixture.index).waiting("")))
      all.push_back(errand.kind);
    return all;
  };
  CHECK(kinds() == std::vector<std::string>{"number_request"});
  swept(fixture);
  CHECK(kinds() == std::vector<std::string>{"number_request"});
  CHECK(must(list(fixture.office, {}))[0].status == "pending");
  must(store::ContactTable(fixture.index)
           .put({.org = "delinde", .address = "anna@plain.example", .phone = "+31612345678"}));
  swept(fixture);
  CHECK(kinds() == std::vector<std::string>{"notification", "number_request"});
  CHECK(must(list(fixture.office, {}))[0].status == "sent");
}

TEST_CASE("a lock is lifted by hand, and a new link is made where a key allows it", "[retention]") {
  auto config = sm::test::delinde_config("");
  config.organisations.front().policy.escrow = true;
  OfficeFixture fixture(std::move(config));
  const auto token = fixture.seal(Method::sms);
  sealing::Access access(fixture.office, fixture.channel, fixture.gate);
  const auto cookie = sealing::CookieSecret::fresh();
  must(access.start(token, cookie, "en"));
  const std::string wrong = fixture.channel.codes[0] == "000000" ? "000001" : "000000";
  for (int i = 0; i < 5; ++i)
    must(access.judge_code(token, cookie, wrong));
  REQUIRE(must(access.find(token))->locked > 0s);
  CHECK(must(unlock(fixture.office, fixture.message_id)) == true);
  CHECK(must(access.find(token))->locked == 0s);
  CHECK_FALSE(must(unlock(fixture.office, "nonesuch")));

  // A notification that waits is sent as it is; once it is gone, a new link replaces the old one.
  CHECK(must(renotify(fixture.office, fixture.message_id)) == 1);
  CHECK(must(access.find(token)));
  must(store::OutboxTable(fixture.index).drop(fixture.message_id, ""));
  CHECK(must(renotify(fixture.office, fixture.message_id)) == 1);
  CHECK_FALSE(must(access.find(token)));
  CHECK(must(access.find(fixture.token_of(fixture.message_id))));
}

TEST_CASE("without a key of its own the organisation makes no new link", "[retention]") {
  OfficeFixture fixture;
  fixture.seal(Method::sms);
  must(store::OutboxTable(fixture.index).drop(fixture.message_id, ""));
  auto refused = renotify(fixture.office, fixture.message_id);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::denied);
}

TEST_CASE("a first reading that is complete ends the message after its grace", "[retention]") {
  OfficeFixture fixture;
  const auto token = fixture.seal(Method::sms, nullptr, sm::test::simple_mail(), true);
  sealing::Access access(fixture.office, fixture.channel, fixture.gate);
  const auto asking = sealing::CookieSecret::fresh();
  must(access.start(token, asking, "en"));
  auto answer = must(access.judge_code(token, asking, fixture.channel.codes[0]));
  auto reading = must(access.resume(std::get<sealing::Verified>(answer).cookie));
  must(access.opened(*reading));
  CHECK(swept(fixture).retrieved == 0);
  fixture.clock.advance(sealing::kRetrievalGrace);
  CHECK(swept(fixture).retrieved == 1);
  CHECK_FALSE(has_content(fixture));
  CHECK(status(fixture) == "opened");
}

TEST_CASE("senders hear once of what stays unread near its expiry", "[retention]") {
  OfficeFixture fixture;
  fixture.seal(Method::sms);
  must(store::SealedTable(fixture.index)
           .advance(fixture.message_id, fixture.recipient_id, store::Progress::delivered));
  const auto notices = [&] {
    int count = 0;
    for (const auto& errand : must(store::OutboxTable(fixture.index).waiting("")))
      count += errand.kind == "unread_notice" ? 1 : 0;
    return count;
  };
  swept(fixture);
  CHECK(notices() == 0);
  fixture.clock.advance(std::chrono::days(5) + 7h);
  swept(fixture);
  CHECK(notices() == 1);
  swept(fixture);
  CHECK(notices() == 1);
}

TEST_CASE("content that no message names goes, when it is old enough", "[retention]") {
  OfficeFixture fixture;
  // Folders have the machine's own time.
  const auto real = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  fixture.clock.step(real - fixture.clock.now());
  fixture.seal(Method::sms);
  auto draft = must(fixture.office.envelopes().begin());
  must(draft.envelope().add_org(must(fixture.keys.active_kek("delinde"))));
  envelope::MemorySource source(as_bytes("x"));
  must(draft.add_part({}, source));
  must(draft.publish(std::chrono::floor<std::chrono::seconds>(fixture.clock.now())));
  CHECK(swept(fixture).orphans == 0);
  fixture.clock.step(2h);
  CHECK(swept(fixture).orphans == 1);
  CHECK(has_content(fixture));
}

TEST_CASE("what was submitted by somebody who died is closed as uncertain", "[retention]") {
  OfficeFixture fixture;
  const auto submit = [&](bool is_queued) {
    audit::Submission submission{.message = audit::MessageId::fresh()};
    submission.recipients = {{audit::RecipientId::fresh(), "anna@dane.example"},
                             {audit::RecipientId::fresh(), "bob@dane.example"}};
    must(fixture.logs.append("delinde", audit::submitted(submission, fixture.clock)));
    if (is_queued) {
      must(fixture.logs.append("delinde", audit::Record(audit::Event::queued, submission.message)));
    }
    return submission;
  };
  const auto left = submit(false);
  submit(true);
  fixture.seal(Method::sms);
  CHECK(swept(fixture).closed == 0);
  // One of the two came to an end after all.
  audit::Record delivered(audit::Event::delivered, left.message, left.recipients[0].id);
  must(fixture.logs.append("delinde", delivered.outcome(audit::Outcome::success)));
  fixture.clock.advance(2h);
  CHECK(swept(fixture).closed == 1);
  CHECK(fixture.count_events("uncertain") == 1);
  CHECK(fixture.log_text().find("\"reason\":\"interrupted\"") != std::string::npos);
  CHECK(swept(fixture).closed == 0);
}

TEST_CASE("keys of batches are forgotten a year and more after anything happened to them",
          "[retention]") {
  OfficeFixture fixture;
  fixture.seal(Method::sms);
  const auto add = [&](const std::string& key, const std::string& run, std::chrono::days age) {
    auto statement = must(fixture.office.index->prepare(
        "INSERT INTO batch_key VALUES('delinde',?,x'00','<a@b>',0,'','','',?,0,'delivered',?,1)"));
    must(statement.bind(key)
             .bind(run)
             .bind((fixture.clock.now() - age).time_since_epoch().count())
             .run());
  };
  const auto keys = [&] {
    auto rows = must(fixture.office.index->prepare("SELECT key FROM batch_key ORDER BY key"));
    std::vector<std::string> found;
    while (must(rows.row()))
      found.push_back(rows.text(0));
    return found;
  };
  add("new", "", std::chrono::days(390));
  add("old", "", std::chrono::days(401));
  add("under way", "0123456789abcdef", std::chrono::days(401));
  CHECK(swept(fixture).keys == 1);
  CHECK(keys() == std::vector<std::string>{"new", "under way"});
  // Once a day is often enough.
  add("old", "", std::chrono::days(401));
  CHECK(swept(fixture).keys == 0);
  fixture.clock.advance(25h);
  CHECK(swept(fixture).keys == 1);
}
