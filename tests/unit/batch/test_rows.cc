#include <catch2/catch.hpp>

#include "batch/rows.h"

using namespace sm::batch;

namespace {

ReadBlock whole(const std::string& text) {
  auto is_read = std::make_shared<bool>(false);
  return [text, is_read]() -> sm::Result<std::string_view> {
    return std::exchange(*is_read, true) ? std::string_view() : std::string_view(text);
  };
}

RowReader open(const std::string& text) {
  auto reader = RowReader::open(whole(text), "rows.csv");
  REQUIRE(reader);
  return std::move(*reader);
}

std::string refusal(const std::string& text) {
  const auto reader = RowReader::open(whole(text), "rows.csv");
  return reader ? "" : reader.error().what;
}

std::vector<AnyRow> all(RowReader& reader) {
  std::vector<AnyRow> rows;
  for (;;) {
    auto row = reader.next();
    REQUIRE(row);
    if (!*row) return rows;
    rows.push_back(std::move(**row));
  }
}

std::string reason(const AnyRow& row) {
  const auto* bad = std::get_if<BadRow>(&row);
  return bad != nullptr ? bad->reason : "";
}

}  // namespace

TEST_CASE("rows have the names of the heading, whatever marks stand before it", "[rows]") {
  for (const std::string before :
       {"", "\xEF\xBB\xBF", "sep=;\r\n", "\xEF\xBB\xBFsep=;\n", "\n\n"}) {
    auto reader = open(before + "to;key;name\nanna@a.example;k1;Anna\n");
    CHECK(reader.separator() == ';');
    const auto rows = all(reader);
    REQUIRE(rows.size() == 1);
    const auto& row = std::get<Row>(rows[0]);
    CHECK(row.number == 1);
    CHECK(row.value("to") == "anna@a.example");
    CHECK(row.value("name") == "Anna");
    CHECK(row.find("nothing") == nullptr);
  }
}

TEST_CASE("a heading that cannot be read right stops everything", "[rows]") {
  CHECK(refusal("") == "rows.csv: there is nothing in it");
  CHECK(refusal("\xFF\xFEt\0o\0") == "rows.csv: it is UTF-16");
  CHECK(refusal("to,n\xE4me\n") == "rows.csv: its heading is not UTF-8");
  CHECK(refusal("to,to\n") == "rows.csv: the column 'to' is there twice");
  CHECK(refusal("to,,key\n") == "rows.csv: a column of its heading has no name");
}

TEST_CASE("what is wrong with one row is told of that row alone", "[rows]") {
  auto reader = open(
      "to,key,name\n"
      "a@a.example,1,M\xFCller\n"
      "b@a.example,2,=cmd()\n"
      "c@a.example,3\n"
      "d@a.example,4,M\xC3\xBCller\n"
      "e@a.example,5,x,y\n"
      "f@a.example,6,x\"y\n");
  const auto rows = all(reader);
  REQUIRE(rows.size() == 6);
  CHECK(reason(rows[0]) == "not-utf8: the value of 'name' is not UTF-8");
  CHECK(reason(rows[1]) == "formula: the value of 'name' is a formula for a spreadsheet");
  CHECK(reason(rows[2]) == "not-csv: the row has 2 cells, the heading 3");
  CHECK(reason(rows[3]).empty());
  CHECK(reason(rows[4]) == "not-csv: the row has 4 cells, the heading 3");
  CHECK(reason(rows[5]) == "not-csv: a quote inside a cell that is not quoted");
  CHECK(std::get<BadRow>(rows[0]).row.line == 2);
  CHECK(std::get<BadRow>(rows[1]).row.value("to") == "b@a.example");
}

TEST_CASE("NDJSON rows are objects of single values", "[rows]") {
  auto reader = open(
      "{\"to\":\"a@a.example\",\"key\":7,\"paid\":true,\"open\":false,\"note\":null}\n"
      "\n"
      "{\"to\":\"a\",\"to\":\"b\"}\n"
      "[1]\n"
      "{\"to\":\"a\",\"list\":[1]}\n"
      "{\"to\":\"z\"}");
  CHECK(reader.is_json());
  const auto rows = all(reader);
  REQUIRE(rows.size() == 5);
  const auto& row = std::get<Row>(rows[0]);
  CHECK(row.value("key") == "7");
  CHECK(row.value("paid") == "true");
  CHECK(row.value("open").empty());
  REQUIRE(row.find("note") != nullptr);
  CHECK(row.find("note")->empty());
  CHECK(reason(rows[1]).find("not-json") == 0);
  CHECK(reason(rows[2]) == "not-json: the row is no object");
  CHECK(reason(rows[3]) == "not-json: 'list' is no single value");
  CHECK(std::get<Row>(rows[4]).line == 6);
}
