#include "base/encoding.h"
#include "unit/envelope/support.h"

using namespace sm;
using namespace sm::test;

namespace {

const std::string kSalt(24, 'A');

/// A header with these stanza lines in place of its own.
std::string header_with(const std::string& stanzas) {
  return "smtools-envelope/v1\nid " + std::string(42, 'A') + "A\nmanifest " +
         to_base64(std::vector<std::uint8_t>(56)) + " 1096\n" + stanzas + "---\n";
}

std::string lines(const std::string& first, std::size_t wrapped = 48) {
  return first + ' ' + to_base64(std::vector<std::uint8_t>(24)) + '\n' +
         to_base64(std::vector<std::uint8_t>(wrapped)) + '\n';
}

bool is_accepted(const std::string& text) {
  const auto header = parse_header(text);
  if (header) CHECK(header->text() == text);
  if (!header) CHECK(header.error().code == Errc::malformed);
  return header.has_value();
}

const std::string kSalt16 = to_base64(std::vector<std::uint8_t>(16));
const std::string kKey32 = to_base64(std::vector<std::uint8_t>(32));

}  // namespace

TEST_CASE("each stanza type is read and written back as it was", "[envelope]") {
  CHECK(is_accepted(header_with("")));
  CHECK(is_accepted(header_with(lines("-> password " + kSalt16 + " 3 65536 4"))));
  CHECK(is_accepted(header_with(lines("-> org default 0123456789abcdef"))));
  CHECK(is_accepted(header_with(lines("-> x25519 a.b-c 0123456789abcdef " + kKey32))));
  CHECK(is_accepted(header_with(lines("-> link default 0123456789abcdef AAAAAAAAAAA", 88))));
  CHECK(is_accepted(header_with(lines(
      "-> link+password default 0123456789abcdef AAAAAAAAAAA " + kSalt16 + " 3 65536 4", 88))));
}

TEST_CASE("A66 what is not written exactly so is no header", "[envelope]") {
  const std::string good = lines("-> org default 0123456789abcdef");
  const std::string text = header_with(good);
  REQUIRE(is_accepted(text));
  const auto changed = [&](const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != text.npos);
    return std::string(text).replace(at, from.size(), to);
  };
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"/v1", "/v2"},
           {"/v1\n", "/v1\r\n"},
           {"id ", "id  "},
           {"id A", "id B="},
           {"AA\nmanifest", "AB\nmanifest"},  // base64url with bits behind the last byte
           {"A\nmanifest", "\nmanifest"},
           {" 1096", " 01096"},
           {" 1096", " 1097"},
           {" 1096", " 72"},
           {" 1096", " 99999999999999999999"},
           {" 1096", " 1096 "},
           {"AAA= 1096", "AAB= 1096"},  // non-canonical base64
           {"AAA= 1096", "AAA 1096"},
           {"-> org", "->  org"},
           {"-> org", "> org"},
           {"-> org", "-> ORG"},
           {"-> org", "-> scrypt"},
           {"-> org", "-> X25519"},
           {"default", "Default"},
           {"default", "-default"},
           {"default", ""},
           {"default", std::string(64, 'a')},
           {"0123456789abcdef", "0123456789ABCDEF"},
           {"0123456789abcdef", "0123456789abcde"},
           {"0123456789abcdef", "0123456789abcdef0"},
           {"0123456789abcdef ", "0123456789abcdef x "},
           {"---\n", "---"},
           {"---\n", "---\n\n"},
           {"---\n", "--- \n"},
           {"---\n", "\n---\n"},
           {"---\n", "---\n---\n"},
       }) {
    INFO(from << " → " << to);
    CHECK_FALSE(is_accepted(changed(from, to)));
  }
  CHECK_FALSE(is_accepted(""));
  CHECK_FALSE(is_accepted(std::string("smtools-envelope/v1\n\0", 21)));
  CHECK_FALSE(is_accepted(header_with(good + good)));
  CHECK_FALSE(is_accepted(header_with("-> org default 0123456789abcdef\n")));
  CHECK_FALSE(is_accepted(header_with(lines("-> org default 0123456789abcdef", 47))));
  CHECK_FALSE(is_accepted(header_with(lines("-> org default 0123456789abcdef", 88))));
  CHECK_FALSE(is_accepted(header_with(lines("-> link default 0123456789abcdef AAAAAAAAAAA", 48))));
  CHECK_FALSE(is_accepted(header_with(lines("-> link default 0123456789abcdef AAAAAAAAAAB", 88))));
}

TEST_CASE("A64 a header with argon2 parameters beyond the caps is refused as it is read",
          "[envelope]") {
  int refused = 0;
  for (const char* cost : {"0 65536 4", "17 65536 4", "3 31 4", "3 1048577 4", "3 65536 0",
                           "3 65536 17", "3 4294967296 4", "3 18446744073709551615 4",
                           "99999999999999999999 65536 4", "03 65536 4", "-3 65536 4", "3 65536"}) {
    INFO(cost);
    CHECK_FALSE(is_accepted(header_with(lines("-> password " + kSalt16 + ' ' + cost))));
    CHECK_FALSE(is_accepted(header_with(lines(
        "-> link+password default 0123456789abcdef AAAAAAAAAAA " + kSalt16 + ' ' + cost, 88))));
    ++refused;
  }
  CHECK(refused == 12);
  CHECK(is_accepted(header_with(lines("-> password " + kSalt16 + " 16 1048576 16"))));
  CHECK(is_accepted(header_with(lines("-> password " + kSalt16 + " 1 8 1"))));
}

TEST_CASE("A66 the caps on stanzas hold to the one", "[envelope]") {
  const auto stanzas = [](std::size_t n, bool is_password) {
    std::string text;
    for (std::size_t i = 0; i < n; ++i) {
      std::array<std::uint8_t, 24> nonce{static_cast<std::uint8_t>(i),
                                         static_cast<std::uint8_t>(i >> 8)};
      text += (is_password ? "-> password " + kSalt16 + " 3 65536 4 "
                           : "-> org default 0123456789abcdef ") +
              to_base64(nonce) + '\n' + to_base64(std::vector<std::uint8_t>(48)) + '\n';
    }
    return text;
  };
  CHECK(is_accepted(header_with(stanzas(1024, false))));
  CHECK_FALSE(is_accepted(header_with(stanzas(1025, false))));
  CHECK_FALSE(is_accepted(header_with(stanzas(5000, false))));
  CHECK(is_accepted(header_with(stanzas(8, true))));
  CHECK_FALSE(is_accepted(header_with(stanzas(9, true))));
  CHECK(is_accepted(header_with(stanzas(8, true) + stanzas(1016, false))));
  CHECK_FALSE(is_accepted(header_with(stanzas(8, true) + stanzas(1017, false))));

  Header header = parse_header(header_with(stanzas(1024, false))).value();
  const auto full = header.add(header.stanzas[0]);
  REQUIRE_FALSE(full);
  CHECK(header.stanzas.size() == 1024);
}

TEST_CASE("a manifest goes to text and back, padded to whole KiB", "[envelope]") {
  Manifest manifest{kNow, {}};
  manifest.parts.push_back({{Role::message, std::nullopt, "message/rfc822", 4711}, {}});
  manifest.parts.push_back({{Role::file, "scän \"1\"\n.pdf", "application/pdf", std::nullopt}, {}});
  const std::string text = manifest.text().value();
  CHECK(text.size() == 1024);
  const auto again = parse_manifest(text).value();
  CHECK(again.created == kNow);
  REQUIRE(again.parts.size() == 2);
  CHECK(again.parts[0].info.role == Role::message);
  CHECK_FALSE(again.parts[0].info.name);
  CHECK(again.parts[0].info.size == 4711u);
  CHECK(again.parts[1].info.name == "scän \"1\"\n.pdf");
  CHECK_FALSE(again.parts[1].info.size);
}

TEST_CASE("a manifest that is written otherwise is refused", "[envelope]") {
  const std::string sealed = to_base64(std::vector<std::uint8_t>(56));
  const auto padded = [](std::string text) {
    text.resize((text.size() + 1023) / 1024 * 1024, ' ');
    return text;
  };
  const auto part = [&](const std::string& n, const std::string& size) {
    return R"({"n":)" + n + R"(,"role":"file","name":null,"type":"t","size":)" + size +
           R"(,"sealed":")" + sealed + "\"}";
  };
  const auto manifest = [&](const std::string& parts) {
    return padded(R"({"v":1,"created":"2026-11-21T10:00:00Z","parts":[)" + parts + "]}");
  };
  const std::string good = manifest(part("1", "5"));
  REQUIRE(parse_manifest(good));
  // Any order of keys, white space between.
  REQUIRE(parse_manifest(padded("{ \"parts\" : [" + part("1", "5") +
                                "],\n \"created\":\"2026-11-21T10:00:00Z\", \"v\":1}")));
  REQUIRE(parse_manifest(manifest(part("1", "5") + "," + part("2", "null"))));
  const auto changed = [&](const std::string& from, const std::string& to) {
    const auto at = good.find(from);
    REQUIRE(at != good.npos);
    std::string text = good;
    text.replace(at, from.size(), to);
    return padded(text.substr(0, text.find_last_not_of(' ') + 1));
  };
  for (const std::string& bad : {
           manifest(""),
           manifest(part("2", "5")),
           manifest(part("1", "null") + "," + part("2", "5")),
           manifest(part("1", "5") + "," + part("1", "5")),
           manifest(part("1", "-5")),
           manifest(part("1", "5.0")),
           manifest(part("1", "\"5\"")),
           manifest(part("1", "4503599627370496")),
           manifest(part("1", "18446744073709551616")),
           changed("\"v\":1", "\"v\":2"),
           changed("\"v\":1", "\"v\":1,\"v\":1"),
           changed("\"v\":1", "\"v\":1,\"x\":1"),
           changed("\"v\":1,", ""),
           changed("\"file\"", "\"folder\""),
           changed("\"name\":null", "\"name\":5"),
           changed("\"name\":null,", ""),
           changed("\"type\":\"t\"", "\"type\":null"),
           changed("\"type\":\"t\"", "\"type\":\"t\",\"type\":\"t\""),
           changed("\"type\":\"t\"", "\"type\":\"\xff\""),
           changed("10:00:00Z", "10:00:00.5Z"),
           changed("10:00:00Z", "10:00:00+00:00"),
           changed("AAA=\"", "AAB=\""),
           good + std::string(1024, ' '),
           good.substr(0, 1023),
           std::string(1024, ' '),
           padded(""),
           good.substr(0, 1000) + "                      x ",
       }) {
    INFO(bad);
    CHECK_FALSE(parse_manifest(bad));
  }
}

TEST_CASE("a manifest of 10,000 parts fits, one more does not", "[envelope]") {
  Manifest manifest{kNow, {}};
  for (int i = 0; i < 10000; ++i)
    manifest.parts.push_back(
        {{Role::file, "file number " + std::to_string(i), "text/plain", 1}, {}});
  const std::string text = manifest.text().value();
  CHECK(text.size() <= kMaxManifestSize);
  CHECK(parse_manifest(text).value().parts.size() == 10000);
  manifest.parts.push_back(manifest.parts[0]);
  CHECK_FALSE(manifest.text());
  manifest.parts.resize(10);
  manifest.parts[3].info.name = std::string(5 << 20, 'x');
  CHECK_FALSE(manifest.text());
}
