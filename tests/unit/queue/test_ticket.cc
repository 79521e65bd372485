#include <catch2/catch.hpp>

#include "queue/ticket.h"

using sm::Errc;
using sm::queue::OnInsecure;
using sm::queue::Ticket;

namespace {

Ticket full_ticket() {
  Ticket ticket;
  ticket.envelope.sender = *sm::name::ReversePath::parse("jan@delinde.example");
  ticket.envelope.recipients = {{.mailbox = *sm::name::Mailbox::parse("anna@dane.example"),
                                 .notify = *sm::smtp::Notify::parse("failure,delay"),
                                 .original = *sm::name::Mailbox::parse("info@delinde.example")},
                                {.mailbox = *sm::name::Mailbox::parse("bob@plain.example")}};
  ticket.envelope.id = *sm::smtp::EnvelopeId::parse("inv-12");
  ticket.envelope.returned = sm::smtp::Returned::headers;
  ticket.envelope.requires_tls = true;
  ticket.minimum = sm::config::Minimum::verified;
  ticket.on_insecure = OnInsecure::seal;
  ticket.seals_all = true;
  ticket.method = "sms";
  ticket.phone = "+31612345678";
  ticket.expires = "7d";
  ticket.is_once = true;
  return ticket;
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a ticket is read as it was written", "[queue]") {
  for (const auto& ticket :
       {full_ticket(), [] {
          Ticket small;
          small.envelope.recipients = {{.mailbox = *sm::name::Mailbox::parse("a@b.example")}};
          return small;
        }()}) {
    const auto again = Ticket::parse(ticket.text());
    REQUIRE(again);
    CHECK(again->text() == ticket.text());
    CHECK(again->envelope.sender == ticket.envelope.sender);
    CHECK(again->envelope.recipients.size() == ticket.envelope.recipients.size());
    CHECK(again->minimum == ticket.minimum);
    CHECK(again->on_insecure == ticket.on_insecure);
    CHECK(again->seals_all == ticket.seals_all);
    CHECK(again->phone == ticket.phone);
  }
}

TEST_CASE("a ticket that a stranger wrote is refused wherever it is not one", "[queue]") {
  const std::string good = full_ticket().text();
  REQUIRE(Ticket::parse(good));
  const std::pair<std::string, std::string> changes[] = {
      {"\"v\":1", "\"v\":2"},
      {"\"v\":1", "\"v\":1.0"},
      {"\"v\":1,", ""},
      {"\"v\":1", "\"v\":1,\"v\":1"},
      {"\"v\":1", "\"v\":1,\"extra\":1"},
      {"jan@delinde.example", "jan@delinde.example\\r\\nRCPT TO:<x@y.example>"},
      {"jan@delinde.example", "jan"},
      {"anna@dane.example", "@x.example:anna@dane.example"},
      {"anna@dane.example", "bob@plain.example"},
      {"anna@dane.example", ""},
      {"FAILURE,DELAY", "SOMETIMES"},
      {"\"hdrs\"", "\"half\""},
      {"\"requires_tls\":true", "\"requires_tls\":1"},
      {"\"verified\"", "\"encrypted\""},
      {"\"seal\",\"seal\"", "\"open\",\"seal\""},
      {"inv-12", "two words"},
      {"\"method\":\"sms\"", "\"method\":\"\""},
      {"\"once\":true", "\"once\":\"true\""},
  };
  for (const auto& [from, to] : changes) {
    INFO(from << " -> " << to);
    const auto parsed = Ticket::parse(with(good, from, to));
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == Errc::malformed);
  }
  for (const char* text : {"", "{}", "[]", "null", "{\"v\":1}"})
    CHECK_FALSE(Ticket::parse(text));
  for (std::size_t size = 0; size < good.size(); size += 7)
    CHECK_FALSE(Ticket::parse(good.substr(0, size)));
}

TEST_CASE("a ticket has at least one recipient and at most ten thousand", "[queue]") {
  Ticket ticket;
  CHECK_FALSE(Ticket::parse(ticket.text()));
  for (std::size_t i = 0; i <= Ticket::kMostRecipients; ++i) {
    ticket.envelope.recipients.push_back(
        {.mailbox = *sm::name::Mailbox::parse("u" + std::to_string(i) + "@b.example")});
  }
  CHECK_FALSE(Ticket::parse(ticket.text()));
  ticket.envelope.recipients.pop_back();
  CHECK(Ticket::parse(ticket.text()));
}
