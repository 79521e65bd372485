#pragma once
// Records as rows for other programs: NDJSON, CSV, ECS.

#include <string>
#include <string_view>
#include <vector>

#include "audit/disclosure.h"
#include "audit/reader.h"

namespace sm::smaudit {

/// `{"recipient":"a@b","size":4711}`; a name that stands several times has an array.
std::string disclosed_object(const std::vector<audit::Disclosure>& disclosures);

/// The record's own fields as they stand, `disclosed` and `leaf` (hex) behind them.
std::string ndjson_row(std::string_view line, const std::vector<audit::Disclosure>& disclosures);

/// RFC 4180, every cell quoted. A cell that a spreadsheet would take for a formula is preceded by
/// an apostrophe.
std::string csv_header();
std::string csv_row(const audit::ParsedRecord& record,
                    const std::vector<audit::Disclosure>& disclosures);
std::string csv_cell(std::string_view text);

/// Elastic Common Schema 8: what it has fields for stands there, all else under `smtools`.
std::string ecs_row(const audit::ParsedRecord& record,
                    const std::vector<audit::Disclosure>& disclosures);

}  // namespace sm::smaudit
