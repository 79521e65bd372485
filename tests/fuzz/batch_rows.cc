// links: batch
#include <cstdint>
#include <string>

#include "batch/csv.h"
#include "batch/rows.h"

// What is read from CSV and written again is the same; blocks may be cut anywhere.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sm::batch;
  if (size < 1) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = data[0] % 17 + 1;
  std::size_t at = 0;
  auto rows = RowReader::open(
      [&]() -> sm::Result<std::string_view> {
        const auto block = std::string_view(text).substr(std::min(at, text.size()), step);
        at += block.size();
        return block;
      },
      "rows");
  if (!rows) return 0;
  for (;;) {
    auto row = rows->next();
    if (!row || !*row) return 0;
    if (const auto* good = std::get_if<Row>(&**row)) {
      if (good->names->size() != good->values.size()) __builtin_trap();
      for (const auto& value : good->values) {
        const std::string written = "x," + csv_cell(value, ',') + "\n";
        bool is_read = false;
        Characters in([&]() -> sm::Result<std::string_view> {
          return std::exchange(is_read, true) ? std::string_view() : std::string_view(written);
        });
        const auto record = CsvReader(in, ',').next();
        if (!record || !*record || (*record)->cells.size() != 2 || (*record)->cells[1] != value) {
          __builtin_trap();
        }
      }
    }
  }
}
