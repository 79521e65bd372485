#include "queue/ticket.h"

#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/text.h"

namespace sm::queue {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostWord = 64;  // octets of a method, a number, a time

std::string_view text(OnInsecure choice) {
  switch (choice) {
    case OnInsecure::seal:
      return "seal";
    case OnInsecure::refuse:
      return "refuse";
    case OnInsecure::defer:
      return "defer";
  }
  return "defer";
}

Unexpected malformed(const std::string& why) {
  return fail(Errc::malformed, "the ticket of a queued message: " + why);
}

/// An object whose keys are exactly these.
Result<void> check_keys(const Json& object, const std::set<std::string>& keys) {
  if (!object.is_object()) return malformed("expected an object");
  if (object.size() != keys.size()) return malformed("a key is missing or unknown");
  for (const auto& [key, value] : object.items()) {
    if (!keys.contains(key)) return malformed("unknown key " + printable(key));
  }
  return {};
}

Result<std::optional<std::string>> text_or_null(const Json& value, std::size_t most) {
  if (value.is_null()) return std::optional<std::string>();
  if (!value.is_string()) return malformed("expected text or null");
  auto text = value.get<std::string>();
  if (text.empty() || text.size() > most) return malformed("a text is empty or too long");
  return std::optional<std::string>(std::move(text));
}

Result<bool> boolean(const Json& value) {
  if (!value.is_boolean()) return malformed("expected true or false");
  return value.get<bool>();
}

Result<smtp::Recipient> recipient_of(const Json& value) {
  if (auto checked = check_keys(value, {"to", "notify", "original"}); !checked) {
    return fail(checked.error());
  }
  const auto to = text_or_null(value["to"], name::Mailbox::kMaxText);
  const auto notify = text_or_null(value["notify"], kMostWord);
  const auto original = text_or_null(value["original"], name::Mailbox::kMaxText);
  if (!to || !notify || !original) return malformed("a recipient is none");
  if (!*to) return malformed("a recipient is missing");
  auto mailbox = name::Mailbox::parse(**to);
  if (!mailbox) return fail(std::move(mailbox).error());
  smtp::Recipient recipient{.mailbox = std::move(*mailbox)};
  if (*notify) {
    auto parsed = smtp::Notify::parse(**notify);
    if (!parsed) return fail(std::move(parsed).error());
    recipient.notify = *parsed;
  }
  if (*original) {
    auto parsed = name::Mailbox::parse(**original);
    if (!parsed) return fail(std::move(parsed).error());
    recipient.original = std::move(*parsed);
  }
  return recipient;
}

Result<void> read_recipients(const Json& value, Ticket& ticket) {
  if (!value.is_array() || value.empty()) return malformed("no recipients");
  if (value.size() > Ticket::kMostRecipients) return malformed("too many recipients");
  std::set<name::Mailbox> seen;
  for (const auto& one : value) {
    auto recipient = recipient_of(one);
    if (!recipient) return fail(std::move(recipient).error());
    if (!seen.insert(recipient->mailbox).second) return malformed("a recipient stands twice");
    ticket.envelope.recipients.push_back(std::move(*recipient));
  }
  return {};
}

Result<void> read_envelope(const Json& root, Ticket& ticket) {
  if (!root["sender"].is_string()) return malformed("no sender");
  auto sender = name::ReversePath::parse(root["sender"].get<std::string>());
  if (!sender) return fail(std::move(sender).error());
  ticket.envelope.sender = std::move(*sender);
  const auto id = text_or_null(root["envelope_id"], 100);
  if (!id) return fail(id.error());
  if (*id) {
    auto parsed = smtp::EnvelopeId::parse(**id);
    if (!parsed) return fail(std::move(parsed).error());
    ticket.envelope.id = std::move(*parsed);
  }
  const auto returned = text_or_null(root["returned"], kMostWord);
  if (!returned) return fail(returned.error());
  if (*returned && **returned != "full" && **returned != "hdrs") return malformed("returned");
  if (*returned) {
    ticket.envelope.returned =
        **returned == "full" ? smtp::Returned::full : smtp::Returned::headers;
  }
  const auto requires_tls = boolean(root["requires_tls"]);
  if (!requires_tls) return fail(requires_tls.error());
  ticket.envelope.requires_tls = *requires_tls;
  return read_recipients(root["recipients"], ticket);
}

Result<void> read_policy(const Json& root, Ticket& ticket) {
  const auto minimum = text_or_null(root["minimum"], kMostWord);
  const auto on_insecure = text_or_null(root["on_insecure"], kMostWord);
  if (!minimum || !on_insecure) return malformed("minimum or on_insecure");
  if (*minimum) {
    if (**minimum != "trusted" && **minimum != "verified") return malformed("minimum");
    ticket.minimum = **minimum == "trusted" ? config::Minimum::trusted : config::Minimum::verified;
  }
  if (!*on_insecure) return {};
  for (const auto choice : {OnInsecure::seal, OnInsecure::refuse, OnInsecure::defer}) {
    if (text(choice) == **on_insecure) ticket.on_insecure = choice;
  }
  if (!ticket.on_insecure) return malformed("on_insecure");
  return {};
}

Result<void> read_sealing(const Json& root, Ticket& ticket) {
  const Json& seal = root["seal"];
  if (auto checked = check_keys(seal, {"all", "method", "phone", "expires", "once"}); !checked) {
    return checked;
  }
  const auto all = boolean(seal["all"]);
  const auto once = boolean(seal["once"]);
  const auto method = text_or_null(seal["method"], kMostWord);
  const auto phone = text_or_null(seal["phone"], kMostWord);
  const auto expires = text_or_null(seal["expires"], kMostWord);
  if (!all || !once || !method || !phone || !expires) return malformed("seal");
  ticket.seals_all = *all;
  ticket.is_once = *once;
  ticket.method = *method;
  ticket.phone = *phone;
  ticket.expires = *expires;
  return {};
}

}  // namespace

std::string Ticket::text() const {
  JsonArray recipients;
  for (const auto& recipient : envelope.recipients) {
    JsonObject one;
    one.add("to", recipient.mailbox.text());
    one.add("notify", recipient.notify ? std::optional(recipient.notify->text()) : std::nullopt);
    one.add("original",
            recipient.original ? std::optional(recipient.original->text()) : std::nullopt);
    recipients.add_raw(one.text());
  }
  std::optional<std::string> returned;
  if (envelope.returned) {
    returned = *envelope.returned == smtp::Returned::full ? "full" : "hdrs";
  }
  std::optional<std::string> level;
  if (minimum) level = *minimum == config::Minimum::trusted ? "trusted" : "verified";
  JsonObject seal;
  seal.add("all", seals_all).add("method", method).add("phone", phone).add("expires", expires);
  seal.add("once", is_once);
  JsonObject root;
  root.add("v", 1).add("sender", envelope.sender.text());
  root.add_raw("recipients", recipients.text());
  root.add("envelope_id", envelope.id ? std::optional(envelope.id->text()) : std::nullopt);
  root.add("returned", returned).add("requires_tls", envelope.requires_tls).add("minimum", level);
  root.add("on_insecure",
           on_insecure ? std::optional(std::string(queue::text(*on_insecure))) : std::nullopt);
  return root.add_raw("seal", seal.text()).text();
}

Result<Ticket> Ticket::parse(std::string_view text) {
  constexpr JsonLimits kLimits{.depth = 4, .size = kMostText};
  auto root = parse_json(text, "a ticket", kLimits);
  if (!root) return fail(std::move(root).error());
  auto checked = check_keys(*root, {"v", "sender", "recipients", "envelope_id", "returned",
                                    "requires_tls", "minimum", "on_insecure", "seal"});
  if (!checked) return fail(std::move(checked).error());
  const Json& version = (*root)["v"];
  if (!version.is_number_integer() || version != 1) return malformed("another version");
  Ticket ticket;
  for (const auto read : {read_envelope, read_policy, read_sealing}) {
    if (auto done = read(*root, ticket); !done) return fail(std::move(done).error());
  }
  return ticket;
}

}  // namespace sm::queue
