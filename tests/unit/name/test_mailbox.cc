#include <catch2/catch.hpp>
#include <unordered_set>

#include "name/mailbox.h"

using namespace sm::name;
using namespace std::string_literals;

TEST_CASE("a mailbox round-trips with the least quoting (A50)", "[mailbox]") {
  struct Case {
    std::string text, local_part, written;
  };
  for (const auto& [text, local_part, written] :
       std::vector<Case>{{"anna@example.org", "anna", "anna@example.org"},
                         {"Anna.B+x@EXAMPLE.org", "Anna.B+x", "Anna.B+x@example.org"},
                         {"\"anna\"@a.b", "anna", "anna@a.b"},
                         {"\"a b\"@a.b", "a b", "\"a b\"@a.b"},
                         {"\"a\\\"b\\\\c\"@a.b", "a\"b\\c", "\"a\\\"b\\\\c\"@a.b"},
                         {"\"a\\b\"@a.b", "ab", "ab@a.b"},
                         {"\"a@b\"@a.b", "a@b", "\"a@b\"@a.b"},
                         {"\"john..doe\"@a.b", "john..doe", "\"john..doe\"@a.b"},
                         {"\"\"@a.b", "", "\"\"@a.b"},
                         {"\".\"@a.b", ".", "\".\"@a.b"},
                         {"a%b@a.b", "a%b", "a%b@a.b"},
                         {"a!b@a.b", "a!b", "a!b@a.b"},
                         {"-f@a.b", "-f", "-f@a.b"},
                         {"--@a.b", "--", "--@a.b"},
                         {"\"<>(),:;\"@a.b", "<>(),:;", "\"<>(),:;\"@a.b"}}) {
    CAPTURE(text);
    const auto mailbox = Mailbox::parse(text);
    REQUIRE(mailbox);
    CHECK(mailbox->local_part() == local_part);
    CHECK(mailbox->text() == written);
    CHECK(*Mailbox::parse(mailbox->text()) == *mailbox);
    CHECK_FALSE(mailbox->needs_smtputf8());
  }
}

TEST_CASE("local parts differ in case, domains do not", "[mailbox]") {
  CHECK(*Mailbox::parse("a@B.c") == *Mailbox::parse("a@b.C"));
  CHECK(*Mailbox::parse("A@b.c") != *Mailbox::parse("a@b.c"));
  const std::unordered_set<Mailbox> set{*Mailbox::parse("a@B.c"), *Mailbox::parse("\"a\"@b.c")};
  CHECK(set.size() == 1);
}

TEST_CASE("what is no mailbox is refused (A05, A50)", "[mailbox]") {
  for (const auto& text : {""s,
                           "anna"s,
                           "@a.b"s,
                           "anna@"s,
                           "a@b@c.d"s,
                           "anna@a.b."s,
                           "anna@.a.b"s,
                           "anna@a..b"s,
                           ".anna@a.b"s,
                           "anna.@a.b"s,
                           "an..na@a.b"s,
                           "an na@a.b"s,
                           " anna@a.b"s,
                           "anna@a.b "s,
                           "anna @a.b"s,
                           "(c)anna@a.b"s,
                           "anna(c)@a.b"s,
                           "anna@a.b(c)"s,
                           "<anna@a.b>"s,
                           "@x.y,@z.w:anna@a.b"s,
                           "@x.y:anna@a.b"s,
                           "anna@[192.0.2.1]"s,
                           "anna@[IPv6:::1]"s,
                           "anna@192.0.2.1"s,
                           "\"anna@a.b"s,
                           "\"anna\\"s,
                           "\"anna\\\"@a.b"s,
                           "\"an\"na@a.b"s,
                           "an\"na\"@a.b"s,
                           "\"a\".b@a.b"s,
                           "anna@a.b\r\nRCPT TO:<x@y>"s,
                           "an\rna@a.b"s,
                           "an\nna@a.b"s,
                           "an\0na@a.b"s,
                           "\"a\tb\"@a.b"s,
                           "\"a\r\n b\"@a.b"s,
                           "anna,b@a.b"s,
                           "anna;@a.b"s,
                           "an\x7fna@a.b"s,
                           "\xff@a.b"s,
                           "a\xe2\x80\xae@a.b"s,
                           "a\xc2\x80@a.b"s,
                           "anna@a_b.c"s,
                           "anna@-a.b"s,
                           "a\\b@a.b"s,
                           "\"\\\xc3\xa9\"@a.b"s}) {
    CAPTURE(text);
    const auto mailbox = Mailbox::parse(text);
    REQUIRE_FALSE(mailbox);
    CHECK(mailbox.error().code == sm::Errc::malformed);
    CHECK(mailbox.error().what.find_first_of("\r\n"s + '\0') == std::string::npos);
  }
}

TEST_CASE("over-long mailboxes are refused (A50)", "[mailbox]") {
  CHECK(Mailbox::parse(std::string(64, 'a') + "@b.c"));
  CHECK_FALSE(Mailbox::parse(std::string(65, 'a') + "@b.c"));
  CHECK(Mailbox::parse("\"" + std::string(61, 'a') + " \"@b.c"));
  CHECK_FALSE(Mailbox::parse("\"" + std::string(62, 'a') + " \"@b.c"));
  std::string domain = "e";
  while (domain.size() + 2 <= 252)
    domain = "a." + domain;
  CHECK(domain.size() == 251);
  CHECK(Mailbox::parse("ab@" + domain));
  CHECK_FALSE(Mailbox::parse("abc@" + domain));
  CHECK_FALSE(Mailbox::parse(std::string(1'000'000, 'a')));
}

TEST_CASE("characters beyond ASCII need SMTPUTF8 in the local part only (A52)", "[mailbox]") {
  const auto local = Mailbox::parse("andr\xc3\xa9@example.org");
  REQUIRE(local);
  CHECK(local->needs_smtputf8());
  CHECK(*Mailbox::parse(local->text()) == *local);
  const auto domain = Mailbox::parse(
      "anna@b\xc3\xbc"
      "cher.example");
  REQUIRE(domain);
  CHECK_FALSE(domain->needs_smtputf8());
  CHECK(domain->text() == "anna@xn--bcher-kva.example");
  CHECK(domain->unicode() ==
        "anna@b\xc3\xbc"
        "cher.example");
}

TEST_CASE("the null sender is a value", "[mailbox]") {
  for (const auto* text : {"", "<>"}) {
    const auto path = ReversePath::parse(text);
    REQUIRE(path);
    CHECK(path->is_null());
    CHECK(path->text().empty());
  }
  for (const auto* text : {"a@b.c", "<a@b.c>"}) {
    const auto path = ReversePath::parse(text);
    REQUIRE(path);
    CHECK_FALSE(path->is_null());
    CHECK(path->text() == "a@b.c");
  }
  for (const auto* text : {" ", "<", "<a@b.c", "a@b.c>", "<<a@b.c>>", "< >"}) {
    CHECK_FALSE(ReversePath::parse(text));
  }
}
