#include <filesystem>
#include <thread>

#include <sys/stat.h>
#include <sys/wait.h>

#include "envelope/resumable.h"
#include "envelope/store.h"
#include "unit/envelope/support.h"

using namespace sm;
using namespace sm::test;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  TempDir dir;
  Store store{dir / "sealed"};
  TestKeys keys;

  StoreDraft begin() {
    auto draft = store.begin().value();
    draft.envelope().add_org(keys.kek("default", kKid1)).value();
    return draft;
  }
  EnvelopeId seal(const std::vector<std::string>& parts) {
    auto draft = begin();
    const EnvelopeId id = draft.envelope().id();
    for (const auto& part : parts) {
      MemorySource source(as_bytes(part));
      draft.add_part({.name = "n"}, source).value();
    }
    draft.publish(kNow).value();
    return id;
  }
  Opened open(const EnvelopeId& id) { return open_all(store.open(id), with_keyring(keys)); }
  std::string head(const EnvelopeId& id) {
    return read_file(store.folder(id) + "/head", 1 << 20).value();
  }
};

std::set<std::string> names_in(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.insert(entry.path().filename());
  return names;
}

}  // namespace

TEST_CASE("a group of envelopes appears as one, each whole; what was not published is gone",
          "[envelope]") {
  Fixture f;
  std::vector<EnvelopeId> ids;
  std::optional<EnvelopeId> dropped;
  {
    auto group = f.store.begin_group().value();
    std::vector<StoreDraft*> drafts;
    for (int i = 0; i < 5; ++i) {
      auto* draft = group.begin().value();
      draft->envelope().add_org(f.keys.kek("default", kKid1)).value();
      const auto part = content(1000 + i, i);
      MemorySource source(as_bytes(part));
      draft->add_part({.name = "n"}, source).value();
      if (i == 3) {
        dropped = draft->envelope().id();
        continue;
      }
      drafts.push_back(draft);
      ids.push_back(draft->envelope().id());
    }
    for (const auto& id : ids)
      CHECK_FALSE(f.store.is_published(id));
    group.publish(drafts, kNow).value();
  }
  CHECK(f.store.list().value().size() == ids.size());
  CHECK_FALSE(fs::exists(f.store.folder(*dropped)));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto n = static_cast<int>(i < 3 ? i : i + 1);
    CHECK(f.open(ids[i]).parts == std::vector<std::string>{content(1000 + n, n)});
    CHECK(names_in(f.store.folder(ids[i])) == std::set<std::string>{"0", "1", "head", "lock"});
  }
}

TEST_CASE("an envelope in the store is the one file cut into pieces", "[envelope]") {
  Fixture f;
  const std::vector<std::string> parts{content(5000, 1), content(70000, 2)};
  const EnvelopeId id = f.seal(parts);
  CHECK(f.open(id).parts == parts);
  CHECK(names_in(f.store.folder(id)) == std::set<std::string>{"0", "1", "2", "head", "lock"});
  std::string whole;
  for (const char* name : {"head", "0", "1", "2"})
    whole += read_file(f.store.folder(id) + "/" + name, 1 << 20).value();
  const BytesFile file(whole);
  CHECK(open_all(Envelope::open(file.path()), with_keyring(f.keys)).parts == parts);
  CHECK(f.store.list().value() == std::vector{id});
}

TEST_CASE("before it is published an envelope does not exist, and an abandoned draft goes",
          "[envelope]") {
  Fixture f;
  std::string folder;
  {
    auto draft = f.begin();
    folder = f.store.folder(draft.envelope().id());
    MemorySource source(as_bytes("text"));
    draft.add_part({}, source).value();
    CHECK(fs::exists(folder));
    const auto opened = f.store.open(draft.envelope().id());
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Errc::no_input);
    auto moved = std::move(draft);
    CHECK(fs::exists(folder));
  }
  CHECK_FALSE(fs::exists(folder));
  CHECK(f.store.list().value().empty());
}

TEST_CASE("a part that is missing, cut, longer or of another envelope is refused", "[envelope]") {
  Fixture f;
  const EnvelopeId id = f.seal({"one", "two"});
  const EnvelopeId other = f.seal({"one", "two"});
  const std::string part = f.store.folder(id) + "/2";
  const std::string good = read_file(part, 1 << 20).value();
  const auto with = [&](const std::string& bytes) {
    publish_file(part, as_bytes(bytes)).value();
    return f.open(id);
  };
  CHECK_FALSE(with(good).error);
  CHECK(with(good.substr(0, good.size() - 1)).error->what.starts_with("truncated"));
  CHECK(with(good + "x").error->what.starts_with("damaged"));
  const auto foreign = read_file(f.store.folder(other) + "/2", 1 << 20).value();
  CHECK(with(foreign).error->what.starts_with("damaged"));
  fs::remove(part);
  CHECK(f.open(id).error->what.starts_with("truncated"));
  with(good);
  // A whole folder under another's name.
  fs::copy(f.store.folder(other) + "/head", f.store.folder(id) + "/head",
           fs::copy_options::overwrite_existing);
  CHECK(f.store.open(id).error().code == Errc::malformed);
}

TEST_CASE("a recipient comes and goes without touching the others or the bodies", "[envelope]") {
  Fixture f;
  const EnvelopeId id = f.seal({"text"});
  const Kek kek = f.keys.kek("default", kKid1);
  const LinkToken anna = LinkToken::fresh();
  const LinkToken bert = LinkToken::fresh();
  CHECK(f.store.add_link(id, with_keyring(f.keys), kek, anna).value() == HeadChange::done);
  CHECK(f.store.add_link(id, with_keyring(f.keys), kek, bert).value() == HeadChange::done);
  const auto opens_by = [&](const LinkToken& token) {
    OpeningKeys keys = with_keyring(f.keys);
    keys.opens_org_stanzas = false;
    keys.token = token.clone();
    return !open_all(f.store.open(id), keys).error;
  };
  CHECK((opens_by(anna) && opens_by(bert)));
  const auto body = read_file(f.store.folder(id) + "/1", 1 << 20).value();
  CHECK(f.store.remove_stanzas(id, belongs_to_link(anna.label())).value() == HeadChange::done);
  CHECK_FALSE(opens_by(anna));
  CHECK(opens_by(bert));
  CHECK(f.store.remove_stanzas(id, belongs_to_link(anna.label())).value() ==
        HeadChange::unnecessary);
  CHECK(read_file(f.store.folder(id) + "/1", 1 << 20).value() == body);
  // Without the organisation's stanza nobody can add a link any more.
  f.store
      .remove_stanzas(id, [](const Stanza& s) { return std::holds_alternative<OrgStanza>(s.kind); })
      .value();
  const auto refused = f.store.add_link(id, with_keyring(f.keys), kek, anna);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::denied);
  CHECK(opens_by(bert));
  CHECK(names_in(f.store.folder(id)) == std::set<std::string>{"0", "1", "head", "lock"});
}

TEST_CASE("destroying an envelope destroys it, and nothing makes its head again", "[envelope]") {
  Fixture f;
  const EnvelopeId id = f.seal({"text"});
  const Kek kek = f.keys.kek("default", kKid2);
  const PublicKey pair = f.keys.public_key("default", kKid1);
  CHECK(f.store.destroy(id).value());
  CHECK_FALSE(fs::exists(f.store.folder(id)));
  CHECK_FALSE(f.store.destroy(id).value());
  CHECK(f.store.rewrap(id, f.keys, kek, pair).value() == HeadChange::gone);
  CHECK(f.store.add_org(id, with_keyring(f.keys), kek).value() == HeadChange::gone);
  CHECK_FALSE(fs::exists(f.store.folder(id)));
  // Also where only the head was removed, by somebody who knows no locks, while a change is made.
  const EnvelopeId second = f.seal({"text"});
  const auto change = f.store.remove_stanzas(second, [&](const Stanza&) {
    fs::remove(f.store.folder(second) + "/head");
    return true;
  });
  CHECK(change.value() == HeadChange::gone);
  CHECK(names_in(f.store.folder(second)) == std::set<std::string>{"0", "1", "lock"});
}

TEST_CASE("many are destroyed together, those that are gone among them", "[envelope]") {
  Fixture f;
  CHECK(f.store.destroy_all(std::vector<EnvelopeId>(9, EnvelopeId::fresh())));
  std::vector<EnvelopeId> ids;
  for (int i = 0; i < 12; ++i)
    ids.push_back(f.seal({"text", "more"}));
  const auto kept = f.seal({"text"});
  CHECK(f.store.destroy(ids[3]).value());
  fs::remove(f.store.folder(ids[5]) + "/head");
  CHECK(f.store.destroy_all(ids));
  for (const auto& id : ids)
    CHECK_FALSE(fs::exists(f.store.folder(id)));
  CHECK(f.open(kept).parts == std::vector<std::string>{"text"});
}

TEST_CASE("re-wrapping and destroying at once leave nothing that opens", "[envelope]") {
  Fixture f;
  int gone = 0;
  const Kek keks[] = {f.keys.kek("default", kKid1), f.keys.kek("default", kKid2)};
  const PublicKey pair = f.keys.public_key("default", kKid1);
  for (int round = 0; round < 30; ++round) {
    const EnvelopeId id = f.seal({"text"});
    std::jthread rewrapping([&] {
      for (int i = 1;; ++i) {
        const auto change = f.store.rewrap(id, f.keys, keks[i % 2], pair);
        if (!change || *change == HeadChange::gone) return;
      }
    });
    CHECK(f.store.destroy(id).value());
    rewrapping.join();
    gone += !fs::exists(f.store.folder(id));
  }
  CHECK(gone == 30);
}

TEST_CASE("all stanzas of an organisation move to its active keys, others stay", "[envelope]") {
  Fixture f;
  auto draft = f.begin();
  const EnvelopeId id = draft.envelope().id();
  const LinkToken token = LinkToken::fresh();
  const PublicKey old_pair = f.keys.public_key("default", "3333333333333333");
  draft.envelope().add_link(f.keys.kek("default", kKid1), token).value();
  draft.envelope().add_public_key(old_pair).value();
  draft.envelope().add_org(f.keys.kek("other", kKid1)).value();
  MemorySource source(as_bytes("text"));
  draft.add_part({}, source).value();
  draft.publish(kNow).value();
  const PublicKey pair = f.keys.public_key("default", "4444444444444444");
  CHECK(f.store.rewrap(id, f.keys, f.keys.kek("default", kKid2), pair).value() == HeadChange::done);
  CHECK(f.store.rewrap(id, f.keys, f.keys.kek("default", kKid2), pair).value() ==
        HeadChange::unnecessary);
  const auto header = parse_header(f.head(id)).value();
  REQUIRE(header.stanzas.size() == 4);
  CHECK(kid_of(header.stanzas[0], "default") == kKid2);
  CHECK(kid_of(header.stanzas[1], "default") == kKid2);
  CHECK(kid_of(header.stanzas[2], "default") == "4444444444444444");
  CHECK(kid_of(header.stanzas[3], "other") == kKid1);
  f.keys.forget("default", kKid1);
  f.keys.forget("default", "3333333333333333");
  CHECK(f.open(id).parts == std::vector<std::string>{"text"});
  // A stanza whose key is destroyed is told of, and left as it is.
  const EnvelopeId lost = f.seal({"text"});
  const std::string before = f.head(lost);
  f.keys.forget("default", kKid1);
  const auto refused = f.store.rewrap(lost, f.keys, f.keys.kek("default", kKid2), pair);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::denied);
  CHECK(f.head(lost) == before);
}

namespace {

/// A source file that was last changed a while ago.
class SourceFile {
 public:
  explicit SourceFile(const std::string& bytes) : path_(dir_ / "source") { write(bytes); }
  void write(const std::string& bytes) {
    const auto file = open_file(path_, O_RDWR | O_CREAT | O_TRUNC).value();
    write_all(file.get(), as_bytes(bytes), path_).value();
  }
  /// Until it counts as settled.
  void settle() {
    struct stat status {};
    for (;;) {
      REQUIRE(::stat(path_.c_str(), &status) == 0);
      timespec now{};
      ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
      if (now.tv_sec > status.st_ctim.tv_sec + 1) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  UniqueFd open() const { return open_file(path_, O_RDONLY).value(); }
  const std::string& path() const { return path_; }

 private:
  TempDir dir_;
  std::string path_;
};

struct Attempts {
  TempDir dir;
  MessageKey mk = crypto::random_key<32>();
  EnvelopeId id = EnvelopeId::fresh();
  std::string target = dir / "1";

  SealedFile seal(const SourceFile& source) {
    const auto fd = source.open();
    return seal_file_resumably(mk, id, 1, fd.get(), source.path(), target).value();
  }
  std::string sealed() { return read_file(target, 1 << 28).value(); }
  void cut(std::size_t size) { fs::resize_file(target, size); }
  std::string opened(const SealedFile& sealed_file) {
    const auto keys = part_keys(mk, id, 1, sealed_file.prefix).value();
    const std::string bytes = sealed();
    MemorySource in(as_bytes(bytes));
    SecretSink out(1 << 28);
    open_body(keys, in, out).value();
    return std::string(as_text(out.bytes().reveal()));
  }
};

}  // namespace

TEST_CASE("a part goes on where it was cut, under its salt, when the file is the same",
          "[envelope]") {
  const std::string plaintext = content(700'000);
  SourceFile source(plaintext);
  source.settle();
  Attempts attempts;
  const SealedFile first = attempts.seal(source);
  CHECK(first.kept == 0);
  CHECK(first.size == plaintext.size());
  const std::string whole = attempts.sealed();
  CHECK(whole.size() == crypto::sealed_size(plaintext.size()));
  for (const std::size_t cut :
       {std::size_t{0}, std::size_t{55}, std::size_t{56}, std::size_t{56 + 16400},
        std::size_t{100'000}, whole.size() - 1, whole.size()}) {
    attempts.cut(cut);
    const SealedFile again = attempts.seal(source);
    CHECK(again.kept == cut);
    CHECK(again.prefix == first.prefix);
    CHECK(attempts.sealed() == whole);
  }
}

TEST_CASE("any change of the file, of what is on disk or of the record takes a fresh salt",
          "[envelope]") {
  std::string plaintext = content(300'000);
  SourceFile source(plaintext);
  source.settle();
  Attempts attempts;
  std::set<std::string> prefixes;
  const auto seal_fresh = [&] {
    const SealedFile sealed = attempts.seal(source);
    CHECK(sealed.kept == 0);
    CHECK(prefixes.insert(to_hex(sealed.prefix)).second);
    CHECK(attempts.opened(sealed) == plaintext);
    source.settle();
    attempts.seal(source);  // so that there is a settled record to refuse
    prefixes.insert(to_hex(attempts.seal(source).prefix));
  };
  seal_fresh();
  SECTION("its content, with size and modification time as before") {
    struct stat status {};
    ::stat(source.path().c_str(), &status);
    plaintext[250'000] ^= 1;
    source.write(plaintext);
    const timespec times[2] = {status.st_atim, status.st_mtim};
    ::utimensat(AT_FDCWD, source.path().c_str(), times, 0);
    attempts.cut(100'000);
    seal_fresh();
  }
  SECTION("its size") {
    plaintext += "x";
    source.write(plaintext);
    attempts.cut(100'000);
    seal_fresh();
  }
  SECTION("its modification time") {
    const timespec times[2] = {{1'700'000'000, 0}, {1'700'000'000, 0}};
    ::utimensat(AT_FDCWD, source.path().c_str(), times, 0);
    seal_fresh();
  }
  SECTION("another file of the same content") {
    SourceFile copy(plaintext);
    fs::rename(copy.path(), source.path());
    seal_fresh();
  }
  SECTION("a byte on disk") {
    const auto fd = open_file(attempts.target, O_RDWR).value();
    pwrite_all(fd.get(), as_bytes("\x01\x02\x03\x04"), 50'000, "").value();
    attempts.cut(100'000);
    seal_fresh();
  }
  SECTION("zeros on disk, as a loss of power leaves them") {
    const auto fd = open_file(attempts.target, O_RDWR).value();
    pwrite_all(fd.get(), std::vector<std::uint8_t>(20'000), 30'000, "").value();
    seal_fresh();
  }
  SECTION("more on disk than there can be") {
    const auto fd = open_file(attempts.target, O_RDWR | O_APPEND).value();
    write_all(fd.get(), as_bytes("x"), "").value();
    seal_fresh();
  }
  SECTION("a bit of the record") {
    const auto path = resume_record(attempts.target);
    std::string record = read_file(path, 4096).value();
    record[30] ^= 1;
    publish_file(path, as_bytes(record)).value();
    attempts.cut(100'000);
    seal_fresh();
  }
  SECTION("the record of another part") {
    Attempts other;
    other.seal(source);
    fs::copy_file(resume_record(other.target), resume_record(attempts.target),
                  fs::copy_options::overwrite_existing);
    seal_fresh();
  }
}

TEST_CASE("a file that was only just written is not gone on with", "[envelope]") {
  SourceFile source(content(100'000));
  Attempts attempts;
  const auto first = attempts.seal(source);
  attempts.cut(50'000);
  const auto second = attempts.seal(source);
  CHECK(second.kept == 0);
  CHECK(second.prefix != first.prefix);
}

TEST_CASE("a kept draft survives its process, and the envelope opens when it is done",
          "[envelope]") {
  Fixture f;
  const std::string large = content(500'000);
  SourceFile source(large);
  source.settle();
  std::optional<EnvelopeId> id;
  {
    auto draft = f.begin();
    id = draft.envelope().id();
    draft.keep().value();
    const auto fd = source.open();
    draft.add_file({.name = "large"}, fd.get(), source.path()).value();
  }
  const std::string folder = f.store.folder(*id);
  REQUIRE(fs::exists(folder + "/1"));
  fs::resize_file(folder + "/1", 200'000);
  CHECK_FALSE(f.store.open(*id));
  TestKeys strangers;
  CHECK(f.store.resume(*id, with_keyring(strangers)).error().code == Errc::denied);
  {
    auto draft = f.store.resume(*id, with_keyring(f.keys)).value();
    // Two at once would be two writers of one part.
    CHECK(f.store.resume(*id, with_keyring(f.keys)).error().code == Errc::temporary);
    const auto fd = source.open();
    draft.add_file({.name = "large"}, fd.get(), source.path()).value();
    MemorySource text(as_bytes("text"));
    draft.add_part({}, text).value();
    draft.publish(kNow).value();
  }
  CHECK(f.open(*id).parts == std::vector<std::string>{large, "text"});
  CHECK(names_in(folder) == std::set<std::string>{"0", "1", "2", "head", "lock"});
  CHECK(f.store.resume(*id, with_keyring(f.keys)).error().code == Errc::no_input);
}

TEST_CASE("1,000 kills while a part is sealed put no two ciphertexts under one nonce",
          "[envelope]") {
  // Each attempt runs in a process of its own, which is killed after a random time; between
  // attempts the source changes now and then. What is on disk after each attempt is compared with
  // everything that ever was there under the same salt, chunk by chunk.
  std::string plaintext = content(4 << 20);
  SourceFile source(plaintext);
  source.settle();
  Attempts attempts;
  std::map<std::string, std::string> longest;  // by salt: the most that was on disk
  std::size_t kills = 0;
  std::size_t resumed = 0;
  std::uint64_t random = 1;
  const auto next_random = [&] {
    return random = random * 6364136223846793005 + 1442695040888963407;
  };
  const auto examine = [&] {
    if (!fs::exists(attempts.target)) return;
    const std::string now = attempts.sealed();
    if (now.size() < crypto::kChunkedPrefixSize) return;
    std::string& before = longest[now.substr(0, crypto::kChunkedPrefixSize)];
    const std::size_t common = std::min(before.size(), now.size());
    if (now.compare(0, common, before, 0, common) != 0) FAIL("two ciphertexts under one salt");
    resumed += common > crypto::kChunkedPrefixSize;
    if (now.size() > before.size()) before = now;
  };
  while (kills < 1000) {
    if (next_random() >> 32 & 1 && kills % 10 == 9) {
      plaintext[(next_random() >> 20) % plaintext.size()] ^= 1;
      source.write(plaintext);
    }
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      const auto fd = source.open();
      const auto sealed = seal_file_resumably(attempts.mk, attempts.id, 1, fd.get(), source.path(),
                                              attempts.target);
      ::_exit(sealed ? 0 : 1);
    }
    ::usleep(static_cast<unsigned>((next_random() >> 33) % 4000));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    kills += WIFSIGNALED(status);
    if (WIFEXITED(status)) {
      CHECK(WEXITSTATUS(status) == 0);
      if (next_random() >> 32 & 1) attempts.cut(next_random() % attempts.sealed().size());
    }
    examine();
  }
  CHECK(kills >= 1000);
  CHECK(resumed > 10);
  const SealedFile last = attempts.seal(source);
  CHECK(attempts.opened(last) == plaintext);
}
