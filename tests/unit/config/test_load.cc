#include <catch2/catch.hpp>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "support/temp_dir.h"

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using sm::Errc;
using sm::ServerAddress;
using sm::config::Config;
using sm::config::load;
using sm::config::Minimum;
using sm::config::Overrides;
using sm::config::Sources;
using sm::test::TempDir;

namespace {

/// A machine with files of its own; none exists until it is written.
struct Machine {
  TempDir folder;
  Sources sources;

  Machine() { sources.binding_file = folder / "binding.yaml"; }
  void binding(const std::string& text) { write("binding.yaml", text); }
  void own(const std::string& text) {
    write("own.yaml", text);
    sources.flag_file = folder / "own.yaml";
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name) << text;
  }
  [[nodiscard]] Config loaded(const Overrides& overrides = {}) const {
    auto config = load(sources, overrides);
    if (!config) FAIL(config.error().what);
    return std::move(*config);
  }
  [[nodiscard]] sm::Error refused(const Overrides& overrides = {}) const {
    const auto config = load(sources, overrides);
    REQUIRE_FALSE(config);
    return config.error();
  }
  /// The flags are refused as loosening the policy.
  void forbids(const Overrides& overrides = {}) const {
    const auto error = refused(overrides);
    CHECK(error.code == Errc::denied);
    CHECK_THAT(error.what, StartsWith("policy-forbids: "));
  }
};

Overrides with_minimum(Minimum minimum) {
  Overrides overrides;
  overrides.policy.minimum = minimum;
  return overrides;
}

ServerAddress server(const char* text) {
  return *ServerAddress::parse(text, 53);
}

}  // namespace

TEST_CASE("without any file there are defaults", "[config]") {
  const Machine machine;
  const auto config = machine.loaded();
  CHECK_FALSE(config.file);
  CHECK(config.state == "/var/lib/smtools");
  CHECK(config.policy.minimum == Minimum::trusted);
  CHECK(config.network.resolvers.empty());
  CHECK(config.default_organisation().id == "default");
}

TEST_CASE("a flag beats the environment beats the user's folder beats the binding file",
          "[config]") {
  Machine machine;
  machine.binding("state: /binding\n");
  CHECK(machine.loaded().state == "/binding");
  machine.sources.user_config_folder = machine.folder / "xdg";
  CHECK(machine.loaded().state == "/binding");
  std::filesystem::create_directories(machine.folder / "xdg/smtools");
  machine.write("xdg/smtools/smtools.yaml", "state: /xdg\n");
  CHECK(machine.loaded().state == "/xdg");
  machine.write("env.yaml", "state: /env\n");
  machine.sources.environment_file = machine.folder / "env.yaml";
  CHECK(machine.loaded().state == "/env");
  machine.own("state: /flag\n");
  CHECK(machine.loaded().state == "/flag");
  CHECK(machine.loaded().file == machine.folder / "own.yaml");
  machine.sources.environment_state = "/state-env";
  CHECK(machine.loaded().state == "/state-env");
  machine.sources.flag_state = "/state-flag";
  CHECK(machine.loaded().state == "/state-flag");
}

TEST_CASE("a file that was named and is not there is 66, a wrong one 78", "[config]") {
  Machine machine;
  machine.sources.environment_file = machine.folder / "nowhere.yaml";
  CHECK(machine.refused().code == Errc::no_input);
  machine.own("nonsense: 1\n");
  CHECK(machine.refused().code == Errc::configuration);
  CHECK_THAT(machine.refused().what, Contains("own.yaml:1:1: unknown key"));
  machine.sources.flag_file = "";
  CHECK(machine.refused().code == Errc::usage);
}

TEST_CASE("a binding file that cannot be read is not an absent one", "[config][F08]") {
  Machine machine;
  machine.own("state: /x\n");
  machine.binding("policy: [\n");
  CHECK(machine.refused().code == Errc::configuration);
  std::filesystem::remove(machine.folder / "binding.yaml");
  std::filesystem::create_directory(machine.folder / "binding.yaml");
  CHECK(machine.refused().code == Errc::configuration);
  std::filesystem::remove(machine.folder / "binding.yaml");
  std::filesystem::create_symlink("binding.yaml", machine.folder / "binding.yaml");
  CHECK(machine.refused().code == Errc::configuration);
}

TEST_CASE("the binding policy can be tightened by a flag and a file, never loosened", "[config]") {
  Machine machine;
  machine.binding("policy: {minimum: verified}\n");
  CHECK(machine.loaded().policy.minimum == Minimum::verified);
  CHECK(machine.loaded(with_minimum(Minimum::verified)).policy.minimum == Minimum::verified);
  machine.forbids(with_minimum(Minimum::trusted));
  machine.own("state: /x\n");
  CHECK(machine.loaded().policy.minimum == Minimum::verified);
  machine.own("policy: {minimum: trusted}\n");
  machine.forbids();
  machine.binding("policy: {minimum: trusted}\n");
  machine.own("policy: {minimum: verified}\n");
  CHECK(machine.loaded().policy.minimum == Minimum::verified);
  machine.forbids(with_minimum(Minimum::trusted));
}

TEST_CASE("every part of the policy binds in its own direction", "[config]") {
  const auto outcome = [](const std::string& binding, const std::string& own) {
    Machine machine;
    machine.binding("policy: {" + binding + "}\n");
    machine.own("policy: {" + own + "}\n");
    const auto config = load(machine.sources);
    if (config) return std::string("taken");
    return config.error().code == Errc::denied ? std::string("denied") : config.error().what;
  };
  const std::vector<std::array<const char*, 3>> cases = {
      {"requiretls: true", "requiretls: false", "denied"},
      {"requiretls: false", "requiretls: true", "taken"},
      {"methods: [sms]", "methods: [sms, email]", "denied"},
      {"methods: [sms, email]", "methods: [email]", "taken"},
      {"longest_expiry: 7d", "longest_expiry: 8d", "denied"},
      {"longest_expiry: 7d", "longest_expiry: 7d", "taken"},
      {"escrow: false", "escrow: true", "denied"},
      {"escrow: true", "escrow: false", "taken"},
      {"minimum: verified", "escrow: true", "taken"},
      {"after_retrieval: destroy", "after_retrieval: keep", "denied"},
      {"after_retrieval: keep", "after_retrieval: destroy", "taken"},
      {"registered_senders: required", "registered_senders: off", "denied"},
      {"registered_senders: off", "registered_senders: required", "taken"},
      {"resolvers: [192.0.2.1, 192.0.2.2]", "resolvers: [192.0.2.3]", "denied"},
      {"resolvers: [192.0.2.1]", "resolvers: [192.0.2.1@54]", "denied"},
      {"resolvers: [192.0.2.1, 192.0.2.2]", "resolvers: [192.0.2.2]", "taken"},
      {"trust_anchors: [/a]", "trust_anchors: [/a, /b]", "denied"},
      {"trust_anchors: [/a, /b]", "trust_anchors: [/b]", "taken"},
      {"ca_file: /a", "ca_file: /b", "denied"},
      {"ca_file: /a", "ca_file: /a", "taken"},
  };
  for (const auto& [binding, own, expected] : cases) {
    INFO(binding << " then " << own);
    CHECK(outcome(binding, own) == expected);
  }
}

TEST_CASE("resolvers, anchors and roots that the policy names are the only ones", "[config]") {
  Machine machine;
  machine.binding(
      "policy: {resolvers: [192.0.2.1, 192.0.2.2], trust_anchors: [/a], ca_file: /c}\n");
  const auto config = machine.loaded();
  CHECK(config.network.resolvers == std::vector{server("192.0.2.1"), server("192.0.2.2")});
  CHECK(config.network.trust_anchors == std::vector<std::string>{"/a"});
  CHECK(config.network.ca_file == "/c");

  Overrides overrides;
  overrides.resolvers = {server("192.0.2.2")};
  CHECK(machine.loaded(overrides).network.resolvers == overrides.resolvers);
  overrides.resolvers = {server("192.0.2.2"), server("198.51.100.1")};
  machine.forbids(overrides);
  overrides = {};
  overrides.trust_anchors = {"/b"};
  machine.forbids(overrides);
  overrides = {};
  overrides.ca_file = "/d";
  machine.forbids(overrides);
  overrides = {};
  overrides.dns_file = "/answers";
  machine.forbids(overrides);

  machine.own("network: {resolvers: [198.51.100.1]}\n");
  machine.forbids();
  machine.own("network: {resolvers: ['127.0.0.1'], trust_ad: true}\n");
  machine.forbids();
}

TEST_CASE("validation cannot be turned off beside a policy that names its anchors", "[config]") {
  Machine machine;
  machine.binding("policy: {trust_anchors: [/a]}\n");
  machine.own("network: {resolvers: ['127.0.0.1'], trust_ad: true}\n");
  machine.forbids();
  machine.binding(
      "policy: {resolvers: ['127.0.0.1']}\nnetwork: {resolvers: ['127.0.0.1'], trust_ad: true}\n");
  machine.sources.flag_file.reset();
  CHECK(machine.loaded().network.trust_ad);
}

TEST_CASE("a flag cannot point trust_ad at another machine", "[config]") {
  Machine machine;
  machine.own("network: {resolvers: ['127.0.0.1'], trust_ad: true}\n");
  Overrides overrides;
  overrides.resolvers = {server("192.0.2.1")};
  CHECK(machine.refused(overrides).code == Errc::configuration);
}

TEST_CASE("an organisation tightens the policy for its own mail", "[config]") {
  Machine machine;
  machine.own(
      "organisations:\n"
      "  one: {domains: [one.example], policy: {minimum: verified}}\n"
      "  two: {domains: [two.example]}\n");
  const auto config = machine.loaded();
  CHECK(config.find_organisation("one")->policy.minimum == Minimum::verified);
  CHECK(config.find_organisation("two")->policy.minimum == Minimum::trusted);
  CHECK(config.policy.minimum == Minimum::trusted);
  CHECK(machine.loaded(with_minimum(Minimum::verified)).find_organisation("two")->policy.minimum ==
        Minimum::verified);
  machine.forbids(with_minimum(Minimum::trusted));

  machine.binding("policy: {minimum: verified}\n");
  machine.own("organisations: {one: {domains: [one.example], policy: {minimum: trusted}}}\n");
  machine.forbids();
}

TEST_CASE("the sender's domain chooses the organisation, exactly", "[config]") {
  Machine machine;
  machine.own("organisations: {one: {domains: [one.example]}, two: {domains: [two.example]}}\n");
  const auto config = machine.loaded();
  const auto of = [&](const char* domain) {
    const auto* found = config.organisation_of(*sm::name::Domain::parse(domain));
    return found == nullptr ? std::string() : found->id;
  };
  CHECK(of("TWO.example") == "two");
  CHECK(of("sub.one.example").empty());
  CHECK(of("example").empty());
  CHECK(config.find_organisation("three") == nullptr);
}
