#include <catch2/catch.hpp>
#include <fstream>
#include <regex>

#include "portal/branding.h"
#include "portal/call.h"
#include "portal/pages.h"
#include "support/temp_dir.h"

using namespace sm;
using namespace sm::portal;

namespace {

constexpr std::array kAll = {Template::welcome, Template::locked,     Template::unavailable,
                             Template::message, Template::reply,      Template::replied,
                             Template::done,    Template::destroyed,  Template::left,
                             Template::number,  Template::number_set, Template::stale,
                             Template::problem};

config::Config with_colour(const std::string& colour) {
  config::Config config;
  config::Organisation organisation;
  organisation.id = "delinde";
  organisation.name = "De Linde & <Zonen>";
  organisation.branding.colour = colour;
  config.organisations.push_back(organisation);
  return config;
}

std::string rendered(Template which, const std::string& language, View view = {}) {
  const auto branding = Branding::make(with_colour("#1d4f91")).value();
  const Setting setting{language, &branding.brand("delinde"), branding.icon_path()};
  return page(which, setting, std::move(view)).body;
}

}  // namespace

TEST_CASE("every page speaks one language, has a title, one heading and no script", "[portal]") {
  for (const auto which : kAll) {
    const auto en = rendered(which, "en");
    const auto nl = rendered(which, "nl");
    CAPTURE(static_cast<int>(which));
    CHECK(en != nl);
    CHECK(en.find("<html lang=\"en\">") != std::string::npos);
    CHECK(nl.find("<html lang=\"nl\">") != std::string::npos);
    for (const auto& text : {en, nl}) {
      CHECK(text.find("{{") == std::string::npos);
      CHECK(text.find("<script") == std::string::npos);
      CHECK(text.find(" style=") == std::string::npos);
      static const std::regex kHandler("<[^>]* on[a-z]+=");
      CHECK_FALSE(std::regex_search(text, kHandler));
      static const std::regex kHeading("<h1");
      CHECK(std::distance(std::sregex_iterator(text.begin(), text.end(), kHeading), {}) == 1);
      CHECK(text.find("<title> ") == std::string::npos);
      CHECK(text.find("De Linde &amp; &lt;Zonen&gt;") != std::string::npos);
      CHECK(text.find("<Zonen>") == std::string::npos);
    }
  }
}

TEST_CASE("what others wrote is escaped wherever it stands", "[portal]") {
  const std::string evil = "\"><img src=x>'&";
  for (const auto which : kAll) {
    View view;
    for (const auto* name :
         {"sender", "target", "reference", "expires", "subject", "from", "to", "cc", "date", "text",
          "address", "typed", "problem", "problem_field", "code_problem", "number_problem",
          "text_problem", "file_problem", "wait"})
      view.set(name, evil);
    view.set("by_code", true).set("files", std::vector<View>{View().set("name", evil)});
    CHECK(rendered(which, "en", view).find("<img src=x") == std::string::npos);
  }
}

TEST_CASE("a page that tells of an error says so in its title", "[portal]") {
  View view;
  view.set("problem", "no").set("problem_field", "code");
  const auto text = rendered(Template::reply, "en", view);
  CHECK(text.find("<title>Error: ") != std::string::npos);
  CHECK(text.find("<a href=\"#code\">no</a>") != std::string::npos);
  CHECK(text.find("role=\"alert\"") != std::string::npos);
}

TEST_CASE("a portal below a path has everything of its pages there", "[portal]") {
  const auto branding = Branding::make(with_colour("#1d4f91")).value();
  const auto& brand = branding.brand("delinde");
  const Setting setting{.brand = &brand, .icon_path = branding.icon_path(), .prefix = "/post"};
  const auto text = page(Template::unavailable, setting, {}).body;
  CHECK(text.find("href=\"/post" + brand.style_path + "\"") != std::string::npos);
  CHECK(text.find("href=\"/post" + branding.icon_path() + "\"") != std::string::npos);
  CHECK(text.find("=\"/a/") == std::string::npos);
}

TEST_CASE("whatever an organisation's colour, its text can be read", "[portal]") {
  for (const auto* colour : {"#ffffff", "#000000", "#ffff00", "#1d4f91", "#00ff00", "#777777",
                             "#ff0000", "#e6007e", "#767676", "#949494"}) {
    const auto parsed = Colour::parse(colour);
    REQUIRE(parsed);
    CAPTURE(colour);
    CHECK(contrast(readable_on_white(*parsed), kWhite) >= 4.5);
    CHECK(contrast(text_on(*parsed), *parsed) >= 4.5);
  }
  CHECK(contrast(kBlack, kWhite) == Approx(21));
  CHECK(contrast(kWhite, kWhite) == Approx(1));
  for (const auto* text : {"", "#fff", "1d4f91", "#1d4f9", "#1d4f9g", "red;}"})
    CHECK_FALSE(Colour::parse(text));
}

TEST_CASE("a logo is served as what it is, and nothing else is taken for one", "[portal]") {
  const test::TempDir dir;
  std::ofstream(dir / "logo.png", std::ios::binary) << "\x89PNG\r\n\x1a\nrest";
  std::ofstream(dir / "logo.svg") << "<svg onload='x'/>";
  auto config = with_colour("#1d4f91");
  config.organisations[0].branding.logo = dir / "logo.png";
  const auto branding = Branding::make(config);
  REQUIRE(branding);
  const auto& path = branding->brand("delinde").logo_path;
  REQUIRE(branding->find(path) != nullptr);
  CHECK(branding->find(path)->type == "image/png");
  config.organisations[0].branding.logo = dir / "logo.svg";
  CHECK_FALSE(Branding::make(config));
  config.organisations[0].branding.logo = dir / "none.png";
  CHECK_FALSE(Branding::make(config));
}

TEST_CASE("a path names one place, and strange ones name none", "[portal]") {
  CHECK(place_of("/m/abc").kind == Place::Kind::link);
  CHECK(place_of("/m/abc").act.empty());
  CHECK(place_of("/m/abc/file/12").part == 12);
  CHECK(place_of("/n/abc").kind == Place::Kind::number);
  for (const auto* path : {"", "/", "/m", "/x/abc", "/m/abc/file", "/m/abc/file/1/2", "/m/abc/",
                           "/m/abc/message/x", "/n/abc/x", "//m/abc"}) {
    CAPTURE(path);
    CHECK(place_of(path).kind == Place::Kind::nothing);
  }
  CHECK(place_of("/m/abc/file/x").part == 0);
  CHECK(place_of("/m/abc/file/-1").part == 0);
}
