#include <catch2/catch.hpp>

#include "base/spreadsheet.h"

using sm::begins_like_formula;
using sm::is_formula;

TEST_CASE("A94 formulas are told from what only begins with a sign", "[spreadsheet]") {
  for (const char* text : {"=1+1", " =1", "=HYPERLINK(\"x\")", "@SUM(A1:A9)", "+cmd|' /C calc'!A0",
                           "-2+3+cmd|' /C calc'!A0", "+A1(", "=", "\t=1"}) {
    CAPTURE(text);
    CHECK(is_formula(text));
    CHECK(begins_like_formula(text));
  }
  for (const char* text : {"", "+31612345678", "-5,00", "-", "@anna", "- see (12)", "a=b",
                           "+31 (0)6", "1|2!3", "-12.5 (minus)"}) {
    CAPTURE(text);
    CHECK_FALSE(is_formula(text));
  }
}

TEST_CASE("A94 what only begins like a formula is written with an apostrophe all the same",
          "[spreadsheet]") {
  for (const char* text : {"+31612345678", "-5,00", "@anna", " \xc2\xa0=1",
                           "\xef\xbc\x9d"
                           "1",
                           "\n=1"}) {
    CAPTURE(text);
    CHECK(begins_like_formula(text));
  }
  for (const char* text : {"", "anna", "a=b", "1|2!3", "'=1"}) {
    CAPTURE(text);
    CHECK_FALSE(begins_like_formula(text));
  }
}
