#include <catch2/catch.hpp>

#include "audit/log.h"
#include "base/file.h"
#include "keys/witness.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

using namespace sm;
using namespace sm::keys;

namespace {

struct Fixture {
  test::TempDir dir;
  test::FakeClock clock;
  std::string state = dir / "state";

  Fixture() { make_folders(state).value(); }
  void append(const std::string& org, audit::Record record) {
    audit::LogOptions options;
    options.tool = "test/0";
    options.signs_on_append = false;
    auto log = audit::Log::open(state, org, clock, std::move(options)).value();
    log.append(record).value();
  }
  void change(const std::string& org, std::uint64_t counter) {
    audit::Record record(audit::Event::kek_rotated);
    record.fact(kCounterFact, counter).fact(kSha256Fact, "digest" + std::to_string(counter));
    append(org, std::move(record));
  }
  void noise(const std::string& org) {
    // Looks like a mark to whoever searches bytes, and is none.
    audit::Record record(audit::Event::policy_changed);
    record.fact("said", "\"event\":\"kek_rotated\",\"keyring_counter\":99");
    append(org, std::move(record));
  }
};

}  // namespace

TEST_CASE("the newest mark of all organisations' logs is found", "[keys]") {
  Fixture f;
  CHECK_FALSE(find_witness(f.state).value().newest);
  f.change("default", 1);
  f.noise("default");
  f.change("other", 3);
  f.change("default", 2);
  f.noise("default");
  const auto witness = find_witness(f.state).value();
  CHECK(witness.newest == Mark{3, "digest3"});
  CHECK(witness.progress.at("default").mark == Mark{2, "digest2"});
}

TEST_CASE("a search goes on where the last one ended, and finds what came since", "[keys]") {
  Fixture f;
  f.change("default", 1);
  const auto first = find_witness(f.state).value();
  CHECK(first.bytes > 0);
  const auto again = find_witness(f.state, first.progress).value();
  CHECK(again.bytes == 0);
  CHECK(again.newest == first.newest);
  f.noise("default");
  f.change("default", 2);
  const auto later = find_witness(f.state, first.progress).value();
  CHECK(later.newest == Mark{2, "digest2"});
  CHECK(later.bytes > 0);
  CHECK(later.bytes < first.bytes * 4);
  CHECK(find_witness(f.state).value().progress == later.progress);
}

TEST_CASE("a torn last line is no mark, and is read when it is whole", "[keys]") {
  Fixture f;
  f.change("default", 1);
  f.change("default", 2);
  const std::string segment = audit::log_folder(f.state, "default") + "/00000000.ndjson";
  const std::string whole = read_file(segment, 1 << 20).value();
  publish_file(segment, as_bytes(whole.substr(0, whole.size() - 1))).value();
  const auto torn = find_witness(f.state).value();
  CHECK(torn.newest == Mark{1, "digest1"});
  publish_file(segment, as_bytes(whole)).value();
  CHECK(find_witness(f.state, torn.progress).value().newest == Mark{2, "digest2"});
}

TEST_CASE("a log that was put back from before makes the search longer, not blind", "[keys]") {
  Fixture f;
  f.change("default", 1);
  const std::string segment = audit::log_folder(f.state, "default") + "/00000000.ndjson";
  const std::string old = read_file(segment, 1 << 20).value();
  f.change("default", 2);
  f.change("default", 3);
  const auto before = find_witness(f.state).value();
  publish_file(segment, as_bytes(old)).value();
  const auto after = find_witness(f.state, before.progress).value();
  CHECK(after.progress.at("default").offset == old.size());
  CHECK(after.newest == Mark{3, "digest3"});
  SearchProgress elsewhere = before.progress;
  elsewhere.at("default").segment = 7;
  CHECK(find_witness(f.state, elsewhere).value().bytes == old.size());
}

TEST_CASE("what is kept of a search is believed only under its MAC", "[keys]") {
  SearchProgress progress;
  progress["default"] = {3, 4711, Mark{7, "abcdef"}};
  progress["other.org"] = {0, 0, std::nullopt};
  const std::string text = progress_text(progress, as_bytes("key"));
  CHECK(parse_progress(text, as_bytes("key")) == progress);
  CHECK_FALSE(parse_progress(text, as_bytes("kez")));
  std::size_t refused = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string flipped = text;
    flipped[i] ^= 1;
    refused += !parse_progress(flipped, as_bytes("key"));
  }
  CHECK(refused == text.size());
  CHECK_FALSE(parse_progress("", as_bytes("key")));
  CHECK(parse_progress(progress_text({}, as_bytes("key")), as_bytes("key")) == SearchProgress{});
}
