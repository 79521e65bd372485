#include <catch2/catch.hpp>

#include "batch/template.h"

using namespace sm::batch;

namespace {

constexpr char kPlain[] =
    "From: De Linde <post@delinde.example>\n"
    "To: {{name}} <{{to}}>\n"
    "Subject: Payslip for {{name}}\n"
    "X-Key: {{key}}\n"
    "\n"
    "Dear {{name}},\n"
    "{{#note}}\n"
    "{{note}}\n"
    "{{/note}}\n"
    "{{^note}}\n"
    "No note.\n"
    "{{/note}}\n";

Row row_of(std::vector<std::pair<std::string, std::string>> cells) {
  auto names = std::make_shared<std::vector<std::string>>();
  Row row;
  for (auto& [name, value] : cells) {
    names->push_back(name);
    row.values.push_back(std::move(value));
  }
  row.names = std::move(names);
  return row;
}

Template parsed(const std::string& text) {
  auto made = Template::parse(text);
  REQUIRE(made);
  return std::move(*made);
}

std::string template_refusal(const std::string& text) {
  const auto made = Template::parse(text);
  return made ? "" : made.error().what;
}

std::string rendered(const std::string& text, const Row& row) {
  auto made = parsed(text).render(row);
  return made ? *made : "refused: " + made.error().what;
}

Row anna(const std::string& name, const std::string& note = {}) {
  return row_of({{"to", "anna@a.example"}, {"name", name}, {"key", "k1"}, {"note", note}});
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a template names its variables and becomes a message", "[template]") {
  CHECK(parsed(kPlain).variables() == std::set<std::string>{"key", "name", "note", "to"});
  CHECK(rendered(kPlain, anna("Anna")) ==
        "From: De Linde <post@delinde.example>\r\n"
        "To: Anna <anna@a.example>\r\n"
        "Subject: Payslip for Anna\r\n"
        "X-Key: k1\r\n"
        "\r\n"
        "Dear Anna,\r\n"
        "No note.\r\n");
  CHECK(rendered("From: a@a.example\n\nx\n{{#note}}\n- {{note}}\n{{/note}}\n\ny\n",
                 anna("A", "n")) == "From: a@a.example\r\n\r\nx\r\n- n\r\n\r\ny\r\n");
  CHECK(rendered("From: a@a.example\n{{#note}}\nX-Note: {{note}}\n{{/note}}\n\nx\n", anna("A")) ==
        "From: a@a.example\r\n\r\nx\r\n");
  CHECK(has(rendered(kPlain, anna("Anna", "Read <this> & that\nand more")),
            "Dear Anna,\r\nRead <this> & that\r\nand more\r\n"));
}

TEST_CASE("A05 a value never makes a header line", "[template]") {
  const std::vector<std::string> names = {"x\r\nBcc: y@b.example", "x\ny", "x\ry",
                                          std::string("x\0y", 3), "x\x01y"};
  for (const auto& name : names) {
    const auto text = rendered(kPlain, anna(name));
    CHECK(has(text, "refused: "));
    CHECK(has(text, "header-injection"));
  }
  CHECK(has(rendered("From: a@a.example\n{{name}}\n\nx\n", anna("X-Evil: 1")),
            "a line that is no field"));
  CHECK(has(rendered("From: a@a.example\n{{{name}}}: x\n\nx\n", anna("Bcc")),
            "a line that is no field"));
}

TEST_CASE("A05 a value in an address field is a name or one address, never more", "[template]") {
  CHECK(has(rendered(kPlain, anna("Jansen, J. <x@evil.example>")),
            "To: \"Jansen, J. <x@evil.example>\" <anna@a.example>\r\n"));
  auto row = row_of(
      {{"to", "anna@a.example>, <x@evil.example"}, {"name", "A"}, {"key", "1"}, {"note", ""}});
  CHECK(has(rendered(kPlain, row), "refused: "));
  row = row_of({{"to", "anna@a.example, x@evil.example"}});
  CHECK(has(rendered("From: a@a.example\nTo: {{to}}\n\nx\n", row), "refused: "));
  CHECK(has(rendered("From: a@a.example\nTo: \"{{name}}\" <{{to}}>\n\nx\n", anna("say \"hi\" \\")),
            "To: \"say \\\"hi\\\" \\\\\" <anna@a.example>\r\n"));
}

TEST_CASE("text beyond ASCII in a header becomes encoded words", "[template]") {
  const auto text = rendered(kPlain, anna("J\xC3\xB6rg"));
  CHECK(has(text, "To: =?"));
  CHECK(has(text, " <anna@a.example>\r\n"));
  CHECK(has(text, "Subject: =?"));
  CHECK(has(text, "Dear J\xC3\xB6rg,\r\n"));
  const auto header = text.substr(0, text.find("\r\n\r\n"));
  CHECK(header.find('\xC3') == std::string::npos);
}

TEST_CASE("a value in a structured field is one word", "[template]") {
  const std::string text =
      "From: a@a.example\nMessage-ID: <{{key}}@a.example>\n"
      "List-Unsubscribe: <https://a.example/{{key}}>\n\nx\n";
  CHECK(has(rendered(text, row_of({{"key", "inv-12"}})), "Message-ID: <inv-12@a.example>\r\n"));
  for (const char* key : {"a> <b", "a b", "a\"b", "\xC3\xA9", "a,b"}) {
    CHECK(has(rendered(text, row_of({{"key", key}})), "refused: "));
  }
}

TEST_CASE("HTML parts escape, text parts do not", "[template]") {
  const std::string text =
      "From: a@a.example\nMIME-Version: 1.0\n"
      "Content-Type: multipart/alternative; boundary=\"b1\"\n\n"
      "--b1\nContent-Type: text/plain; charset=utf-8\n\n{{name}}\n"
      "--b1\nContent-Type: text/html; charset=utf-8\n\n<p>{{name}} {{{name}}}</p>\n"
      "--b1--\n";
  const auto made = rendered(text, anna("<b>&\"x\"</b>"));
  CHECK(has(made, "\r\n\r\n<b>&\"x\"</b>\r\n--b1"));
  CHECK(has(made, "<p>&lt;b&gt;&amp;&quot;x&quot;&lt;/b&gt; <b>&\"x\"</b></p>"));
  CHECK(has(rendered(text, anna("x\n--b1--\n")), "boundary"));
}

TEST_CASE("an unknown variable is an error", "[template]") {
  CHECK(rendered(kPlain, row_of({{"to", "a@a.example"}})) ==
        "refused: the template's variable 'key' has no column");
}

TEST_CASE("what a template may not have is refused before any row", "[template]") {
  CHECK(has(template_refusal("From: a@a.example\n\n{{>other}}\n"), "partials"));
  CHECK(has(template_refusal("From: a@a.example\n\n{{=<% %>=}}\n"), "delimiters"));
  CHECK(has(template_refusal("From: a@a.example\n\n{{#a}}\nx\n"), "near line"));
  CHECK(has(template_refusal("From: a@a.example\n\n{{a\n"), "line 3: a tag is not closed"));
  CHECK(has(template_refusal("Subject: x\n\nx\n"), "no From"));
  CHECK(has(template_refusal("From: a@a.example\n\nx\xFF\n"), "not UTF-8"));
  CHECK(has(template_refusal(
                "From: a@a.example\nContent-Type: text/plain; charset=iso-8859-1\n\n{{a}}\n"),
            "charset"));
  CHECK(has(template_refusal("From: a@a.example\nContent-Transfer-Encoding: base64\n\n{{a}}\n"),
            "base64"));
  CHECK(
      has(template_refusal("From: a@a.example\nContent-Type: multipart/mixed; boundary={{a}}\n\n"),
          "variable"));
}
