#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/text.h"
#include "config/schema.h"
#include "support/tests_folder.h"

namespace {

std::string man_page() {
  std::ifstream in(sm::test::tests_folder() + "/../man/smtools.yaml.5");
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The literal displays of the page, without roff.
std::vector<std::string> examples(const std::string& page) {
  std::vector<std::string> found;
  std::string* open = nullptr;
  for (const auto line : sm::split(page, '\n')) {
    if (line.starts_with(".Bd -literal")) {
      open = &found.emplace_back();
    } else if (line.starts_with(".Ed")) {
      open = nullptr;
    } else if (open != nullptr) {
      *open += std::string(line) + '\n';
    }
  }
  return found;
}

/// The keys that a section knows, as its error for an unknown one tells.
std::vector<std::string> known_keys(const std::string& text) {
  const auto file = sm::config::parse_file(text, "f");
  REQUIRE_FALSE(file);
  constexpr std::string_view kLead = "known here: ";
  const std::string& hint = file.error().hint;
  REQUIRE(hint.starts_with(kLead));
  std::vector<std::string> keys;
  for (const auto key : sm::split(std::string_view(hint).substr(kLead.size()), ','))
    keys.emplace_back(sm::trimmed(key));
  return keys;
}

bool has_word(const std::string& line, const std::string& word) {
  std::istringstream words(line);
  for (std::string each; words >> each;) {
    if (each == word) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("the examples of smtools.yaml(5) are read as they stand there", "[config][man]") {
  const auto found = examples(man_page());
  CHECK(found.size() >= 2);
  for (const auto& example : found) {
    INFO(example);
    const auto file = sm::config::parse_file(example, "example");
    if (!file) FAIL(file.error().what);
    CHECK_FALSE(file->organisations.empty());
  }
}

TEST_CASE("smtools.yaml(5) documents every key that is read", "[config][man]") {
  const std::string page = man_page();
  std::vector<std::string> documented;
  for (const auto line : sm::split(page, '\n')) {
    const bool is_key = line.starts_with(".It Ic ") || line.starts_with(".Ss ") ||
                        line.starts_with(".Ic ") || line.starts_with(".Sx ");
    if (is_key) documented.emplace_back(line);
  }
  for (const char* section :
       {"x: 1\n", "network: {x: 1}\n", "policy: {x: 1}\n", "audit: {x: 1}\n", "nta7516: {x: 1}\n",
        "sealed: {x: 1}\n", "sms: {x: 1}\n", "branding: {x: 1}\n", "queue: {x: 1}\n",
        "local: {x: 1}\n", "organisations: {a: {x: 1}}\n",
        "organisations: {a: {domains: [a.example], dkim: [{x: 1}]}}\n",
        "organisations: {a: {domains: [a.example], policy: {x: 1}}}\n"}) {
    for (const auto& key : known_keys(section)) {
      INFO(section << key);
      bool is_documented = false;
      for (const auto& line : documented)
        is_documented = is_documented || has_word(line, key);
      CHECK(is_documented);
    }
  }
}
