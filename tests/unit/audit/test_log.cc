#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "audit/disclosure.h"
#include "audit/erase.h"
#include "audit/evidence.h"
#include "audit/layout.h"
#include "audit/log.h"
#include "audit/log_key.h"
#include "audit/note.h"
#include "audit/scan.h"
#include "base/encoding.h"
#include "base/text.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

using namespace sm;
using namespace sm::audit;

namespace {

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void spill(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// A state folder with the log of one organisation.
struct Place {
  test::TempDir dir;
  test::FakeClock clock;
  MemorySignedState signed_state;
  std::string state = dir.path();
  Layout layout{log_folder(dir.path(), "default")};

  Result<Log> try_open(bool signs = false) {
    LogOptions options;
    options.tool = "test/0";
    options.host = "mail.example.org";
    options.signed_state = &signed_state;
    options.signs_on_append = signs;
    return Log::open(state, "default", clock, options);
  }
  Log open(bool signs = false) {
    auto log = try_open(signs);
    if (!log) FAIL(log.error().what);
    return std::move(*log);
  }
  std::vector<std::string> lines(std::uint64_t segment = 0) {
    std::vector<std::string> lines;
    const std::string text = slurp(layout.segment(segment));
    for (const auto line : split(text, '\n'))
      lines.emplace_back(line);
    if (!lines.empty()) lines.pop_back();
    return lines;
  }
};

/// Appends n records without ado.
void fill(Log& log, int n) {
  std::vector<Record> records;
  for (int i = 0; i < n; ++i)
    records.push_back(Record(Event::opened, MessageId::fresh()).fact("n", i));
  const auto appended = log.append(records);
  if (!appended) FAIL(appended.error().what);
}

void require_chain(const std::vector<std::string>& lines, std::uint64_t first = 0,
                   Hash previous = {}) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto record = parse_record(lines[i]);
    REQUIRE(record);
    REQUIRE(record->seq == first + i);
    REQUIRE(record->prev == to_hex(previous));
    previous = leaf_hash(as_bytes(lines[i]));
  }
}

}  // namespace

TEST_CASE("a record stands in the line as the format says", "[audit]") {
  Place place;
  Log log = place.open();
  const auto message = MessageId::fresh();
  const auto recipient = RecipientId::fresh();
  Record record(Event::delivered, message, recipient);
  record.fact("level", "verified")
      .fact("big", std::uint64_t{1} << 60)
      .disclose("mx_host", "mx.b.example");
  REQUIRE(log.append(record));
  const auto lines = place.lines();
  REQUIRE(lines.size() == 1);
  const std::string zeros(64, '0');
  const auto disclosed = slurp(place.layout.disclosures(0));
  const auto parsed = DisclosureLine::parse(disclosed.substr(0, disclosed.size() - 1));
  REQUIRE(parsed);
  REQUIRE(parsed->disclosures.size() == 1);
  CHECK(lines[0] ==
        R"({"v":1,"seq":0,"prev":")" + zeros + R"(","ts":")" + utc_text_micros(place.clock.now()) +
            R"(","event":"delivered","message":")" + message.text() + R"(","recipient":")" +
            recipient.text() + R"(","tool":"test/0","host":"mail.example.org","boot":")" +
            place.clock.boot_id() +
            R"(","mono":3600000000,"level":"verified","big":"1152921504606846976","_sd":[")" +
            disclosure_digest(parsed->disclosures[0]) + R"("]})");
  const auto disclosure = Disclosure::parse(parsed->disclosures[0]);
  REQUIRE(disclosure);
  CHECK(disclosure->name == "mx_host");
  CHECK(disclosure->text == "mx.b.example");
}

TEST_CASE("an ill-made record is refused and leaves nothing", "[audit]") {
  Place place;
  Log log = place.open();
  CHECK_FALSE(log.append(Record(Event::opened).fact("seq", "1")));
  CHECK_FALSE(log.append(Record(Event::opened).fact("A", "1")));
  CHECK_FALSE(log.append(Record(Event::opened).fact("a", "1").fact("a", "2")));
  CHECK_FALSE(log.append(Record(Event::opened).disclose("a b", "1")));
  CHECK_FALSE(log.append(Record(Event::epoch_ended)));
  const auto too_long = log.append(Record(Event::opened).fact("a", std::string(70'000, 'x')));
  REQUIRE_FALSE(too_long);
  CHECK(too_long.error().code == Errc::malformed);
  CHECK(place.lines().empty());
  fill(log, 2);
  require_chain(place.lines());
}

TEST_CASE("A92 many threads of many handles make one chain", "[audit]") {
  Place place;
  std::vector<std::thread> threads;
  std::vector<std::unique_ptr<Log>> logs;
  for (int i = 0; i < 4; ++i)
    logs.push_back(std::make_unique<Log>(place.open()));
  std::atomic<int> failures = 0;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        Record record(Event::opened, MessageId::fresh());
        record.disclose("recipient", "thread" + std::to_string(t) + "@b.example");
        if (!logs[static_cast<std::size_t>(t % 4)]->append(record)) ++failures;
      }
    });
  }
  for (auto& thread : threads)
    thread.join();
  CHECK(failures == 0);
  const auto lines = place.lines();
  CHECK(lines.size() == 400);
  require_chain(lines);
  // Each record's disclosure is there, in order.
  std::uint64_t seq = 0;
  const std::string disclosed = slurp(place.layout.disclosures(0));
  for (const auto line : split(disclosed, '\n')) {
    if (line.empty()) continue;
    const auto disclosures = DisclosureLine::parse(line);
    REQUIRE(disclosures);
    CHECK(disclosures->seq == seq);
    const auto record = parse_record(lines[seq++]);
    CHECK(record->sd == std::vector{disclosure_digest(disclosures->disclosures[0])});
  }
  CHECK(seq == 400);
}

TEST_CASE("A93 F01 a torn line is cut by the next appender, who says so", "[audit]") {
  Place place;
  {
    Log log = place.open();
    fill(log, 3);
  }
  const std::string whole = slurp(place.layout.segment(0));
  const std::string torn = "{\"v\":1,\"seq\":3,\"pre";
  for (const std::string& rest : {torn, std::string(5000, '\0'), std::string("x")}) {
    spill(place.layout.segment(0), whole + rest);
    Log log = place.open();
    fill(log, 1);
    const auto lines = place.lines();
    REQUIRE(lines.size() == 5);
    require_chain(lines);
    const auto recovered = parse_record(lines[3]);
    CHECK(recovered->event == Event::recovered);
    CHECK(recovered->fact("record_bytes") == std::to_string(rest.size()));
    CHECK(recovered->fact("sha256") == to_hex(crypto::sha256(as_bytes(rest))));
  }
}

TEST_CASE("A93 NUL blocks that a loss of power left are cut, whole lines before them stay",
          "[audit]") {
  Place place;
  {
    Log log = place.open();
    fill(log, 5);
  }
  std::string text = slurp(place.layout.segment(0));
  const auto lines = place.lines();
  const auto begin = text.find(lines[3]);
  text.replace(begin + 10, 60, std::string(60, '\0'));
  // The machine was booted anew since.
  for (std::size_t at = 0; (at = text.find("00000000-0000-4000", at)) != text.npos;)
    text.replace(at, 8, "11111111");
  // The chain is rebuilt for the altered boot ids of the first three.
  std::string rebuilt;
  Hash previous{};
  std::size_t i = 0;
  for (const auto line : split(text, '\n')) {
    if (line.empty()) continue;
    std::string copy(line);
    if (i < 3) {
      copy.replace(copy.find("\"prev\":\"") + 8, 64, to_hex(previous));
      previous = leaf_hash(as_bytes(copy));
    }
    rebuilt += copy + '\n';
    ++i;
  }
  spill(place.layout.segment(0), rebuilt);
  Log log = place.open();
  const auto after = place.lines();
  REQUIRE(after.size() == 4);
  require_chain(after);
  CHECK(parse_record(after[3])->event == Event::recovered);
}

TEST_CASE("F01 disclosures without their record are cut", "[audit]") {
  Place place;
  {
    Log log = place.open();
    REQUIRE(log.append(Record(Event::opened).disclose("recipient", "a@b.example")));
  }
  const std::string whole = slurp(place.layout.disclosures(0));
  spill(place.layout.disclosures(0), whole + "{\"seq\":1,\"d\":[]}\n{\"seq\":2,\"d\":[\"ab");
  Log log = place.open();
  CHECK(slurp(place.layout.disclosures(0)) == whole);
  const auto lines = place.lines();
  REQUIRE(lines.size() == 2);
  const auto recovered = parse_record(lines[1]);
  CHECK(recovered->event == Event::recovered);
  CHECK(recovered->fact("disclosure_lines") == "2");
  CHECK(recovered->fact("record_bytes") == "0");
}

TEST_CASE("segments are 65,536 records, and a batch may cross their border", "[audit]") {
  Place place;
  Log log = place.open();
  std::vector<Record> records(30'000, Record(Event::opened));
  for (int i = 0; i < 2; ++i)
    REQUIRE(log.append(records));
  records.resize(6'000, Record(Event::opened));
  for (Record& record : records)
    record.disclose("recipient", "a@b.example");
  const auto appended = log.append(records);
  REQUIRE(appended);
  CHECK(appended->first_seq == 60'000);
  const auto first = place.lines(0), second = place.lines(1);
  CHECK(first.size() == kSegmentRecords);
  REQUIRE(second.size() == 464);
  require_chain(second, kSegmentRecords, leaf_hash(as_bytes(first.back())));
  const auto disclosed = slurp(place.layout.disclosures(1));
  CHECK(std::count(disclosed.begin(), disclosed.end(), '\n') == 464);
  Log again = place.open();
  fill(again, 1);
  CHECK(place.lines(1).size() == 465);
  const auto checkpoint = again.sign_checkpoint();
  REQUIRE(checkpoint);
  CHECK(checkpoint->size == 66'001);
}

TEST_CASE("a checkpoint is signed over what stands there, and the next grows from it", "[audit]") {
  Place place;
  Log log = place.open();
  fill(log, 5);
  const auto first = log.sign_checkpoint();
  REQUIRE(first);
  CHECK(first->origin == "mail.example.org/smtools/default");
  CHECK(first->size == 5);
  CHECK(slurp(place.layout.checkpoint()) == first->note);
  CHECK(slurp(place.layout.archived(5)) == first->note);
  const auto keys = read_verifier_keys(place.layout.vkeys());
  REQUIRE(keys);
  CHECK(first->verify(*keys) == NoteVerdict::good);
  Frontier frontier;
  for (const auto& line : place.lines())
    frontier.add(leaf_hash(as_bytes(line)));
  CHECK(frontier.root() == first->root);
  // Nothing new: the same one.
  CHECK(log.sign_checkpoint()->note == first->note);
  fill(log, 8);
  Log other = place.open();
  const auto second = other.sign_checkpoint();
  REQUIRE(second);
  CHECK(second->size == 13);
  for (const auto& line : place.lines()) {
    if (parse_record(line)->seq >= 5) frontier.add(leaf_hash(as_bytes(line)));
  }
  CHECK(frontier.root() == second->root);
  struct stat status {};
  REQUIRE(::stat(log_key_file(place.state, "default", 1).c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("an appender signs when the newest checkpoint is 10 s old or 1,000 behind", "[audit]") {
  Place place;
  Log log = place.open(true);
  const auto newest = [&] { return Checkpoint::parse(slurp(place.layout.checkpoint()))->size; };
  fill(log, 1);
  CHECK(newest() == 1);
  fill(log, 1);
  CHECK(newest() == 1);
  place.clock.advance(std::chrono::seconds(10));
  fill(log, 1);
  CHECK(newest() == 3);
  fill(log, 999);
  CHECK(newest() == 3);
  fill(log, 1);
  CHECK(newest() == 1003);
  place.clock.step(std::chrono::hours(-24 * 365));  // F14
  fill(log, 1);
  CHECK(newest() == 1004);
}

TEST_CASE("F24 a log shorter than what was signed takes no records", "[audit]") {
  Place place;
  std::string yesterday;
  {
    Log log = place.open();
    fill(log, 3);
    REQUIRE(log.sign_checkpoint());
    yesterday = slurp(place.layout.segment(0));
    fill(log, 3);
    REQUIRE(log.sign_checkpoint());
  }
  const std::string today = slurp(place.layout.segment(0));
  spill(place.layout.segment(0), yesterday);
  auto log = place.try_open();
  REQUIRE_FALSE(log);
  CHECK(log.error().code == Errc::configuration);
  CHECK(slurp(place.layout.segment(0)) == yesterday);
  // With the checkpoint of yesterday, too, the state database still knows.
  spill(place.layout.checkpoint(), slurp(place.layout.archived(3)));
  log = place.try_open();
  REQUIRE_FALSE(log);
  CHECK(log.error().code == Errc::configuration);
  // A torn line within what was signed is not cut either.
  spill(place.layout.segment(0), today.substr(0, today.size() - 10));
  CHECK_FALSE(place.try_open());
  CHECK(slurp(place.layout.segment(0)).size() == today.size() - 10);
}

TEST_CASE("A90 an inconsistent checkpoint is never signed", "[audit]") {
  Place place;
  {
    Log log = place.open();
    fill(log, 3);
    REQUIRE(log.sign_checkpoint());
  }
  std::filesystem::remove_all(place.layout.cache_folder());
  SECTION("a rewritten log with a good chain") {
    Place other;
    Log forger = other.open();
    fill(forger, 4);
    spill(place.layout.segment(0), slurp(other.layout.segment(0)));
  }
  SECTION("a checkpoint by another key") {
    Place other;
    Log forger = other.open();
    fill(forger, 3);
    REQUIRE(forger.sign_checkpoint());
    spill(place.layout.checkpoint(), slurp(other.layout.checkpoint()));
  }
  SECTION("another log under the same key and state, its checkpoints gone") {
    Place other;
    Log forger = other.open();
    fill(forger, 4);
    spill(place.layout.segment(0), slurp(other.layout.segment(0)));
    std::filesystem::remove(place.layout.checkpoint());
    std::filesystem::remove_all(place.layout.checkpoints_folder());
  }
  Log log = place.open();
  fill(log, 1);
  const auto checkpoint = log.sign_checkpoint();
  REQUIRE_FALSE(checkpoint);
  CHECK(checkpoint.error().code == Errc::configuration);
}

TEST_CASE("an epoch ends with the old key's last checkpoint, and the old key is gone", "[audit]") {
  Place place;
  Log log = place.open();
  fill(log, 3);
  const auto ended = log.end_epoch();
  REQUIRE(ended);
  CHECK(ended->size == 4);
  const auto keys = read_verifier_keys(place.layout.vkeys());
  REQUIRE(keys);
  REQUIRE(keys->size() == 2);
  std::size_t signer = 9;
  CHECK(ended->verify(*keys, &signer) == NoteVerdict::good);
  CHECK(signer == 0);
  const auto record = parse_record(place.lines()[3]);
  CHECK(record->event == Event::epoch_ended);
  CHECK(record->fact("next") == (*keys)[1].text());
  CHECK_FALSE(std::filesystem::exists(log_key_file(place.state, "default", 1)));
  fill(log, 1);
  const auto next = log.sign_checkpoint();
  REQUIRE(next);
  CHECK(next->verify(*keys, &signer) == NoteVerdict::good);
  CHECK(signer == 1);
}

TEST_CASE("F01 an epoch that a crash broke off is ended by the next signer", "[audit]") {
  Place place;
  std::string old_key;
  {
    Log log = place.open();
    fill(log, 3);
    REQUIRE(log.sign_checkpoint());
    old_key = slurp(log_key_file(place.state, "default", 1));
    REQUIRE(log.end_epoch());
  }
  const auto old_keys = slurp(place.layout.vkeys());
  const auto restore_key = [&](const std::string& path) {
    spill(path, old_key);
    ::chmod(path.c_str(), 0600);
  };
  SECTION("before the key list grew") {
    spill(place.layout.vkeys(), old_keys.substr(0, old_keys.find('\n') + 1));
    restore_key(log_key_file(place.state, "default", 1));
  }
  SECTION("before the last checkpoint of the old key") {
    spill(place.layout.vkeys(), old_keys.substr(0, old_keys.find('\n') + 1));
    restore_key(log_key_file(place.state, "default", 1));
    spill(place.layout.checkpoint(), slurp(place.layout.archived(3)));
    std::filesystem::remove(place.layout.archived(4));
  }
  SECTION("before the old key was destroyed") {
    restore_key(log_key_file(place.state, "default", 1));
  }
  Log log = place.open();
  fill(log, 1);
  const auto next = log.sign_checkpoint();
  if (!next) FAIL(next.error().what);
  CHECK(next->size == 5);
  const auto keys = read_verifier_keys(place.layout.vkeys());
  REQUIRE(keys);
  CHECK(keys->size() == 2);
  std::size_t signer = 9;
  CHECK(next->verify(*keys, &signer) == NoteVerdict::good);
  CHECK(signer == 1);
  const auto last = Checkpoint::parse(slurp(place.layout.archived(4)));
  REQUIRE(last);
  CHECK(last->verify(*keys, &signer) == NoteVerdict::good);
  CHECK(signer == 0);
  CHECK_FALSE(std::filesystem::exists(log_key_file(place.state, "default", 1)));
}

TEST_CASE("erasing destroys values and keeps chain and digests", "[audit]") {
  Place place;
  Log log = place.open();
  const auto message = MessageId::fresh();
  const auto anna = RecipientId::fresh(), bert = RecipientId::fresh();
  Submission submission{message, {{anna, "anna@b.example"}, {bert, "bert@b.example"}}};
  submission.sender = "info@delinde.example";
  REQUIRE(log.append(submitted(submission, place.clock)));
  Attempt attempt{message, {anna, "Anna@B.example"}};
  attempt.mx_host = "mx.of-anna.example";
  attempt.reply = "250 ok";
  REQUIRE(log.append(delivered(attempt, place.clock)));
  attempt.recipient = {bert, "bert@b.example"};
  attempt.mx_host = "mx.of-bert.example";
  attempt.reply = "250 also joanna@b.example";
  REQUIRE(log.append(delivered(attempt, place.clock)));
  const auto checkpoint = log.sign_checkpoint();
  REQUIRE(checkpoint);
  EraseRequest request;
  request.address = "anna@b.example";
  request.authorised_by = "privacy officer";
  CHECK_FALSE(log.erase(request));  // no ground
  request.ground = "GDPR 17(1)(b)";
  const auto before = place.lines();
  const auto erased = log.erase(request);
  REQUIRE(erased);
  CHECK(erased->records == 2);
  const auto lines = place.lines();
  REQUIRE(lines.size() == before.size() + 1);
  CHECK(std::equal(before.begin(), before.end(), lines.begin()));
  require_chain(lines);
  const auto record = parse_record(lines.back());
  CHECK(record->event == Event::erased);
  std::string shown;
  const std::string disclosed = slurp(place.layout.disclosures(0));
  for (const auto line : split(disclosed, '\n')) {
    const auto disclosures = DisclosureLine::parse(line);
    if (!disclosures) continue;
    for (const auto& text : disclosures->disclosures)
      shown += Disclosure::parse(text)->text + '\n';
  }
  INFO(shown);
  CHECK(shown.find("of-anna") == shown.npos);
  CHECK(to_lower(shown).find("\nanna@") == shown.npos);
  CHECK(shown.find("bert@b.example") != shown.npos);
  CHECK(shown.find("joanna@b.example") != shown.npos);
  CHECK(shown.find("privacy officer") != shown.npos);
  CHECK_FALSE(std::filesystem::exists(place.layout.erasing()));
  CHECK(log.erase(request)->disclosures == 0);
  CHECK(log.sign_checkpoint());
}

TEST_CASE("an address is found whole, not inside another", "[audit]") {
  CHECK(holds_address("<A@b.example>", "a@B.example"));
  CHECK(holds_address("to a@b.example.", "a@b.example"));
  CHECK(holds_address("joa@b.example, a@b.example", "a@b.example"));
  CHECK_FALSE(holds_address("joa@b.example", "a@b.example"));
  CHECK_FALSE(holds_address("jo.a@b.example", "a@b.example"));
  CHECK_FALSE(holds_address("a@b.example.org", "a@b.example"));
  CHECK_FALSE(holds_address("a@b.example-x", "a@b.example"));
  CHECK_FALSE(holds_address("a@b.example", ""));
}

TEST_CASE("space for ending records is kept behind the file, and given back", "[audit]") {
  Place place;
  Log log = place.open();
  fill(log, 1);
  const auto allocated = [&] {
    struct stat status {};
    ::stat(place.layout.segment(0).c_str(), &status);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
  };
  const auto size = std::filesystem::file_size(place.layout.segment(0));
  auto reservation = log.reserve(10);
  REQUIRE(reservation);
  CHECK(reservation->records() == 10);
  CHECK(allocated() >= size + 10 * Log::kReservedLine);
  CHECK(std::filesystem::file_size(place.layout.segment(0)) == size);
  REQUIRE(log.append(Record(Event::delivered), *reservation));
  CHECK(reservation->records() == 9);
  require_chain(place.lines());
}

TEST_CASE("records that were prepared are appended later, by another process too, and whole or not",
          "[audit]") {
  Place place;
  std::string prepared;
  {
    Log log = place.open();
    Record record(Event::delivered, MessageId::fresh(), RecipientId::fresh());
    record.fact("level", "verified").disclose("recipient", "a@b.example");
    prepared = log.prepare(std::span(&record, 1)).value();
    CHECK(Log::event_of(prepared) == Event::delivered);
    CHECK_FALSE(Log::event_of(prepared.substr(0, prepared.size() - 1)));
    CHECK_FALSE(Log::event_of(""));
  }
  Log log = place.open();
  Reservation none;
  REQUIRE(log.append_prepared(prepared + prepared, none));
  CHECK(place.lines().size() == 2);
  CHECK(slurp(place.layout.disclosures(0)).find("\"seq\":1") != std::string::npos);
  for (const auto& damaged : {prepared.substr(1), prepared + "x", std::string("\x01\0\0\0{", 5)}) {
    const auto refused = log.append_prepared(damaged, none);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::malformed);
  }
  auto unreadable = prepared;
  unreadable[unreadable.find("verified")] = '\x01';
  CHECK_FALSE(log.append_prepared(unreadable, none));
  CHECK(place.lines().size() == 2);
  require_chain(place.lines());
}

TEST_CASE("what is reserved can be handed on", "[audit]") {
  Place place;
  Log log = place.open();
  auto whole = log.reserve(5).value();
  auto part = whole.split(2);
  CHECK(whole.records() == 3);
  CHECK(part.records() == 2);
  Reservation gathered;
  gathered.add(std::move(part));
  gathered.add(whole.split(9));
  CHECK(whole.records() == 0);
  CHECK(gathered.records() == 5);
  REQUIRE(log.append(Record(Event::delivered), gathered));
  CHECK(gathered.records() == 4);
}

TEST_CASE("organisation names are a closed set of characters", "[audit]") {
  for (const char* good : {"a", "default", "de-linde.example", "0"})
    CHECK(is_org(good));
  for (const char* bad : {"", ".", "-a", "A", "a/b", "../x", "a b"})
    CHECK_FALSE(is_org(bad));
  CHECK_FALSE(is_org(std::string(64, 'a')));
}
