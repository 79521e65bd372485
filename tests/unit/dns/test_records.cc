#include <catch2/catch.hpp>

#include "dns/records.h"

namespace {
using namespace sm;
using namespace sm::dns;

std::vector<std::uint8_t> bytes(std::initializer_list<int> values) {
  return {values.begin(), values.end()};
}
bool is_malformed(const Record& record) {
  return std::holds_alternative<Malformed>(record);
}
}  // namespace

TEST_CASE("a TLSA record of 0 to 3 bytes is malformed, and kept", "[dns][tlsa]") {
  for (const auto& rdata : {bytes({}), bytes({3}), bytes({3, 1}), bytes({3, 1, 1})}) {
    const auto record = read_rdata(Type::tlsa, rdata);
    REQUIRE(is_malformed(record));
    CHECK(std::get<Malformed>(record).rdata == rdata);
  }
}

TEST_CASE("a TLSA record of four bytes is read, whatever its digest should measure",
          "[dns][tlsa]") {
  const auto record = read_rdata(Type::tlsa, bytes({3, 1, 1, 0xab}));
  REQUIRE(std::holds_alternative<Tlsa>(record));
  CHECK(text(record) == "3 1 1 ab");
}

TEST_CASE("addresses of the wrong length are malformed", "[dns]") {
  CHECK(is_malformed(read_rdata(Type::a, bytes({192, 0, 2}))));
  CHECK(is_malformed(read_rdata(Type::aaaa, bytes({192, 0, 2, 1}))));
  CHECK(text(read_rdata(Type::a, bytes({192, 0, 2, 1}))) == "192.0.2.1");
}

TEST_CASE("an MX record is read with its preference in network order and its name in lower case",
          "[dns][mx]") {
  const auto record = read_rdata(Type::mx, bytes({1, 2, 2, 'M', 'X', 1, 'E', 0}));
  REQUIRE(std::holds_alternative<Mx>(record));
  CHECK(std::get<Mx>(record) == Mx{258, "mx.e"});
}

TEST_CASE("a null MX has the root as its exchange", "[dns][mx]") {
  CHECK(std::get<Mx>(read_rdata(Type::mx, bytes({0, 0, 0}))) == Mx{0, "."});
}

TEST_CASE("MX records with broken names are malformed", "[dns][mx]") {
  CHECK(is_malformed(read_rdata(Type::mx, bytes({0, 10}))));
  CHECK(is_malformed(read_rdata(Type::mx, bytes({0, 10, 3, 'm', 'x'}))));
  CHECK(is_malformed(read_rdata(Type::mx, bytes({0, 10, 2, 'm', 'x'}))));
  CHECK(is_malformed(read_rdata(Type::mx, bytes({0, 10, 2, 'm', 'x', 0, 0}))));
  CHECK(is_malformed(read_rdata(Type::mx, bytes({0, 10, 0xc0, 12}))));
}

TEST_CASE("bytes in a name that could forge text are escaped", "[dns]") {
  const auto name = read_name(bytes({5, 'a', '.', '\n', '\\', 0xff, 1, 'b', 0}));
  REQUIRE(name);
  CHECK(*name == "a\\.\\010\\\\\\255.b");
}

TEST_CASE("a name longer than 255 octets is refused", "[dns]") {
  std::vector<std::uint8_t> wire;
  for (int i = 0; i < 5; ++i) {
    wire.push_back(63);
    wire.insert(wire.end(), 63, 'a');
  }
  wire.push_back(0);
  CHECK_FALSE(read_name(wire));
}

TEST_CASE("a TXT record keeps its strings apart and joins them without spaces", "[dns][txt]") {
  const auto record = read_rdata(Type::txt, bytes({3, 'v', '=', 'D', 2, 'K', 'I', 0}));
  REQUIRE(std::holds_alternative<Txt>(record));
  const auto& txt = std::get<Txt>(record);
  CHECK(txt.strings == std::vector<std::string>{"v=D", "KI", ""});
  CHECK(txt.joined() == "v=DKI");
  CHECK(text(record) == "\"v=D\" \"KI\" \"\"");
}

TEST_CASE("a TXT string that reaches beyond its record is malformed", "[dns][txt]") {
  CHECK(is_malformed(read_rdata(Type::txt, bytes({4, 'a', 'b'}))));
  CHECK(is_malformed(read_rdata(Type::txt, bytes({}))));
}

TEST_CASE("quotes, backslashes and control characters in TXT text are escaped", "[dns][txt]") {
  CHECK(text(Record(Txt{{"a\"b\\c\nd\xc3\xa9"}})) == "\"a\\\"b\\\\c\\010d\\195\\169\"");
}

TEST_CASE("zone-file text is read into the same types", "[dns]") {
  CHECK(text(*parse_record_text(Type::mx, "10 MX.Example.COM.")) == "10 mx.example.com");
  CHECK(text(*parse_record_text(Type::mx, "0 .")) == "0 .");
  CHECK(text(*parse_record_text(Type::tlsa, "3 1 1 00ff")) == "3 1 1 00ff");
  CHECK(text(*parse_record_text(Type::txt, "\"a b\" \"c\"")) == "\"a b\" \"c\"");
  CHECK(std::get<Txt>(*parse_record_text(Type::txt, "v=DKIM1; p=AB==")).joined() ==
        "v=DKIM1; p=AB==");
  CHECK_FALSE(parse_record_text(Type::mx, "ten mx.example.com"));
  CHECK_FALSE(parse_record_text(Type::a, "192.0.2.256"));
}

TEST_CASE("a TXT text longer than 255 characters becomes several strings", "[dns][txt]") {
  const std::string text(600, 'x');
  const auto txt = std::get<Txt>(*parse_record_text(Type::txt, text));
  CHECK(txt.strings.size() == 3);
  CHECK(txt.joined() == text);
}

TEST_CASE("types are read in any case, and by number", "[dns]") {
  CHECK(parse_type("tlsa") == Type::tlsa);
  CHECK(parse_type("TYPE52") == Type::tlsa);
  CHECK_FALSE(parse_type("TYPE65536"));
  CHECK_FALSE(parse_type("FOO"));
  CHECK(text(static_cast<Type>(99)) == "TYPE99");
}

namespace {
/// A response with the answer section "a CNAME b, b A 192.0.2.1" built by hand.
std::vector<std::uint8_t> response(std::initializer_list<int> answers, int count) {
  std::vector<std::uint8_t> wire = bytes({0x12, 0x34, 0x81, 0xa0, 0, 1, 0, count, 0, 0, 0, 0,  //
                                          1, 'a', 0, 0, 1, 0, 1});
  for (const int byte : answers) {
    wire.push_back(static_cast<std::uint8_t>(byte));
  }
  return wire;
}
}  // namespace

TEST_CASE("a response's header, question and answers are read", "[dns][message]") {
  const auto message =
      parse_message(response({1, 'a', 0, 0, 5, 0, 1, 0, 0, 0, 60, 0, 3, 1,   'B', 0,  //
                              1, 'b', 0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0,   2, 1},
                             2));
  REQUIRE(message);
  CHECK(message->id == 0x1234);
  CHECK(message->is_response);
  CHECK(message->is_authentic);
  CHECK_FALSE(message->is_truncated);
  CHECK(message->question_name == "a");
  REQUIRE(message->answers.size() == 2);
  CHECK(text(message->answers[0].record) == "b");
  CHECK(text(message->answers[1].record) == "192.0.2.1");
  CHECK(message->answers[1].ttl == 60);

  const auto chain = follow_cnames(*name::DnsName::parse("a"), message->answers, Security::secure);
  REQUIRE(chain);
  REQUIRE(chain->size() == 1);
  CHECK(chain->front().owner == "a");
  CHECK(chain->front().target == "b");
}

TEST_CASE("a loop of CNAMEs is an error, not an endless walk", "[dns][message]") {
  const auto message = parse_message(response({1, 'a', 0, 0, 5, 0, 1, 0, 0, 0, 60, 0, 3, 1, 'b', 0,
                                               1, 'b', 0, 0, 5, 0, 1, 0, 0, 0, 60, 0, 3, 1, 'a', 0},
                                              2));
  REQUIRE(message);
  const auto chain =
      follow_cnames(*name::DnsName::parse("a"), message->answers, Security::insecure);
  REQUIRE_FALSE(chain);
  CHECK(chain.error().code == Errc::protocol);
}

TEST_CASE("two different CNAMEs at one name are an error", "[dns][message]") {
  const auto message = parse_message(response({1, 'a', 0, 0, 5, 0, 1, 0, 0, 0, 60, 0, 3, 1, 'b', 0,
                                               1, 'a', 0, 0, 5, 0, 1, 0, 0, 0, 60, 0, 3, 1, 'c', 0},
                                              2));
  REQUIRE(message);
  CHECK_FALSE(follow_cnames(*name::DnsName::parse("a"), message->answers, Security::insecure));
}

TEST_CASE("every truncation of a message is refused or read without its tail", "[dns][message]") {
  const auto whole = response({1, 'a', 0, 0, 16, 0, 1, 0, 0, 0, 60, 0, 3, 2, 'h', 'i'}, 1);
  REQUIRE(parse_message(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK_FALSE(parse_message(Bytes(whole).first(size)));
  }
}

TEST_CASE("TLSA records of 0 to 3 bytes in a message stay visible as malformed",
          "[dns][message][tlsa]") {
  for (int size = 0; size < 4; ++size) {
    auto wire = response({1, 'a', 0, 0, 52, 0, 1, 0, 0, 0, 60, 0}, 1);
    wire.push_back(static_cast<std::uint8_t>(size));
    wire.insert(wire.end(), static_cast<std::size_t>(size), 1);
    const auto message = parse_message(wire);
    if (!message) continue;  // refused as a whole: then the answer is a failure
    REQUIRE(message->answers.size() == 1);
    CHECK(is_malformed(message->answers[0].record));
  }
}

TEST_CASE("a query asks one question with recursion, AD and CD as told", "[dns][message]") {
  const auto query = build_query({*name::DnsName::parse("_25._tcp.mx.example"), Type::tlsa},
                                 {.id = 7, .wants_authentic = true, .is_checking_disabled = false});
  REQUIRE(query);
  const auto message = parse_message(*query);
  REQUIRE(message);
  CHECK(message->id == 7);
  CHECK_FALSE(message->is_response);
  CHECK(message->is_authentic);
  CHECK(message->question_name == "_25._tcp.mx.example");
  CHECK(message->question_type == 52);
  CHECK(((*query)[2] & 1) == 1);  // RD
}
