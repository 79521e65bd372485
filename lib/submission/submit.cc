#include "submission/submit.h"

#include <algorithm>

#include "delivery/probe.h"
#include "delivery/signing.h"
#include "state/signed_trees.h"
#include "store/contact_table.h"

namespace sm::submission {
namespace {

using delivery::RecipientResult;
using delivery::Status;

Result<config::Organisation> find_organisation(const config::Config& config,
                                               const smtp::Envelope& envelope,
                                               const message::PreparedMessage& message) {
  const auto& domain = envelope.sender.is_null() ? message.from().mailbox.domain()
                                                 : envelope.sender.mailbox()->domain();
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
  auto organisation = find_organisation(config, envelope, message);
  if (!organisation || !organisation->policy.registered_senders) return organisation;
  auto index = store::Index::open(config.state);
  if (!index) return fail(std::move(index).error());
  const auto address = message.from().mailbox.text();
  auto contact = store::ContactTable(*index).find(organisation->id, address);
  if (!contact) return fail(std::move(contact).error());
  if (*contact && (*contact)->is_sender) return organisation;
  return fail(Errc::denied, address + " is not registered to send (policy-forbids)",
              "smcontact add " + address + " --sender");
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
                     sealing::Premises::Options premises)
    : config_(config), equipment_(equipment), how_(std::move(premises)) {}

Submitter::~Submitter() = default;

Result<Outcome> Submitter::submit(Mail& mail, const Order& order) {
  std::vector<sealing::Continued> continued;
  if (order.organisation->sealing.is_available()) {
    auto index = store::Index::open(config_.state);
    if (!index) return fail(std::move(index).error());
    auto taken = sealing::take_continued(*index, *how_.clock, mail.message, mail.envelope);
    if (!taken) return fail(std::move(taken).error());
    continued = std::move(*taken);
  }
  Outcome outcome;
  if (!mail.envelope.recipients.empty()) {
    auto results = send(mail, order, outcome);
    if (!results) return fail(std::move(results).error());
    outcome.results = std::move(*results);
  }
  seal(mail, order, continued, outcome);
  return outcome;
}

Result<std::vector<RecipientResult>> Submitter::send(Mail& mail, const Order& order,
                                                     Outcome& outcome) {
  const auto& organisation = *order.organisation;
  auto signatures = delivery::sign(mail.message, organisation, *how_.clock);
  if (!signatures) return fail(std::move(signatures).error());
  mail.envelope.requires_tls = mail.envelope.requires_tls || organisation.policy.requiretls;
  auto trees = store::Index::open(config_.state);
  if (!trees) return fail(std::move(trees).error());
  state::SignedTrees signed_trees(std::move(*trees));
  auto log = audit::Log::open(
      config_.state, organisation.id, *how_.clock,
      {.tool = how_.tool, .origin = organisation.audit_origin, .signed_state = &signed_trees});
  if (!log) return fail(std::move(log).error());
  delivery::Sender sender(equipment_.finder(), equipment_.client(), *log,
                          {.minimum = organisation.policy.minimum,
                           .on_insecure = order.on_insecure,
                           .deadline = config_.network.deadline,
                           .seals_all = order.terms->seals_all});
  auto results = sender.send({.message = &mail.message,
                              .envelope = mail.envelope,
                              .dkim = std::move(*signatures),
                              .account = mail.account,
                              .uid = mail.uid});
  outcome.warnings = sender.warnings();
  outcome.gaps = sender.gaps();
  return results;
}

void Submitter::seal(const Mail& mail, const Order& order,
                     const std::vector<sealing::Continued>& continued, Outcome& outcome) {
  auto& results = outcome.results;
  const bool has_pending = std::any_of(results.begin(), results.end(), [](const auto& result) {
    return result.status == Status::pending;
  });
  if (!has_pending && continued.empty()) return;
  if (!premises_) {
    auto premises = sealing::Premises::open(config_, how_);
    if (!premises) {
      sealing::fail_to_seal(results, premises.error());
      sealing::put_back(continued, results);
      return;
    }
    premises_ = std::move(*premises);
    if (how_.environment_key != nullptr) {
      outcome.warnings.push_back({Errc::configuration, keys::kEnvironmentWarning});
    }
  }
  sealing::Fallback fallback(premises_->office(), equipment_, *order.organisation);
  const std::string reference = mail.envelope.id ? mail.envelope.id->text() : "";
  fallback.seal({&mail.message, order.terms, reference, mail.files}, results);
  sealing::put_back(continued, results);
  fallback.notify(results, config_.network.deadline);
  for (auto& warning : fallback.take_warnings())
    outcome.warnings.push_back(std::move(warning));
}

}  // namespace sm::submission
