#include <catch2/catch.hpp>

#include "submission/submit.h"

using namespace sm;
using delivery::OnInsecure;

TEST_CASE("nothing is sealed where there is no portal, whatever the wish", "[submission]") {
  config::Organisation organisation;
  for (const auto& wish : {std::optional<std::string>(), std::optional<std::string>("seal"),
                           std::optional<std::string>("refuse")}) {
    CHECK(submission::on_insecure_of(wish, organisation) == OnInsecure::refuse);
  }
  CHECK(submission::on_insecure_of("defer", organisation) == OnInsecure::defer);
  organisation.sealing.portal = "https://portal.example";
  CHECK(submission::on_insecure_of(std::nullopt, organisation) == OnInsecure::seal);
  CHECK(submission::on_insecure_of("refuse", organisation) == OnInsecure::refuse);
  organisation.sealing.is_enabled = false;
  CHECK(submission::on_insecure_of(std::nullopt, organisation) == OnInsecure::refuse);
}

TEST_CASE("the envelope sender's domain chooses the organisation, else the author's",
          "[submission]") {
  config::Config config;
  for (const char* id : {"one", "two"}) {
    config::Organisation organisation;
    organisation.id = id;
    organisation.domains.push_back(*name::Domain::parse(std::string(id) + ".example"));
    config.organisations.push_back(organisation);
  }
  const auto one = *name::Mailbox::parse("a@one.example");
  const auto two = *name::Mailbox::parse("a@two.example");
  smtp::Envelope envelope;
  CHECK(submission::organisation_of(config, envelope, one)->id == "one");
  envelope.sender = name::ReversePath(two);
  CHECK(submission::organisation_of(config, envelope, one)->id == "two");
  envelope.sender = name::ReversePath(*name::Mailbox::parse("a@three.example"));
  const auto nobody = submission::organisation_of(config, envelope, one);
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().code == Errc::denied);
}
