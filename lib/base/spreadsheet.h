#pragma once
// Text in cells of CSV files, which people open with spreadsheets: what would be computed or run
// there (OWASP, CSV Injection). Two questions: of what we write, whether a cell could be taken for
// a formula at all; of what we are given, whether a cell is one.

#include <string_view>

namespace sm {

/// It begins as formulas do ("=", "+", "-", "@", full-width forms, a control character), also
/// behind blanks and what cannot be seen. Whoever writes it for a spreadsheet puts an apostrophe
/// before it.
bool begins_like_formula(std::string_view text);

/// It computes or runs something: "=1+1", "@SUM(A1)", "+cmd|'/C x'!A". Numbers, phone numbers and
/// words with a sign before them do not.
bool is_formula(std::string_view text);

}  // namespace sm
