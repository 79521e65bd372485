#include <catch2/catch.hpp>

#include "base/file_name.h"
#include "base/text.h"

using sm::safe_file_name;

TEST_CASE("a path keeps its last component only (A67)", "[file_name]") {
  CHECK(safe_file_name("../../x") == "x");
  CHECK(safe_file_name("/etc/passwd") == "passwd");
  CHECK(safe_file_name("C:\\Users\\x.doc") == "x.doc");
  CHECK(safe_file_name("..").empty());
  CHECK(safe_file_name(".").empty());
  CHECK(safe_file_name("a/").empty());
  CHECK(safe_file_name("").empty());
}

TEST_CASE("control, bidi and reserved characters become underscores (A67)", "[file_name]") {
  CHECK(safe_file_name("a\r\nb\x1b[31m") == "a__b_[31m");
  CHECK(safe_file_name("invoice\xe2\x80\xae"
                       "fdp.exe") == "invoice_fdp.exe");
  CHECK(safe_file_name("a<b>:c|d?e*f\"g") == "a_b__c_d_e_f_g");
  CHECK(safe_file_name("caf\xc3\xa9 \xff.pdf") == "caf\xc3\xa9 _.pdf");
  CHECK(safe_file_name("a\\b") == "b");
}

TEST_CASE("no name is hidden, an option or a device", "[file_name]") {
  CHECK(safe_file_name(".bashrc") == "_bashrc");
  CHECK(safe_file_name("-rf") == "_rf");
  CHECK(safe_file_name("NUL.txt") == "_NUL.txt");
  CHECK(safe_file_name("com1") == "_com1");
  CHECK(safe_file_name("console.txt") == "console.txt");
  CHECK(safe_file_name("name. . ") == "name");
}

TEST_CASE("a long name is cut at a character and keeps its extension (A67)", "[file_name]") {
  std::string name;
  for (int i = 0; i < 2048; ++i)
    name += "\xc3\xa9";
  const auto safe = safe_file_name(name + ".pdf");
  CHECK(safe.size() <= 200);
  CHECK(safe.size() >= 199);
  CHECK(safe.ends_with("\xc3\xa9.pdf"));
  CHECK(sm::is_utf8(safe));
  CHECK(safe_file_name(std::string(4096, 'a')) == std::string(200, 'a'));
}

TEST_CASE("making a safe name safe again changes nothing", "[file_name]") {
  const std::vector<std::string> names{
      "-x",
      "..a",
      "con",
      "a.. ..",
      std::string(198, 'a') + ". .",
      std::string(197, ' ') + "\xc3\xa9" + std::string(300, '.') + "x",
      std::string(300, '-'),
      std::string(195, 'a') + " " + std::string(100, 'b') + "." + std::string(15, 'c')};
  for (const auto& name : names) {
    const auto once = safe_file_name(name);
    CAPTURE(name, once);
    CHECK(safe_file_name(once) == once);
  }
}
