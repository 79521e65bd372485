#include <catch2/catch.hpp>
#include <filesystem>

#include "batch/flight.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

using namespace sm;
using batch::Flight;
using batch::Wreck;

namespace {

/// What a run that was killed leaves: two messages under way, and one whose end was known.
struct Left {
  test::TempDir state;
  test::FakeClock clock;
  std::string run;
  std::uint32_t untouched = 0, in_doubt = 0, ended = 0;

  Left() {
    auto flight = Flight::begin(state.path(), clock).value();
    run = flight.run();
    untouched = flight.take().value();
    in_doubt = flight.take().value();
    ended = flight.take().value();
    flight.mark(in_doubt);
    flight.mark(ended);
    flight.keep_end(ended, "the record");
    flight.keep();
  }
  Wreck board() { return Wreck::board(state.path(), run, clock).value().value(); }
};

}  // namespace

TEST_CASE("a run that died leaves in doubt what waited for its last reply, and what it knew",
          "[flight]") {
  Left left;
  auto wreck = left.board();
  CHECK_FALSE(wreck.is_in_doubt(left.untouched));
  CHECK(wreck.is_in_doubt(left.in_doubt));
  CHECK_FALSE(wreck.end_of(left.in_doubt));
  CHECK(wreck.end_of(left.ended) == std::optional<std::string>("the record"));
  wreck.clear();
  CHECK(std::filesystem::is_empty(left.state / "batch"));
}

TEST_CASE("an end that is damaged, too large, or of another life of the machine counts for nothing",
          "[flight]") {
  Left left;
  SECTION("damaged") {
    const auto path = left.state / ("batch/" + left.run);
    auto text = read_file(path, 64 << 20).value();
    const auto at = text.find("the record");
    REQUIRE(at != text.npos);
    text[at] = 'T';
    REQUIRE(publish_file(path, as_bytes(text)));
    auto wreck = left.board();
    CHECK_FALSE(wreck.end_of(left.ended));
    CHECK(wreck.is_in_doubt(left.ended));
  }
  SECTION("another life") {
    left.clock.reboot();
    auto wreck = left.board();
    CHECK_FALSE(wreck.end_of(left.ended));
    CHECK(wreck.is_in_doubt(left.ended));
    CHECK(wreck.is_in_doubt(left.untouched));
  }
  SECTION("too large") {
    auto flight = Flight::begin(left.state.path(), left.clock).value();
    const auto slot = flight.take().value();
    flight.mark(slot);
    flight.keep_end(slot, std::string(100'000, 'x'));
    flight.keep();
    const auto run = flight.run();
    { const auto gone = std::move(flight); }
    auto wreck = Wreck::board(left.state.path(), run, left.clock).value().value();
    CHECK_FALSE(wreck.end_of(slot));
    CHECK(wreck.is_in_doubt(slot));
  }
}
