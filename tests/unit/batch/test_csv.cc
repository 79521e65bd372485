#include <catch2/catch.hpp>

#include "batch/csv.h"

using namespace sm::batch;

namespace {

/// Blocks of `size` octets: what is read must not depend on where they are cut.
ReadBlock blocks_of(const std::string& text, std::size_t size) {
  auto at = std::make_shared<std::size_t>(0);
  return [text, size, at]() -> sm::Result<std::string_view> {
    const auto block = std::string_view(text).substr(*at, size);
    *at += block.size();
    return block;
  };
}

std::vector<CsvRecord> read(const std::string& text, std::size_t size = 65536,
                            char separator = ',') {
  Characters in(blocks_of(text, size));
  CsvReader reader(in, separator);
  std::vector<CsvRecord> records;
  for (;;) {
    auto record = reader.next();
    REQUIRE(record);
    if (!*record) return records;
    records.push_back(std::move(**record));
  }
}

}  // namespace

TEST_CASE("cells, quotes and line ends are read as RFC 4180 has them", "[csv]") {
  const std::string text =
      "a,b,c\r\n"
      "\"x, y\",\"say \"\"hi\"\"\",\"two\nlines\"\n"
      "\n"
      ",,\r\n"
      "last,row,\"\"";
  for (const std::size_t size : {1U, 2U, 3U, 7U, 65536U}) {
    const auto records = read(text, size);
    REQUIRE(records.size() == 4);
    CHECK(records[0].cells == std::vector<std::string>{"a", "b", "c"});
    CHECK(records[1].cells == std::vector<std::string>{"x, y", "say \"hi\"", "two\nlines"});
    CHECK(records[1].line == 2);
    CHECK(records[2].cells == std::vector<std::string>{"", "", ""});
    CHECK(records[2].line == 5);
    CHECK(records[3].cells == std::vector<std::string>{"last", "row", ""});
    for (const auto& record : records)
      CHECK(record.fault.empty());
  }
}

TEST_CASE("what is no CSV is told of its record, and the next one is read", "[csv]") {
  for (const std::size_t size : {1U, 4U, 65536U}) {
    const auto records = read("a\"b,c\n\"x\"y,z\ngood,row\n\"never closed\n", size);
    REQUIRE(records.size() == 4);
    CHECK(records[0].fault == "a quote inside a cell that is not quoted");
    CHECK(records[1].fault == "text after a closing quote");
    CHECK(records[2].fault.empty());
    CHECK(records[3].fault == "a quote is never closed");
  }
}

TEST_CASE("a record that is too large is passed over in bounded memory", "[csv]") {
  const std::string large(CsvReader::kMostOctets + 10, 'x');
  const auto records = read(large + ",b\n1,2\n");
  REQUIRE(records.size() == 2);
  CHECK(records[0].fault == "the row is larger than 4 MiB");
  CHECK(records[1].cells == std::vector<std::string>{"1", "2"});
}

TEST_CASE("the heading tells the separator", "[csv]") {
  CHECK(separator_of("to,key,name\n") == ',');
  CHECK(separator_of("to;key;name\n") == ';');
  CHECK(separator_of("\"a;b;c\",d,e\n") == ',');
  CHECK(separator_of("to\n") == ',');
}

TEST_CASE("a cell that is written is read as the same", "[csv]") {
  for (const std::string text : {"plain", "with,comma", "with;semicolon", "say \"hi\"",
                                 "two\nlines", " blank before", "", "'quoted'", "\r"}) {
    const auto records = read("x," + csv_cell(text, ',') + "\n");
    REQUIRE(records.size() == 1);
    CHECK(records[0].cells[1] == text);
  }
}
