#include <catch2/catch.hpp>

#include "message/addresses.h"

using namespace sm;
using namespace sm::message;

namespace {

std::string shown(std::string_view value) {
  const auto list = parse_address_list(value);
  if (!list) {
    CHECK(list.error().code == Errc::malformed);
    return "refused";
  }
  std::string text;
  for (const auto& address : list->addresses)
    text += "[" + address.display_name + "|" + address.mailbox.text() + "]";
  return text;
}

}  // namespace

TEST_CASE("address lists of every form are read", "[addresses]") {
  CHECK(shown(" anna@a.b") == "[|anna@a.b]");
  CHECK(shown("Anna Bakker <anna@a.b>") == "[Anna Bakker|anna@a.b]");
  CHECK(shown("\"Bakker, Anna\" <anna@a.b>, bob@c.d") == "[Bakker, Anna|anna@a.b][|bob@c.d]");
  CHECK(shown("anna@a.b (Anna \\(B\\) (x))") == "[Anna (B) (x)|anna@a.b]");
  CHECK(shown("<anna@a.b>") == "[|anna@a.b]");
  CHECK(shown("(c)Anna(d)B.\r\n\t<anna@a.b>(e)") == "[Anna B.|anna@a.b]");
  CHECK(shown("\"a b\"@c.d") == "[|\"a b\"@c.d]");
  CHECK(shown("x <\"a>b\"@c.d>") == "[x|\"a>b\"@c.d]");
  CHECK(shown("a@b.c,,d@e.f,") == "[|a@b.c][|d@e.f]");
  CHECK(shown("").empty());
  CHECK(shown("=?utf-8?q?Andr=C3=A9?= =?utf-8?q?e?= <a@b.c>") ==
        "[Andr\xc3\xa9"
        "e|a@b.c]");
  CHECK(shown("\"=?utf-8?q?x?=\" <a@b.c>") == "[=?utf-8?q?x?=|a@b.c]");
  CHECK(shown("Andr\xc3\xa9 <andr\xc3\xa9@b.c>") == "[Andr\xc3\xa9|andr\xc3\xa9@b.c]");
  CHECK(shown("Joe \"Q.\" Public <j@b.c>") == "[Joe Q. Public|j@b.c]");
}

TEST_CASE("groups are seen, their members are addresses", "[addresses]") {
  const auto list = parse_address_list("Team: a@b.c, D <d@e.f>;, g@h.i");
  REQUIRE(list);
  CHECK(list->groups == 1);
  CHECK(list->addresses.size() == 3);
  const auto none = parse_address_list("undisclosed-recipients:;");
  REQUIRE(none);
  CHECK(none->groups == 1);
  CHECK(none->addresses.empty());
}

TEST_CASE("what is no address list is refused (A50)", "[addresses]") {
  for (const auto* value : {"root",
                            "anna@",
                            "@a.b",
                            "Anna <anna@a.b",
                            "Anna anna@a.b",
                            "anna@a.b anna@c.d",
                            "anna @a.b",
                            "anna@ a.b",
                            "anna(c)@a.b",
                            "<anna@(c)a.b>",
                            "<@x.y:anna@a.b>",
                            "<>",
                            "anna@[1.2.3.4]",
                            "<anna@[1.2.3.4]>",
                            "Team: a@b.c",
                            "A: B: c@d.e;;",
                            ": a@b.c;",
                            "a@b.c;",
                            "\"Anna <a@b.c>",
                            "Anna (x <a@b.c>",
                            "[x] <a@b.c>",
                            "a@b <a@b.c>",
                            "Bakker, Anna <a@b.c>",
                            "<a@b.c>>",
                            "<<a@b.c>>",
                            "a@b.c\n",
                            "a@b.c)"}) {
    CAPTURE(value);
    CHECK(shown(value) == "refused");
  }
  CHECK(shown(std::string(100'000, '(')) == "refused");
}

TEST_CASE("at most 10,000 addresses are read", "[addresses]") {
  std::string value;
  for (int i = 0; i < 10'000; ++i)
    value += "a@b.c,";
  CHECK(parse_address_list(value)->addresses.size() == 10'000);
  CHECK(shown(value + "a@b.c") == "refused");
}

TEST_CASE("an address that is written is read as the same", "[addresses]") {
  const auto mailbox = *name::Mailbox::parse("\"a b\"@c.d");
  for (const std::string name : {"", "Anna Bakker", "Bakker, Anna", "a\"b\\c", "Andr\xc3\xa9",
                                 "x (y)", "=?utf-8?q?x?=", "J. Q.", "a@b", "line\r\nBcc: x@y"}) {
    CAPTURE(name);
    const auto text = address_text({name, mailbox});
    CHECK(text.find_first_of("\r\n") == text.npos);
    const auto list = parse_address_list(text);
    REQUIRE(list);
    REQUIRE(list->addresses.size() == 1);
    CHECK(list->addresses[0].mailbox == mailbox);
    if (name.find('\n') == name.npos) CHECK(list->addresses[0].display_name == name);
  }
}
