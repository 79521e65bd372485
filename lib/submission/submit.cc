#include "submission/submit.h"

#include <algorithm>

#include "delivery/probe.h"
#include "delivery/signing.h"
#include "state/signed_trees.h"
#include "store/contact_table.h"
#include "submission/linked.h"

namespace sm::submission {
namespace {

using delivery::RecipientResult;
using delivery::Status;

Result<config::Organisation> find_organisation(const config::Config& config,
                                               const smtp::Envelope& envelope,
                                               const name::Mailbox& author) {
  const auto& domain =
      envelope.sender.is_null() ? author.domain() : envelope.sender.mailbox()->domain();
  if (const auto* organisation = config.organisation_of(domain)) return *organisation;
  if (config.organisations.empty()) return config.default_organisation();
  if (config.organisations.size() == 1) return config.organisations.front();
  return fail(Errc::denied, "no organisation sends from " + domain.text() + " (policy-forbids)",
              "list the domain under one of the organisations");
}

}  // namespace

Result<config::Organisation> organisation_of(const config::Config& config,
                                             const smtp::Envelope& envelope,
                                             const message::PreparedMessage& message) {
  return organisation_of(config, envelope, message.from().mailbox);
}

Result<config::Organisation> organisation_of(const config::Config& config,
                                             const smtp::Envelope& envelope,
                                             const name::Mailbox& author) {
  auto organisation = find_organisation(config, envelope, author);
  if (!organisation || !organisation->policy.registered_senders) return organisation;
  auto index = store::Index::open(config.state);
  if (!index) return fail(std::move(index).error());
  const auto address = author.text();
  auto contact = store::ContactTable(*index).find(organisation->id, address);
  if (!contact) return fail(std::move(contact).error());
  if (*contact && (*contact)->is_sender) return organisation;
  return fail(Errc::denied, address + " is not registered to send (policy-forbids)",
              "smcontact add " + address + " --sender");
}

std::optional<TurnedAway> turned_away(const config::Config& config, const smtp::Envelope& envelope,
                                      const name::Mailbox& author, const std::string& account) {
  const auto whose = find_organisation(config, envelope, author);
  if (!whose) return std::nullopt;
  audit::Record record(audit::Event::refused, audit::MessageId::fresh());
  record.outcome(audit::Outcome::denied, "policy-forbids")
      .disclose("account", account)
      .disclose("sender", author.text());
  for (const auto& recipient : envelope.recipients)
    record.disclose("recipient", recipient.mailbox.text());
  return TurnedAway{whose->id, std::move(record)};
}

Result<config::Organisation> admit(const config::Config& config, const Mail& mail,
                                   const sealing::Premises::Options& how) {
  auto admitted = organisation_of(config, mail.envelope, mail.message);
  if (admitted || admitted.error().code != Errc::denied) return admitted;
  const auto told = turned_away(config, mail.envelope, mail.message.from().mailbox, mail.account);
  if (!told) return admitted;
  sealing::Logs logs(config, *how.clock, how.tool);
  if (auto kept = logs.append(told->org, told->record); !kept) return fail(std::move(kept).error());
  return admitted;
}

delivery::OnInsecure on_insecure_of(const std::optional<std::string>& wish,
                                    const config::Organisation& organisation) {
  if (wish == "defer") return delivery::OnInsecure::defer;
  if (wish == "refuse" || !organisation.sealing.is_available()) {
    return delivery::OnInsecure::refuse;
  }
  return delivery::OnInsecure::seal;
}

std::vector<RecipientResult> rehearse(const config::Config& config,
                                      const delivery::Equipment& equipment,
                                      const smtp::Envelope& envelope, const Order& order) {
  const auto minimum = order.organisation->policy.minimum;
  delivery::Prober prober(
      equipment.finder(), equipment.client(),
      {.minimum = minimum, .wants_tlsrpt = false, .deadline = config.network.deadline});
  std::vector<RecipientResult> results;
  for (const auto& recipient : envelope.recipients) {
    results.push_back(delivery::foresee(recipient, prober.probe(recipient.mailbox.domain()),
                                        minimum, order.on_insecure));
    auto& result = results.back();
    const bool is_sealed = result.status == Status::pending || order.terms->seals_all;
    if (is_sealed) result.status = Status::sealed;
  }
  return results;
}

Submitter::Submitter(const config::Config& config, const delivery::Equipment& equipment,
                     sealing::Premises::Options premises, std::shared_ptr<store::Index> index)
    : config_(config), equipment_(equipment), how_(std::move(premises)), index_(std::move(index)) {}

Submitter::~Submitter() = default;

Result<Outcome> Submitter::submit(Mail& mail, const Order& order) {
  if (!index_) {
    auto index = store::Index::open(config_.state);
    if (!index) return fail(std::move(index).error());
    index_ = std::make_shared<store::Index>(std::move(*index));
  }
  std::vector<sealing::Continued> continued;
  if (order.organisation->sealing.is_available()) {
    auto taken = sealing::take_continued(*index_, *how_.clock, mail.message, mail.envelope);
    if (!taken) return fail(std::move(taken).error());
    continued = std::move(*taken);
  }
  Outcome outcome;
  if (!mail.envelope.recipients.empty()) {
    const bool is_linked = !mail.files.empty() && !order.terms->seals_all;
    auto results = is_linked ? send_linked(mail, order, outcome) : send(mail, order, outcome);
    if (!results) return fail(std::move(results).error());
    outcome.results = std::move(*results);
    if (order.terms->links_oversize) link_oversize(mail, order, outcome);
  }
  seal(mail, order, continued, outcome);
  return outcome;
}

Result<Submitter::Results> Submitter::send(Mail& mail, const Order& order, Outcome& outcome) {
  return send_signed(mail.message, mail, mail.envelope, order, order.terms->seals_all, outcome);
}

Result<Submitter::Results> Submitter::send_signed(message::PreparedMessage& message,
                                                  const Mail& mail, smtp::Envelope envelope,
                                                  const Order& order, bool seals_all,
                                                  Outcome& outcome) {
  const auto& organisation = *order.organisation;
  auto signatures = delivery::sign(message, organisation, *how_.clock);
  if (!signatures) return fail(std::move(signatures).error());
  envelope.requires_tls = envelope.requires_tls || organisation.policy.requiretls;
  state::SignedTrees signed_trees(index_);
  auto log = audit::Log::open(
      config_.state, organisation.id, *how_.clock,
      {.tool = how_.tool, .origin = organisation.audit_origin, .signed_state = &signed_trees});
  if (!log) return fail(std::move(log).error());
  delivery::Sender sender(equipment_.finder(), equipment_.client(), *log,
                          {.minimum = organisation.policy.minimum,
                           .on_insecure = order.on_insecure,
                           .deadline = config_.network.deadline,
                           .seals_all = seals_all});
  auto results = sender.send({.message = &message,
                              .envelope = std::move(envelope),
                              .dkim = std::move(*signatures),
                              .account = mail.account,
                              .uid = mail.uid});
  const auto add = [](std::vector<Error>& all, const std::vector<Error>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  add(outcome.warnings, sender.warnings());
  add(outcome.gaps, sender.gaps());
  return results;
}

Result<Submitter::Results> Submitter::send_linked(Mail& mail, const Order& order,
                                                  Outcome& outcome) {
  const auto foreseen = rehearse(config_, equipment_, mail.envelope, order);
  Results results(mail.envelope.recipients.size());
  smtp::Envelope sealed = mail.envelope;
  sealed.recipients.clear();
  std::vector<std::size_t> sealed_places;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < foreseen.size(); ++i) {
    results[i] = foreseen[i];
    if (foreseen[i].status == Status::sealed) {
      sealed.recipients.push_back(mail.envelope.recipients[i]);
      sealed_places.push_back(i);
    } else {
      places.push_back(i);
    }
  }
  if (!places.empty()) {
    auto sent = send_copies(mail, order, false, places, results, outcome);
    if (!sent) return fail(std::move(sent).error());
  }
  if (sealed_places.empty()) return results;
  // The level that was seen is what it is sealed for.
  auto pending = send_signed(mail.message, mail, sealed, order, true, outcome);
  if (!pending) return fail(std::move(pending).error());
  for (std::size_t i = 0; i < sealed_places.size(); ++i) {
    auto& result = results[sealed_places[i]];
    (*pending)[i].level = result.level;
    (*pending)[i].reason = result.reason;
    result = std::move((*pending)[i]);
  }
  return results;
}

Result<void> Submitter::send_copies(const Mail& mail, const Order& order, bool takes_attachments,
                                    const std::vector<std::size_t>& places, Results& results,
                                    Outcome& outcome) {
  auto opened = office(outcome);
  if (!opened) return fail(std::move(opened).error());
  LinkedFiles linked(**opened);
  std::vector<name::Mailbox> recipients;
  for (const auto place : places)
    recipients.push_back(mail.envelope.recipients[place].mailbox);
  auto copies = linked.prepare({.organisation = order.organisation,
                                .terms = order.terms,
                                .message = &mail.message,
                                .files = mail.files,
                                .takes_attachments = takes_attachments,
                                .reference = mail.envelope.id ? mail.envelope.id->text() : ""},
                               recipients);
  if (!copies) return fail(std::move(copies).error());
  for (std::size_t i = 0; i < places.size(); ++i) {
    auto& copy = (*copies)[i];
    auto& result = results[places[i]];
    smtp::Envelope envelope = mail.envelope;
    envelope.recipients = {mail.envelope.recipients[places[i]]};
    envelope.needs_8bitmime = copy.message.is_8bit();
    envelope.needs_smtputf8 = copy.message.needs_smtputf8();
    auto sent = send_signed(copy.message, mail, std::move(envelope), order, false, outcome);
    if (sent) {
      result = std::move(sent->front());
    } else {
      // What was sent to others stays sent.
      result.status = Status::deferred;
      result.reason = delivery::Reason::internal_error;
      result.detail = sent.error().what;
      result.enhanced = "4.3.0";
    }
    if (auto settled = linked.settle(copy, result); !settled) {
      outcome.warnings.push_back(std::move(settled).error());
    }
  }
  return {};
}

/// What no server of the destination would take for its size goes again without its attachments.
void Submitter::link_oversize(const Mail& mail, const Order& order, Outcome& outcome) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < outcome.results.size(); ++i) {
    const auto& result = outcome.results[i];
    const bool is_too_large =
        result.status == Status::failed && result.reason == delivery::Reason::message_too_large;
    if (is_too_large) places.push_back(i);
  }
  if (places.empty()) return;
  if (auto sent = send_copies(mail, order, true, places, outcome.results, outcome); !sent) {
    outcome.warnings.push_back(fail(std::move(sent).error(), "nothing could be linked").error);
  }
}

Result<sealing::Office*> Submitter::office(Outcome& outcome) {
  if (!premises_) {
    auto premises = sealing::Premises::open(config_, how_);
    if (!premises) return fail(std::move(premises).error());
    premises_ = std::move(*premises);
    if (how_.environment_key != nullptr) {
      outcome.warnings.push_back({Errc::configuration, keys::kEnvironmentWarning});
    }
  }
  return &premises_->office();
}

void Submitter::seal(const Mail& mail, const Order& order,
                     const std::vector<sealing::Continued>& continued, Outcome& outcome) {
  auto& results = outcome.results;
  const bool has_pending = std::any_of(results.begin(), results.end(), [](const auto& result) {
    return result.status == Status::pending;
  });
  if (!has_pending && continued.empty()) return;
  auto opened = office(outcome);
  if (!opened) {
    sealing::fail_to_seal(results, opened.error());
    sealing::put_back(continued, results);
    return;
  }
  sealing::Fallback fallback(**opened, equipment_, *order.organisation);
  const std::string reference = mail.envelope.id ? mail.envelope.id->text() : "";
  fallback.seal({&mail.message, order.terms, reference, mail.files}, results);
  sealing::put_back(continued, results);
  fallback.notify(results, config_.network.deadline);
  for (auto& warning : fallback.take_warnings())
    outcome.warnings.push_back(std::move(warning));
}

}  // namespace sm::submission
