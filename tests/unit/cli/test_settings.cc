#include <catch2/catch.hpp>
#include <fstream>

#include "cli/settings.h"
#include "support/temp_dir.h"

using sm::Errc;
using sm::cli::Common;
using sm::cli::load_config;
using sm::cli::NetworkFlags;

namespace {

/// A command line that names a configuration with this text.
Common with_file(const sm::test::TempDir& folder, const std::string& text) {
  std::ofstream(folder / "c.yaml") << text;
  Common common;
  common.config = folder / "c.yaml";
  return common;
}

Errc refusal(const Common& common, const NetworkFlags& network) {
  const auto config = load_config(common, network);
  REQUIRE_FALSE(config);
  return config.error().code;
}

}  // namespace

TEST_CASE("network flags beat the file", "[cli][config]") {
  const sm::test::TempDir folder;
  const auto common = with_file(
      folder, "network: {resolvers: [192.0.2.1], ca_file: /a, port: 2525, deadline: 9}\n");
  const auto plain = load_config(common);
  REQUIRE(plain);
  CHECK(plain->network.port == 2525);
  NetworkFlags flags;
  flags.resolvers = {"2001:db8::53@5353"};
  flags.trust_anchors = {"/t"};
  flags.ca_file = "/b";
  flags.port = 26;
  flags.deadline = std::chrono::seconds(3);
  const auto config = load_config(common, flags);
  REQUIRE(config);
  CHECK(config->network.resolvers.at(0).text() == "2001:db8::53@5353");
  CHECK(config->network.trust_anchors == flags.trust_anchors);
  CHECK(config->network.ca_file == "/b");
  CHECK(config->network.port == 26);
  CHECK(config->network.deadline == std::chrono::seconds(3));
}

TEST_CASE("a resolver that is no address is a usage error", "[cli][config]") {
  const sm::test::TempDir folder;
  NetworkFlags flags;
  flags.resolvers = {"resolver.example"};
  CHECK(refusal(with_file(folder, ""), flags) == Errc::usage);
  Common common;
  common.config = "";
  CHECK(refusal(common, {}) == Errc::usage);
}

TEST_CASE("flags that go around the policy are denied", "[cli][config]") {
  const sm::test::TempDir folder;
  const auto common =
      with_file(folder, "policy: {resolvers: [192.0.2.1], trust_anchors: [/t], ca_file: /c}\n");
  NetworkFlags flags;
  flags.resolvers = {"192.0.2.2"};
  CHECK(refusal(common, flags) == Errc::denied);
  flags = {};
  flags.trust_anchors = {"/u"};
  CHECK(refusal(common, flags) == Errc::denied);
  flags = {};
  flags.ca_file = "/d";
  CHECK(refusal(common, flags) == Errc::denied);
  flags = {};
  flags.dns_file = "/answers";
  CHECK(refusal(common, flags) == Errc::denied);
}

TEST_CASE("the environment switches the sealed channel, whatever the file says", "[cli][config]") {
  const sm::test::TempDir folder;
  auto common = with_file(folder, "sealed: {portal: \"https://p.example\"}\n");
  CHECK(load_config(common)->sealing.is_available());
  common.environment.is_sealing_enabled = false;
  CHECK_FALSE(load_config(common)->sealing.is_available());
}
