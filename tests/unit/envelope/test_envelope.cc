#include <set>
#include <thread>

#include "unit/envelope/support.h"

using namespace sm;
using namespace sm::test;

namespace {

struct Sample {
  TestKeys keys;
  std::vector<std::string> parts{content(5000, 1), content(20000, 2), ""};
  std::string bytes;
  explicit Sample(bool last_has_size = true) {
    Draft draft = Draft::begin();
    draft.add_org(keys.kek("default", kKid1)).value();
    bytes = seal_to_memory(draft, parts, last_has_size);
  }
};

Opened open_bytes(const std::string& bytes, const OpeningKeys& keys) {
  const BytesFile file(bytes);
  return open_all(Envelope::open(file.path()), keys);
}

/// The same through a pipe.
Opened open_piped(const std::string& bytes, const OpeningKeys& keys) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  std::thread writer([&] {
    (void)write_all(ends[1], as_bytes(bytes), "pipe");
    ::close(ends[1]);
  });
  const UniqueFd reader(ends[0]);
  auto opened = open_all(Envelope::read(reader.get(), "pipe"), keys);
  std::vector<std::uint8_t> rest(65536);
  while (read_some(reader.get(), rest.data(), rest.size(), "pipe").value() > 0) {
  }
  writer.join();
  return opened;
}

/// What came out is a beginning of what went in, chunk by chunk, and something is missing.
void check_refused(const Opened& opened, const Sample& sample) {
  REQUIRE(opened.error);
  const Errc code = opened.error->code;
  REQUIRE((code == Errc::malformed || code == Errc::denied));
  for (std::size_t i = 0; i < opened.parts.size(); ++i) {
    REQUIRE(sample.parts.at(i).starts_with(opened.parts[i]));
  }
}

}  // namespace

TEST_CASE("what is sealed opens again, from a file and from a pipe, of any size", "[envelope]") {
  TestKeys keys;
  for (const std::size_t size :
       {0, 1, 16383, 16384, 16385, 32768, 262143, 262144, 262145, 300000, 3 << 20}) {
    for (const bool has_size : {true, false}) {
      INFO(size << ' ' << has_size);
      Draft draft = Draft::begin();
      draft.add_org(keys.kek("default", kKid1)).value();
      const std::string plaintext = content(size);
      const std::string sealed = seal_to_memory(draft, {plaintext}, has_size);
      for (const auto& opened :
           {open_bytes(sealed, with_keyring(keys)), open_piped(sealed, with_keyring(keys))}) {
        REQUIRE_FALSE(opened.error);
        CHECK(opened.parts == std::vector{plaintext});
      }
    }
  }
}

TEST_CASE("several parts come out whole and in order", "[envelope]") {
  for (const bool has_size : {true, false}) {
    const Sample sample(has_size);
    CHECK(open_bytes(sample.bytes, with_keyring(sample.keys)).parts == sample.parts);
    CHECK(open_piped(sample.bytes, with_keyring(sample.keys)).parts == sample.parts);
  }
}

TEST_CASE("A62 any single bit flipped anywhere is refused before its chunk comes out",
          "[envelope]") {
  TestKeys keys;
  Sample sample;
  sample.parts = {content(100, 1), "second"};
  Draft draft = Draft::begin();
  draft.add_org(sample.keys.kek("default", kKid1)).value();
  sample.bytes = seal_to_memory(draft, sample.parts);
  std::size_t refused = 0;
  const BytesFile file(sample.bytes);
  const auto fd = open_file(file.path(), O_RDWR).value();
  for (std::size_t bit = 0; bit < sample.bytes.size() * 8; ++bit) {
    const auto byte = static_cast<std::uint8_t>(sample.bytes[bit / 8]);
    const auto flipped = static_cast<std::uint8_t>(byte ^ (1 << bit % 8));
    pwrite_all(fd.get(), {&flipped, 1}, bit / 8, "").value();
    const auto opened = open_all(Envelope::open(file.path()), with_keyring(sample.keys));
    INFO("bit " << bit);
    check_refused(opened, sample);
    ++refused;
    pwrite_all(fd.get(), {&byte, 1}, bit / 8, "").value();
  }
  CHECK(refused == sample.bytes.size() * 8);
  CHECK_FALSE(open_all(Envelope::open(file.path()), with_keyring(sample.keys)).error);
}

TEST_CASE("A60 an envelope cut anywhere, or longer by a byte, is refused", "[envelope]") {
  for (const bool has_size : {true, false}) {
    const Sample sample(has_size);
    std::set<std::size_t> cuts;
    for (std::size_t cut = 0; cut < sample.bytes.size(); cut += 97)
      cuts.insert(cut);
    const std::size_t header = find_header_end(sample.bytes).value();
    const std::size_t manifest = crypto::sealed_size(1024);
    const std::size_t first = header + manifest;
    const std::size_t second = first + crypto::sealed_size(5000);
    const std::size_t chunk = second + 56 + 16400;
    for (const std::size_t edge : {header, first, second, chunk, sample.bytes.size()}) {
      for (const std::size_t cut : {edge - 1, edge, edge + 1}) {
        if (cut < sample.bytes.size()) cuts.insert(cut);
      }
    }
    for (const std::size_t cut : cuts) {
      INFO("cut at " << cut << " of " << sample.bytes.size());
      const std::string bytes = sample.bytes.substr(0, cut);
      check_refused(open_bytes(bytes, with_keyring(sample.keys)), sample);
      const auto piped = open_piped(bytes, with_keyring(sample.keys));
      check_refused(piped, sample);
      if (cut > 0) CHECK(piped.error->what.find("truncated") != std::string::npos);
    }
    check_refused(open_bytes(sample.bytes + 'x', with_keyring(sample.keys)), sample);
    check_refused(open_piped(sample.bytes + 'x', with_keyring(sample.keys)), sample);
  }
}

TEST_CASE("A60 chunks swapped, dropped, doubled or moved between parts are refused", "[envelope]") {
  TestKeys keys;
  Draft draft = Draft::begin();
  draft.add_org(keys.kek("default", kKid1)).value();
  Sample sample;
  sample.parts = {content(40000, 1), content(40000, 2)};
  const std::string sealed = seal_to_memory(draft, sample.parts);
  const std::size_t first = find_header_end(sealed).value() + crypto::sealed_size(1024) + 56;
  const std::size_t second = first - 56 + crypto::sealed_size(40000) + 56;
  const auto chunk = [&](std::size_t body, std::size_t i) {
    return sealed.substr(body + i * 16400, 16400);
  };
  const auto with = [&](std::size_t body, std::size_t i, const std::string& other) {
    return std::string(sealed).replace(body + i * 16400, 16400, other);
  };
  int refused = 0;
  for (const std::string& bytes :
       {with(first, 0, chunk(first, 1)), with(first, 1, chunk(first, 0)),
        with(first, 0, chunk(second, 0)), with(second, 1, chunk(first, 1)),
        std::string(sealed).erase(first, 16400), std::string(sealed).insert(first, chunk(first, 0)),
        std::string(sealed).replace(first - 56, 56, sealed.substr(second - 56, 56))}) {
    check_refused(open_bytes(bytes, with_keyring(keys)), sample);
    check_refused(open_piped(bytes, with_keyring(keys)), sample);
    ++refused;
  }
  CHECK(refused == 7);
}

TEST_CASE("nothing can be spliced from one envelope into another of the same organisation",
          "[envelope]") {
  TestKeys keys;
  std::vector<std::string> sealed;
  std::vector<Header> headers;
  Sample sample;
  sample.parts = {content(100, 1)};
  for (int i = 0; i < 2; ++i) {
    Draft draft = Draft::begin();
    draft.add_org(keys.kek("default", kKid1)).value();
    sealed.push_back(seal_to_memory(draft, sample.parts));
    headers.push_back(parse_header(sealed[i].substr(0, *find_header_end(sealed[i]))).value());
  }
  const auto body = [&](int i) { return sealed[i].substr(*find_header_end(sealed[i])); };
  const std::size_t manifest = crypto::sealed_size(1024);
  std::vector<std::string> spliced;
  // Header of one, bodies of the other; manifest; part; stanza; id; manifest line.
  spliced.push_back(headers[0].text() + body(1));
  spliced.push_back(headers[0].text() + body(1).substr(0, manifest) + body(0).substr(manifest));
  spliced.push_back(headers[0].text() + body(0).substr(0, manifest) + body(1).substr(manifest));
  for (int field = 0; field < 4; ++field) {
    Header header = headers[0];
    if (field == 0) header.stanzas = headers[1].stanzas;
    if (field == 1) header.id = headers[1].id;
    if (field == 2) header.manifest = headers[1].manifest;
    if (field == 3) header.stanzas[0].wrapped = headers[1].stanzas[0].wrapped;
    spliced.push_back(header.text() + body(0));
  }
  // The manifest of the other, bound by its own line.
  Header header = headers[0];
  header.manifest = headers[1].manifest;
  spliced.push_back(header.text() + body(1));
  for (const auto& bytes : spliced)
    check_refused(open_bytes(bytes, with_keyring(keys)), sample);
  CHECK(spliced.size() == 8);
  CHECK_FALSE(open_bytes(headers[0].text() + body(0), with_keyring(keys)).error);
}

TEST_CASE("a wrong key and a damaged body have words and codes of their own", "[envelope]") {
  const Sample sample;
  TestKeys others;
  others.kek("default", kKid1);
  const auto wrong = open_bytes(sample.bytes, with_keyring(others)).error.value();
  CHECK(wrong.code == Errc::denied);
  CHECK(wrong.what == "no key given opens this: wrong key, or its stanza is damaged");
  std::string damaged = sample.bytes;
  damaged[damaged.size() - 1] = static_cast<char>(damaged.back() ^ 1);
  const auto error = open_bytes(damaged, with_keyring(sample.keys)).error.value();
  CHECK(error.code == Errc::malformed);
  CHECK(error.what.starts_with("damaged envelope"));
  const auto text = open_bytes("Dear Sir,\n", with_keyring(sample.keys)).error.value();
  CHECK(text.code == Errc::malformed);
  CHECK(text.what == "this is no sealed envelope");
}

TEST_CASE("a range is what lies there, and is had by seeking", "[envelope]") {
  TestKeys keys;
  Draft draft = Draft::begin();
  draft.add_org(keys.kek("default", kKid1)).value();
  const std::string plaintext = content(600000);
  const std::string sealed = seal_to_memory(draft, {"other", plaintext});
  const BytesFile file(sealed);
  int checked = 0;
  for (const std::uint64_t first : {0, 1, 16383, 16384, 16385, 262144, 300000, 599999}) {
    for (const std::uint64_t size : {0, 1, 2, 16384, 16385, 300000}) {
      if (first + size > plaintext.size()) continue;
      auto envelope = Envelope::open(file.path()).value();
      envelope.unlock(with_keyring(keys)).value();
      SecretSink out(1 << 20);
      auto part = envelope.part(2).value();
      CHECK(part.copy_to(out, Range{first, size}).value() == size);
      CHECK(as_text(out.bytes().reveal()) == plaintext.substr(first, size));
      std::vector<std::uint8_t> buffer(size);
      CHECK(part.read(first, buffer).value() == size);
      CHECK(as_text(buffer) == plaintext.substr(first, size));
      ++checked;
    }
  }
  CHECK(checked == 44);
  auto envelope = Envelope::open(file.path()).value();
  envelope.unlock(with_keyring(keys)).value();
  auto part = envelope.part(2).value();
  SecretSink out(1 << 20);
  CHECK_FALSE(part.copy_to(out, Range{600000, 1}));
  CHECK_FALSE(part.copy_to(out, Range{UINT64_MAX, 2}));
  std::vector<std::uint8_t> buffer(10);
  CHECK(part.read(599995, buffer).value() == 5);
  CHECK(part.read(600000, buffer).value() == 0);
}

TEST_CASE("a range damaged elsewhere opens, and in a damaged chunk does not", "[envelope]") {
  TestKeys keys;
  Draft draft = Draft::begin();
  draft.add_org(keys.kek("default", kKid1)).value();
  const std::string plaintext = content(100000);
  std::string sealed = seal_to_memory(draft, {plaintext});
  sealed[sealed.size() - 100] = static_cast<char>(sealed[sealed.size() - 100] ^ 1);
  const BytesFile file(sealed);
  auto envelope = Envelope::open(file.path()).value();
  envelope.unlock(with_keyring(keys)).value();
  auto part = envelope.part(1).value();
  SecretSink out(1 << 20);
  CHECK(part.copy_to(out, Range{0, 1000}).value() == 1000);
  SecretSink none(1 << 20);
  const auto copied = part.copy_to(none, Range{99999, 1});
  REQUIRE_FALSE(copied);
  CHECK(copied.error().code == Errc::malformed);
  CHECK(none.bytes().empty());
}
