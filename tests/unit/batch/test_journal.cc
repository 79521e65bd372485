#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include "batch/flight.h"
#include "batch/journal.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

using namespace sm;
using namespace sm::batch;
using delivery::Status;

namespace {

Claim claim_of(const std::string& key, std::uint8_t content, const std::string& id = "<1@x>") {
  Claim claim{
      .org = "delinde", .key = key, .message_id = id, .message = "m" + key, .recipient = "r"};
  claim.content.fill(content);
  return claim;
}

Journal opened(const std::string& folder, const Clock& clock) {
  auto journal = Journal::open(folder, clock);
  REQUIRE(journal);
  return std::move(*journal);
}

struct Books {
  test::TempDir folder;
  test::FakeClock clock;
  Journal journal = opened(folder.path(), clock);

  Answer ask(const Claim& claim, const std::string& run) {
    auto answers = journal.claim(std::span(&claim, 1), run);
    REQUIRE(answers);
    return answers->front();
  }
  void end(const std::string& key, Status status, const std::string& run) {
    const KeyEnd end{"delinde", key, status};
    REQUIRE(journal.end(std::span(&end, 1), run));
  }
};

}  // namespace

TEST_CASE("a key that is done is done for the same content and refused for another", "[journal]") {
  for (const auto status : {Status::delivered, Status::sealed, Status::pending, Status::queued}) {
    Books books;
    CHECK(books.ask(claim_of("k", 1), "one").kind == Answer::Kind::taken);
    books.end("k", status, "one");
    const auto again = books.ask(claim_of("k", 1), "two");
    CHECK(again.kind == Answer::Kind::done);
    CHECK(again.status == status);
    CHECK(again.message == "mk");
    CHECK(books.ask(claim_of("k", 2), "two").kind == Answer::Kind::changed);
  }
}

TEST_CASE("what was not sent comes again with its Message-ID, or as a new message", "[journal]") {
  for (const auto status : {Status::deferred, Status::refused, Status::failed}) {
    Books books;
    CHECK(books.ask(claim_of("k", 1, "<first@x>"), "one").message_id == "<first@x>");
    books.end("k", status, "one");
    const auto again = books.ask(claim_of("k", 1, "<second@x>"), "two");
    CHECK(again.kind == Answer::Kind::taken);
    CHECK(again.message_id == "<first@x>");
    books.end("k", status, "two");
    const auto other = books.ask(claim_of("k", 2, "<third@x>"), "three");
    CHECK(other.kind == Answer::Kind::taken);
    CHECK(other.message_id == "<third@x>");
  }
}

TEST_CASE("an uncertain key comes again only as it was", "[journal]") {
  Books books;
  (void)books.ask(claim_of("k", 1, "<first@x>"), "one");
  books.end("k", Status::uncertain, "one");
  CHECK(books.ask(claim_of("k", 2), "two").kind == Answer::Kind::changed);
  const auto again = books.ask(claim_of("k", 1, "<second@x>"), "two");
  CHECK(again.kind == Answer::Kind::taken);
  CHECK(again.message_id == "<first@x>");
  CHECK(again.status == Status::uncertain);
}

TEST_CASE("F13 a key that a run has is nobody else's", "[journal]") {
  Books books;
  (void)books.ask(claim_of("k", 1), "one");
  CHECK(books.ask(claim_of("k", 1), "one").kind == Answer::Kind::busy);
  const auto other = books.ask(claim_of("k", 1), "two");
  CHECK(other.kind == Answer::Kind::abandoned);
  CHECK(other.run == "one");
  // Who does not have it cannot end it.
  books.end("k", Status::delivered, "two");
  CHECK(books.ask(claim_of("k", 1), "one").kind == Answer::Kind::busy);
  REQUIRE(books.journal.runs());
  CHECK(*books.journal.runs() == std::vector<std::string>{"one"});
  const auto left = books.journal.claimed_by("one");
  REQUIRE(left);
  REQUIRE(left->size() == 1);
  CHECK(left->front().key == "k");
}

TEST_CASE("keys of two organisations are two keys", "[journal]") {
  Books books;
  (void)books.ask(claim_of("k", 1), "one");
  auto other = claim_of("k", 2);
  other.org = "other";
  CHECK(books.ask(other, "two").kind == Answer::Kind::taken);
}

TEST_CASE("a run's marks outlive it, and tell what is in doubt", "[flight]") {
  test::TempDir folder;
  test::FakeClock clock;
  int tell[2];
  REQUIRE(::pipe(tell) == 0);
  const auto child = ::fork();
  if (child == 0) {
    auto flight = Flight::begin(folder.path(), clock);
    const auto first = flight->take().value();
    const auto second = flight->take().value();
    flight->mark(second);
    (void)first;
    (void)!::write(tell[1], flight->run().data(), flight->run().size());
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  std::string run(16, '\0');
  REQUIRE(::read(tell[0], run.data(), run.size()) == 16);
  {
    auto wreck = Wreck::board(folder.path(), run, clock);
    REQUIRE(wreck);
    REQUIRE(*wreck);
    CHECK_FALSE((*wreck)->is_in_doubt(0));
    CHECK((*wreck)->is_in_doubt(1));
    CHECK_FALSE((*wreck)->is_in_doubt(2));
    CHECK((*wreck)->is_in_doubt(Flight::kSlots));
  }
  // After a restart of the machine nothing is known of what was in memory.
  clock.reboot();
  auto wreck = Wreck::board(folder.path(), run, clock);
  REQUIRE(wreck);
  CHECK((*wreck)->is_in_doubt(0));
}

TEST_CASE("a living run is not boarded, and leaves nothing when it ends well", "[flight]") {
  test::TempDir folder;
  test::FakeClock clock;
  std::string run;
  {
    auto flight = Flight::begin(folder.path(), clock);
    REQUIRE(flight);
    run = flight->run();
    const auto wreck = Wreck::board(folder.path(), run, clock);
    REQUIRE(wreck);
    CHECK_FALSE(*wreck);
  }
  CHECK(::access((folder.path() / "batch" / run).c_str(), F_OK) != 0);
}
