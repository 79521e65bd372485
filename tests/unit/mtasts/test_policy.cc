#include <catch2/catch.hpp>

#include "mtasts/policy.h"

using sm::mtasts::Mode;
using sm::mtasts::MxPattern;
using sm::mtasts::NoRecord;
using sm::mtasts::parse_policy;
using sm::mtasts::parse_records;
using sm::mtasts::Record;
using sm::name::Domain;

namespace {

/// The record's id, or "none: why".
std::string id_of(const std::vector<std::string>& texts) {
  const auto answer = parse_records(texts);
  if (const auto* record = std::get_if<Record>(&answer)) return record->id;
  return "none: " + std::get<NoRecord>(answer).why;
}

bool matches(const char* pattern, const char* host) {
  return MxPattern::parse(pattern)->matches(*Domain::parse(host));
}

constexpr const char* kGood =
    "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmax_age: 604800\n";

bool is_policy(const std::string& text) {
  const auto policy = parse_policy(text);
  if (!policy) CHECK(policy.error().code == sm::Errc::protocol);
  return policy.has_value();
}

}  // namespace

TEST_CASE("the TXT record gives an id", "[mtasts]") {
  CHECK(id_of({"v=STSv1; id=20160831085700Z;"}) == "20160831085700Z");
  CHECK(id_of({"v=STSv1;id=1"}) == "1");
  CHECK(id_of({"v=STSv1; \t id=1 \t; \t"}) == "1");
  CHECK(id_of({"v=STSv1; other=x.y-z_1; id=a1; more=(!)"}) == "a1");
  CHECK(id_of({"v=STSv1; id=" + std::string(32, 'a')}) == std::string(32, 'a'));
}

TEST_CASE("records of other kinds are passed over, and one must remain", "[mtasts]") {
  CHECK(id_of({"v=spf1 -all", "v=STSv1; id=1;", "V=STSv1; id=2;"}) == "1");
  CHECK(id_of({}) == "none: ");
  CHECK(id_of({"v=STSv1", "v=STSv2; id=1", " v=STSv1; id=1", "v=STSv1 ; id=1"}) == "none: ");
  CHECK(id_of({"v=STSv1; id=1", "v=STSv1; id=1"}) == "none: there are several MTA-STS records");
}

TEST_CASE("a record that is wrong is no record, with the reason", "[mtasts]") {
  for (const char* text :
       {"v=STSv1;", "v=STSv1; id=", "v=STSv1; id=a_b", "v=STSv1; id=1; id=1", "v=STSv1; id=1; x",
        "v=STSv1; id=1; x=", "v=STSv1; id=1; =x", "v=STSv1; id=1; x=a b", "v=STSv1; id=1; x=a=b",
        "v=STSv1;; id=1", "v=STSv1; ID=1", "v=STSv1; id=1; -x=1", "v=STSv1; id=1; x=\xc3\xa9"}) {
    INFO(text);
    CHECK(id_of({text}).starts_with("none: "));
    CHECK(id_of({text}) != "none: ");
  }
  CHECK(id_of({"v=STSv1; id=" + std::string(33, 'a')}).starts_with("none: "));
}

TEST_CASE("a wildcard mx covers exactly one label", "[mtasts]") {
  CHECK(matches("*.example.com", "mx.example.com"));
  CHECK(matches("*.EXAMPLE.com", "MX.example.COM"));
  CHECK_FALSE(matches("*.example.com", "example.com"));
  CHECK_FALSE(matches("*.example.com", "a.b.example.com"));
  CHECK_FALSE(matches("*.example.com", "mx.example.com.evil.example"));
  CHECK_FALSE(matches("*.example.com", "xexample.com"));
  CHECK(matches("mx.example.com", "mx.example.com"));
  CHECK_FALSE(matches("mx.example.com", "a.mx.example.com"));
  for (const char* wrong : {"", "*", "*.", "mx*.example.com", "*.*.example.com", "a.*.example.com",
                            ".example.com", "192.0.2.1", "[192.0.2.1]", "mx example.com"}) {
    INFO(wrong);
    CHECK_FALSE(MxPattern::parse(wrong));
  }
}

TEST_CASE("a policy is read with LF and with CRLF", "[mtasts]") {
  for (const bool is_crlf : {false, true}) {
    std::string text;
    for (const char* c = kGood; *c != '\0'; ++c) {
      if (*c == '\n' && is_crlf) text += '\r';
      text += *c;
    }
    const auto policy = parse_policy(text);
    REQUIRE(policy);
    CHECK(policy->mode == Mode::enforce);
    CHECK(policy->max_age == std::chrono::days(7));
    CHECK(policy->covers(*Domain::parse("mail.example.com")));
    CHECK(policy->covers(*Domain::parse("x.example.net")));
    CHECK_FALSE(policy->covers(*Domain::parse("x.example.com")));
  }
}

TEST_CASE("of a doubled field the first counts, and unknown fields do not", "[mtasts]") {
  const auto policy = parse_policy(
      "max_age: 1\nmode: testing\nmode: none\nfuture: a: b \xc3\xa9\nversion: STSv1\n"
      "version: STSv2\nmax_age: 2\nmx:a.example\n\n \n");
  REQUIRE(policy);
  CHECK(policy->mode == Mode::testing);
  CHECK(policy->max_age == std::chrono::seconds(1));
  CHECK(policy->mx.at(0).text() == "a.example");
}

TEST_CASE("max_age is at most a year, and ten digits parse", "[mtasts]") {
  const auto max_age = [](const std::string& value) {
    const auto policy = parse_policy("version: STSv1\nmode: none\nmax_age: " + value + "\n");
    return policy ? policy->max_age.count() : -1;
  };
  CHECK(max_age("0") == 0);
  CHECK(max_age("0000000086") == 86);
  CHECK(max_age("31557600") == 31'557'600);
  CHECK(max_age("31557601") == 31'557'600);
  CHECK(max_age("9999999999") == 31'557'600);
  for (const char* wrong : {"", "10000000000", "-1", "+1", "1s", "1.0", "0x1", "1 2"}) {
    INFO(wrong);
    CHECK(max_age(wrong) == -1);
  }
}

TEST_CASE("a policy that is wrong is none", "[mtasts][A31]") {
  REQUIRE(is_policy(kGood));
  const std::string mx = "mx: a.example\n";
  for (const std::string& text : std::vector<std::string>{
           "", "<html></html>\n", "mode: enforce\nmax_age: 1\n" + mx,
           "version: STSv2\nmode: enforce\nmax_age: 1\n" + mx, "version: STSv1\nmax_age: 1\n" + mx,
           "version: STSv1\nmode: enforce\n" + mx,
           "version: STSv1\nmode: Enforce\nmax_age: 1\n" + mx,
           "Version: STSv1\nmode: enforce\nmax_age: 1\n" + mx,
           "version: STSv1\nmode: enforce\nmax_age: 1\n",
           "version: STSv1\nmode: testing\nmax_age: 1\n",
           "version: STSv1\nmode: enforce\nmax_age: 1\nmx: *\n",
           "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.example b.example\n",
           "version: STSv1\rmode: enforce\rmax_age: 1\r" + mx,
           "version: STSv1\nmode: enforce\nmax_age: 1\nnonsense\n" + mx,
           "version : STSv1\nmode: enforce\nmax_age: 1\n" + mx}) {
    INFO(text);
    CHECK_FALSE(is_policy(text));
  }
  CHECK_FALSE(is_policy(std::string("version: STSv1\nmode: none\nmax_age: 1\nx: a\0b\n", 44)));
  CHECK(is_policy("version: STSv1\nmode: none\nmax_age: 1\n"));
  CHECK_FALSE(is_policy(kGood + std::string(65'536, '\n')));
}
