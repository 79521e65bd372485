#include <catch2/catch.hpp>
#include <thread>

#include "office_fixture.h"
#include "sealing/ending.h"

using namespace sm;
using namespace sm::sealing;
using namespace std::chrono_literals;
using sm::test::must;
using sm::test::OfficeFixture;

namespace {

envelope::Password password_of(const char* text) {
  return must(envelope::Password::from_input(Secret(as_bytes(text)), "test"));
}

/// A code that is not the right one.
std::string other_than(const std::string& code) {
  std::string other = code;
  other.back() = other.back() == '9' ? '0' : static_cast<char>(other.back() + 1);
  return other;
}

template <class T, class Answer>
bool is(const Answer& answer) {
  return std::holds_alternative<T>(answer);
}

std::string read_part(Reading& reading, std::size_t n) {
  auto part = must(reading.envelope->part(n));
  envelope::SecretSink sink(1 << 20);
  must(part.copy_to(sink));
  return std::string(as_text(sink.bytes().reveal()));
}

}  // namespace

TEST_CASE("a code that was sent opens the message, once, in the browser that asked", "[sealing]") {
  OfficeFixture fixture;
  const auto token = fixture.seal(Method::sms);
  Access access(fixture.office, fixture.channel, fixture.gate);
  const auto cookie = CookieSecret::fresh();

  const auto visit = must(access.find(token));
  REQUIRE(visit);
  CHECK(visit->method == Method::sms);
  CHECK(visit->masked_target.find("612345") == std::string::npos);
  CHECK(fixture.channel.codes.empty());  // looking sends nothing

  const auto started = must(access.start(token, cookie, "nl"));
  REQUIRE(is<CodeOnItsWay>(started));
  REQUIRE(fixture.channel.codes.size() == 1);
  CHECK(std::get<CodeOnItsWay>(started).reference == fixture.channel.last_reference);

  CHECK(
      is<NoCode>(must(access.judge_code(token, CookieSecret::fresh(), fixture.channel.codes[0]))));
  auto answer = must(access.judge_code(token, cookie, fixture.channel.codes[0]));
  REQUIRE(is<Verified>(answer));
  // A74: single use.
  CHECK(is<NoCode>(must(access.judge_code(token, cookie, fixture.channel.codes[0]))));

  auto reading = must(access.resume(std::get<Verified>(answer).cookie));
  REQUIRE(reading);
  CHECK(read_part(*reading, 1).find("Uitslag: goed.") != std::string::npos);
  CHECK_FALSE(must(access.resume(cookie)));
  must(access.opened(*reading));
  must(access.opened(*reading));
  CHECK(fixture.link().recipient.progress == store::Progress::opened);
  CHECK(fixture.count_events("opened") == 1);
  CHECK(fixture.count_events("verified") == 1);
  CHECK(fixture.link().recipient.failures_life == 0);
}

TEST_CASE("five wrong codes lock for fifteen minutes to the second (A73)", "[sealing]") {
  OfficeFixture fixture;
  const auto token = fixture.seal(Method::sms);
  Access access(fixture.office, fixture.channel, fixture.gate);
  const auto cookie = CookieSecret::fresh();
  must(access.start(token, cookie, "en"));
  const auto wrong = other_than(fixture.channel.codes[0]);
  for (int left = 4; left > 0; --left) {
    const auto answer = must(access.judge_code(token, cookie, wrong));
    REQUIRE(is<Wrong>(answer));
    CHECK(std::get<Wrong>(answer).left == left);
  }
  REQUIRE(is<Locked>(must(access.judge_code(token, cookie, wrong))));
  CHECK(fixture.count_events("locked") == 1);

  SECTION("for every client and the right code, until the last second") {
    const auto other = CookieSecret::fresh();
    CHECK(is<Locked>(must(access.judge_code(token, cookie, fixture.channel.codes[0]))));
    CHECK(is<Locked>(must(access.start(token, other, "en"))));
    fixture.clock.advance(15min - 1s);
    const auto almost = must(access.start(token, other, "en"));
    REQUIRE(is<Locked>(almost));
    CHECK(std::get<Locked>(almost).left == 1s);
    fixture.clock.advance(1s);
    REQUIRE(is<CodeOnItsWay>(must(access.start(token, other, "en"))));
    CHECK(is<Verified>(must(access.judge_code(token, other, fixture.channel.codes.back()))));
  }
  SECTION("wherever the clock on the wall is set to") {
    fixture.clock.step(std::chrono::days(1));
    CHECK(is<Locked>(must(access.start(token, cookie, "en"))));
    fixture.clock.step(-std::chrono::days(2));
    CHECK(is<Locked>(must(access.start(token, cookie, "en"))));
    fixture.clock.advance(15min);
    CHECK(is<CodeOnItsWay>(must(access.start(token, cookie, "en"))));
  }
  SECTION("across a restart of the machine, and never shorter") {
    fixture.clock.advance(5min);
    fixture.clock.reboot();
    CHECK(is<Locked>(must(access.start(token, cookie, "en"))));
    fixture.clock.advance(10min);
    CHECK(is<CodeOnItsWay>(must(access.start(token, cookie, "en"))));
  }
  SECTION("across a restart without a clock in step, the new life alone counts") {
    fixture.clock.set_synchronised(false);
    fixture.clock.reboot();
    fixture.clock.step(std::chrono::days(3));
    CHECK(is<Locked>(must(access.start(token, cookie, "en"))));
    fixture.clock.advance(15min);
    CHECK(is<CodeOnItsWay>(must(access.start(token, cookie, "en"))));
  }
}

TEST_CASE("of 500 wrong codes at once at most five are judged (A70)", "[sealing]") {
  OfficeFixture fixture;
  const auto token = fixture.seal(Method::sms);
  Access access(fixture.office, fixture.channel, fixture.gate);
  const auto cookie = CookieSecret::fresh();
  must(access.start(token, cookie, "en"));
  const auto wrong = other_than(fixture.channel.codes[0]);
  std::atomic<int> judged = 0;
  std::atomic<int> locked = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 10; ++t) {
    threads.emplace_back([&] {
      auto index = must(store::Index::open(fixture.config.state));
      Office office = fixture.office;
      office.index = &index;
      Access own(office, fixture.channel, fixture.gate);
      for (int i = 0; i < 50; ++i) {
        const auto answer = must(own.judge_code(token, cookie, wrong));
        if (is<Wrong>(answer)) ++judged;
        if (is<Locked>(answer)) ++locked;
      }
    });
  }
  threads.clear();
  CHECK(judged == 4);
  CHECK(judged + locked == 500);
  CHECK(fixture.count_events("verified") == 5);
  CHECK(fixture.link().recipient.failures_life == 5);
}

TEST_CASE("what is no code is not judged, and a code belongs to one message (A74)", "[sealing]") {
  OfficeFixture fixture;
  const auto first = fixture.seal(Method::sms);
  const auto second = fixture.seal(Method::sms);
  Access access(fixture.office, fixture.channel, fixture.gate);
  const auto cookie = CookieSecret::fresh();
  must(access.start(first, cookie, "en"));
  const auto code = fixture.channel.codes[0];
  CHECK(is<NoCode>(must(access.judge_code(second, cookie, code))));
  for (const auto* typed : {"", "12345", "1234567", "abcdef", "１２３４５６"})
    CHECK(is<Wrong>(must(access.judge_code(first, cookie, typed))));
  CHECK(fixture.count_events("verified") == 0);
  // Pasted with a blank in the middle.
  CHECK(is<Verified>(
      must(access.judge_code(first, cookie, " " + code.substr(0, 3) + " " + code.substr(3)))));
}

TEST_CASE("a resent code makes the old one worthless, and codes are throttled", "[sealing]") {
  OfficeFixture fixture;
  const auto token = fixture.seal(Method::sms);
  Access access(fixture.office, fixture.channel, fixture.gate);
  const auto cookie = CookieSecret::fresh();
  must(access.start(token, cookie, "en"));
  const auto soon = must(access.start(token, CookieSecret::fresh(), "en"));
  REQUIRE(is<TooSoon>(soon));
  CHECK(std::get<TooSoon>(soon).wait == 60s);
  fixture.clock.advance(60s);
  must(access.start(token, cookie, "en"));
  REQUIRE(fixture.channel.codes.size() == 2);
  if (fixture.channel.codes[0] != fixture.channel.codes[1]) {
    CHECK(is<Wrong>(must(access.judge_code(token, cookie, fixture.channel.codes[0]))));
  }
  fixture.clock.advance(kCodeLife);
  CHECK(is<NoCode>(must(access.judge_code(token, cookie, fixture.channel.codes[1]))));
  for (int i = 0; i < 3; ++i) {
    fixture.clock.advance(60s);
    CHECK(is<CodeOnItsWay>(must(access.start(token, cookie, "en"))));
  }
  fixture.clock.advance(60s);
  CHECK(is<TooSoon>(must(access.start(token, cookie, "en"))));
  CHECK(fixture.channel.codes.size() == 5);
}

TEST_CASE("a hundred failures end the link, and the sender is told", "[sealing]") {
  OfficeFixture fixture;
  const auto token = fixture.seal(Method::sms);
  Access access(fixture.office, fixture.channel, fixture.gate);
  int failures = 0;
  while (must(access.find(token)) && failures < 200) {
    const auto cookie = CookieSecret::fresh();
    const auto started = must(access.start(token, cookie, "en"));
    if (!is<CodeOnItsWay>(started)) {
      fixture.clock.advance(15min);
      continue;
    }
    const auto wrong = other_than(fixture.channel.codes.back());
    for (int i = 0; i < 5; ++i, ++failures)
      must(access.judge_code(token, cookie, wrong));
    fixture.clock.advance(2h);
  }
  CHECK(failures == kFailuresToEnd);
  CHECK(fixture.link().recipient.reason == "too-many-attempts");
  const auto errands = must(store::OutboxTable(fixture.index).waiting(fixture.message_id));
  REQUIRE(errands.size() == 1);
  CHECK(errands[0].kind == "ended_notice");
}

TEST_CASE("a password opens with the link, and a wrong one counts", "[sealing]") {
  OfficeFixture fixture;
  const auto password = password_of("correct horse");
  const auto token = fixture.seal(Method::password, &password);
  Access access(fixture.office, fixture.channel, fixture.gate);
  const auto cookie = CookieSecret::fresh();
  CHECK(is<Unavailable>(must(access.judge_code(token, cookie, "123456"))));
  const auto wrong = must(access.judge_password(token, cookie, Secret(as_bytes("battery"))));
  REQUIRE(is<Wrong>(wrong));
  CHECK(std::get<Wrong>(wrong).left == 4);
  auto answer = must(access.judge_password(token, cookie, Secret(as_bytes("correct horse"))));
  REQUIRE(is<Verified>(answer));
  CHECK(must(access.resume(std::get<Verified>(answer).cookie)));
  CHECK(fixture.link().recipient.failures_life == 1);
}

TEST_CASE("expired, revoked, deleted and unknown links are one answer (A75)", "[sealing]") {
  OfficeFixture fixture;
  auto token = fixture.seal(Method::sms);
  Access access(fixture.office, fixture.channel, fixture.gate);
  SECTION("expired at the moment of access") {
    fixture.clock.step(std::chrono::days(7));
  }
  SECTION("revoked") {
    must(end_recipient(fixture.office, fixture.link(), Ending::revoked, ""));
  }
  SECTION("deleted") {
    must(end_message(fixture.office, fixture.link().message, Ending::deleted, ""));
  }
  SECTION("unknown") {
    token = envelope::LinkToken::fresh();
  }
  const auto cookie = CookieSecret::fresh();
  CHECK_FALSE(must(access.find(token)));
  CHECK(is<Unavailable>(must(access.start(token, cookie, "en"))));
  CHECK(is<Unavailable>(must(access.judge_code(token, cookie, "123456"))));
  CHECK(is<Unavailable>(must(access.judge_code(token, cookie, "nonsense"))));
  CHECK(is<Unavailable>(must(access.judge_password(token, cookie, Secret(as_bytes("x"))))));
  CHECK(fixture.channel.codes.empty());
}

TEST_CASE("a session ends with its message, its idle time and its life", "[sealing]") {
  OfficeFixture fixture;
  const auto token = fixture.seal(Method::sms);
  Access access(fixture.office, fixture.channel, fixture.gate);
  const auto asking = CookieSecret::fresh();
  must(access.start(token, asking, "en"));
  auto answer = must(access.judge_code(token, asking, fixture.channel.codes[0]));
  const auto cookie = std::get<Verified>(answer).cookie.clone();
  REQUIRE(must(access.is_live(cookie.id())));
  SECTION("revoked while it is open (A83)") {
    must(end_message(fixture.office, fixture.link().message, Ending::revoked, ""));
  }
  SECTION("idle") {
    fixture.clock.advance(kSessionIdle);
  }
  SECTION("old, however busy") {
    for (int i = 0; i < 16; ++i) {
      REQUIRE(must(access.resume(cookie)));
      fixture.clock.advance(15min);
    }
  }
  SECTION("left") {
    must(access.leave(cookie));
  }
  CHECK_FALSE(must(access.is_live(cookie.id())));
  CHECK_FALSE(must(access.resume(cookie)));
}

TEST_CASE("a download that takes long keeps its session from falling idle", "[sealing]") {
  OfficeFixture fixture;
  const auto token = fixture.seal(Method::sms);
  Access access(fixture.office, fixture.channel, fixture.gate);
  const auto asking = CookieSecret::fresh();
  must(access.start(token, asking, "en"));
  auto answer = must(access.judge_code(token, asking, fixture.channel.codes[0]));
  const auto id = std::get<Verified>(answer).cookie.id();
  for (int i = 0; i < 8; ++i) {
    fixture.clock.advance(kSessionIdle / 2);
    CHECK(must(access.is_live(id)));
  }
}

TEST_CASE("a message for one reading ends when all of it was had", "[sealing]") {
  OfficeFixture fixture;
  const auto token = fixture.seal(Method::sms, nullptr, sm::test::mail_with_file(), true);
  Access access(fixture.office, fixture.channel, fixture.gate);
  const auto asking = CookieSecret::fresh();
  must(access.start(token, asking, "en"));
  auto answer = must(access.judge_code(token, asking, fixture.channel.codes[0]));
  const auto cookie = std::get<Verified>(answer).cookie.clone();
  auto reading = must(access.resume(cookie));
  REQUIRE(reading);
  CHECK(read_part(*reading, 2) == "%PDF-1.4");
  must(access.opened(*reading));
  must(access.downloaded(*reading, 2, false));
  CHECK(must(access.find(token)));  // interrupted: not had yet
  must(access.downloaded(*reading, 2, true));
  CHECK_FALSE(must(access.find(token)));
  CHECK(must(access.is_live(cookie.id())));  // the grace
  fixture.clock.advance(kRetrievalGrace);
  CHECK_FALSE(must(access.is_live(cookie.id())));
}

TEST_CASE("a link that nobody notified yet, for want of a number, does not open", "[sealing]") {
  OfficeFixture fixture;
  const auto message = sm::test::prepared(sm::test::simple_mail(), fixture.clock);
  const Addressee anna{audit::RecipientId::fresh(), *name::Mailbox::parse("anna@plain.example"),
                       Method::sms};
  const SealOrder order{.id = audit::MessageId::fresh(),
                        .organisation = &fixture.config.organisations.front(),
                        .message = &message,
                        .addressees = {anna}};
  const auto sealed = must(Mailroom(fixture.office).seal(order));
  REQUIRE(sealed.size() == 1);
  CHECK(sealed[0].waits_for_number);
  const auto waiting = must(store::OutboxTable(fixture.index).waiting(order.id.text()));
  REQUIRE(waiting.size() == 1);  // the notification is held
  CHECK(waiting[0].kind == "number_request");
  const auto secret = must(open_pouch(fixture.keys, waiting[0].sealed));
  const auto form = *envelope::LinkToken::parse(secret.reveal());

  NumberDesk desk(fixture.office);
  REQUIRE(must(desk.find(form)));
  CHECK_FALSE(must(desk.set(envelope::LinkToken::fresh(), "+31612345678")));
  CHECK(must(desk.set(form, "+31612345678")));
  CHECK_FALSE(must(desk.set(form, "+31687654321")));  // once
  CHECK_FALSE(must(desk.find(form)));
  CHECK(must(store::OutboxTable(fixture.index).waiting(order.id.text())).size() == 2);
  const auto token = fixture.token_of(order.id.text());
  Access access(fixture.office, fixture.channel, fixture.gate);
  CHECK(must(access.find(token)));
}

TEST_CASE("files whose link went inside a verified mail ask for nothing but a press", "[sealing]") {
  OfficeFixture fixture;
  const auto message = sm::test::prepared(sm::test::simple_mail(), fixture.clock);
  const auto path = fixture.folder / "scan.iso";
  must(publish_file(path, as_bytes(std::string(100'000, 'x'))));
  sealing::Addressee anna{audit::RecipientId::fresh(), *name::Mailbox::parse("anna@dane.example")};
  anna.asks_nothing = true;
  sealing::SealOrder order{.id = audit::MessageId::fresh(),
                           .organisation = &fixture.config.organisations.front(),
                           .message = &message,
                           .addressees = {anna},
                           .files = {{path}},
                           .is_files_only = true};
  SECTION("a policy without codes by mail has no such links") {
    auto strict = fixture.config.organisations.front();
    strict.policy.methods = {Method::sms};
    order.organisation = &strict;
    auto refused = sealing::Mailroom(fixture.office).seal(order);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::denied);
  }
  SECTION("a message of its own always asks for a proof") {
    order.is_files_only = false;
    CHECK_FALSE(sealing::Mailroom(fixture.office).seal(order));
  }
  SECTION("it opens, and nobody was notified of it") {
    const auto sealed = must(sealing::Mailroom(fixture.office).seal(order));
    REQUIRE(sealed.size() == 1);
    REQUIRE(sealed[0].link);
    CHECK(must(store::OutboxTable(fixture.index).waiting("")).empty());
    const std::string url(as_text(sealed[0].link->reveal()));
    const std::string prefix = "https://portal.delinde.example/m/";
    REQUIRE(url.starts_with(prefix));
    const auto token = *sealing::parse_token(url.substr(prefix.size()));
    Access access(fixture.office, fixture.channel, fixture.gate);
    const auto visit = must(access.find(token));
    REQUIRE(visit);
    CHECK(visit->asks_nothing);
    const auto asking = CookieSecret::fresh();
    CHECK(std::holds_alternative<Unavailable>(must(access.start(token, asking, "en"))));
    CHECK(std::holds_alternative<Unavailable>(must(access.judge_code(token, asking, "123456"))));
    CHECK(std::holds_alternative<Unavailable>(
        must(access.judge_password(token, asking, Secret(as_bytes("x"))))));
    auto entered = must(access.enter(token, asking));
    REQUIRE(std::holds_alternative<Verified>(entered));
    auto reading = must(access.resume(std::get<Verified>(entered).cookie));
    REQUIRE(reading);
    REQUIRE(reading->envelope->manifest().parts.size() == 1);
    CHECK(reading->envelope->manifest().parts[0].info.name == "scan.iso");
    CHECK(reading->envelope->manifest().parts[0].info.size == 100'000);
  }
  SECTION("nobody is let in without a proof where one was asked for") {
    const auto token = fixture.seal(Method::sms);
    Access access(fixture.office, fixture.channel, fixture.gate);
    CHECK_FALSE(must(access.find(token))->asks_nothing);
    CHECK(std::holds_alternative<Unavailable>(must(access.enter(token, CookieSecret::fresh()))));
  }
}
