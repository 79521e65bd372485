#include <catch2/catch.hpp>
#include <fstream>

#include "submission/local.h"
#include "support/temp_dir.h"

using namespace sm;
using submission::LocalNames;

namespace {

struct Machine {
  test::TempDir folder;
  config::Config config;
  Machine() {
    add_organisation("delinde.example");
    config.local.aliases = folder / "aliases";
  }
  void add_organisation(const char* domain) {
    config::Organisation organisation;
    organisation.id = domain;
    organisation.domains.push_back(*name::Domain::parse(domain));
    config.organisations.push_back(organisation);
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name) << text;
  }
  [[nodiscard]] Result<LocalNames> names() const {
    return LocalNames::of(config, folder / "mailname");
  }
  /// The addresses, joined; or the error.
  [[nodiscard]] std::string meaning(std::string_view word) const {
    const auto names = this->names();
    if (!names) return names.error().what;
    const auto found = names->read(word);
    if (!found) return found.error().what;
    std::string all;
    for (const auto& mailbox : *found)
      all += (all.empty() ? "" : " ") + mailbox.text();
    return all;
  }
};

}  // namespace

TEST_CASE("a name without an alias is an address of the machine's domain", "[local]") {
  const Machine machine;
  CHECK(machine.meaning("root") == "root@delinde.example");
  CHECK(machine.meaning("anna@dane.example") == "anna@dane.example");
  CHECK(machine.meaning("root, anna@dane.example") == "root@delinde.example anna@dane.example");
  CHECK(machine.meaning("root,root") == "root@delinde.example");
  for (const char* bad :
       {"", ",", "two words", "a@b@c", "<>", "@x.example", "root@", "a b@c.example"})
    CHECK_FALSE(machine.names()->read(bad));
}

TEST_CASE("the domain is the configured one, /etc/mailname's where we send from it, else ours",
          "[local]") {
  Machine machine;
  machine.write("mailname", "lab.delinde.example\n");
  CHECK(machine.meaning("root") == "root@delinde.example");
  machine.config.organisations.front().domains.push_back(
      *name::Domain::parse("lab.delinde.example"));
  CHECK(machine.meaning("root") == "root@lab.delinde.example");
  machine.config.local.domain = *name::Domain::parse("set.example");
  CHECK(machine.meaning("root") == "root@set.example");

  machine.config.local.domain.reset();
  machine.write("mailname", "localhost\n");
  machine.add_organisation("two.example");
  const auto unknown = machine.names();
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == Errc::configuration);
  machine.write("mailname", "two.example");
  CHECK(machine.meaning("root") == "root@two.example");
}

TEST_CASE("aliases are followed, each once, in any case", "[local]") {
  const Machine machine;
  machine.write("aliases",
                "# comment\n\npostmaster: root\nRoot: beheer@delinde.example,\n\tops@dane.example\n"
                "\"the boss\": anna@dane.example\n"
                "both: root, postmaster, anna\nself: self, anna@dane.example\n"
                "ring: gnir\ngnir: ring\n");
  CHECK(machine.meaning("root") == "beheer@delinde.example ops@dane.example");
  CHECK(machine.meaning("POSTMASTER") == "beheer@delinde.example ops@dane.example");
  CHECK(machine.meaning("both") == "beheer@delinde.example ops@dane.example anna@delinde.example");
  CHECK(machine.meaning("self") == "self@delinde.example anna@dane.example");
  CHECK(machine.meaning("ring") == "ring@delinde.example");
  CHECK(machine.meaning("\"the boss\"") == "anna@dane.example");
  // A whole address is what it says.
  CHECK(machine.meaning("root@dane.example") == "root@dane.example");
}

TEST_CASE("an alias for what there is not here is an error, not silence", "[local]") {
  const Machine machine;
  machine.write("aliases",
                "a: |/usr/bin/true\nb: /var/mail/b\nc: :include:/etc/list\nd: \"|cmd x\"\n"
                "e: not an address\nf: fine@dane.example\ng: a\nh: fine@dane.example, /dev/null\n");
  const auto names = machine.names();
  REQUIRE(names);
  for (const char* name : {"a", "b", "c", "d", "e", "g", "h"}) {
    INFO(name);
    const auto found = names->find(name);
    REQUIRE_FALSE(found);
    CHECK(found.error().code == Errc::configuration);
    CHECK(found.error().what.find("aliases:") != std::string::npos);
  }
  CHECK(machine.meaning("f") == "fine@dane.example");
  machine.write("aliases", "no colon\n");
  CHECK_FALSE(machine.names());
}
