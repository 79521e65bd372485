#include <algorithm>

#include <unistd.h>

#include "audit/log.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/settings.h"
#include "delivery/equipment.h"
#include "delivery/send.h"
#include "delivery/signing.h"
#include "intake.h"
#include "mta.h"
#include "options.h"
#include "sealed.h"
#include "state/signed_trees.h"
#include "state/sts_cache.h"
#include "store/contact_table.h"

namespace sm::smsend {
namespace {

using delivery::RecipientResult;

/// The organisation whose mail this is: the sender's domain chooses. Where only one is configured
/// it is that one; where several are, a domain of none of them may not send.
Result<config::Organisation> find_organisation(const config::Config& config, const Mail& mail) {
  const auto& domain = mail.envelope.sender.is_null() ? mail.message.from().mailbox.domain()
                                                      : mail.envelope.sender.mailbox()->domain();
  if (const auto* organisation = config.organisation_of(domain)) return *organisation;
  if (config.organisations.empty()) return config.default_organisation();
  if (config.organisations.size() == 1) return config.organisations.front();
  return fail(Errc::denied, "no organisation sends from " + domain.text() + " (policy-forbids)",
              "list the domain under one of the organisations");
}

/// The same, allowed to send: where the policy wants registered senders, only to those whom
/// smcontact registered (by the From field's address, which is what a recipient sees).
Result<config::Organisation> organisation_of(const config::Config& config, const Mail& mail) {
  auto organisation = find_organisation(config, mail);
  if (!organisation || !organisation->policy.registered_senders) return organisation;
  auto index = store::Index::open(config.state);
  if (!index) return fail(std::move(index).error());
  const auto address = mail.message.from().mailbox.text();
  auto contact = store::ContactTable(*index).find(organisation->id, address);
  if (!contact) return fail(std::move(contact).error());
  if (*contact && (*contact)->is_sender) return organisation;
  return fail(Errc::denied, address + " is not registered to send (policy-forbids)",
              "smcontact add " + address + " --sender");
}

void report(const Options& options, const std::vector<RecipientResult>& results) {
  const auto& common = options.common;
  for (const auto& result : results) {
    if (common.is_json) {
      common.out().line(delivery::json_line(result));
    } else if (options.is_dry_run) {
      common.out().line(delivery::plain_line(result));
    } else if (result.status == delivery::Status::delivered ||
               result.status == delivery::Status::sealed) {
      common.diagnostics().detail(delivery::plain_line(result));
    } else if (result.status == delivery::Status::pending) {
      common.diagnostics().warning(delivery::plain_line(result));
    } else {
      common.diagnostics().error(Error{Errc::unavailable, delivery::plain_line(result)});
    }
  }
}

/// The line for a pipe transport is that of the recipient that decides the exit status.
void report_to_mta(const Options& options, const std::vector<RecipientResult>& results) {
  const int status = delivery::exit_status(results);
  if (status == 0) return;
  const auto decides = std::find_if(results.begin(), results.end(), [&](const auto& result) {
    return delivery::exit_status(std::span(&result, 1)) == status;
  });
  if (decides == results.end()) return;
  const std::string enhanced = decides->enhanced.empty() ? "4.0.0" : decides->enhanced;
  options.common.out().line(
      mta_line(enhanced, decides->reply.empty() ? delivery::plain_line(*decides) : decides->reply));
}

/// What would happen, from a look at each destination.
std::vector<RecipientResult> rehearse(const delivery::Equipment& equipment, const Mail& mail,
                                      const config::Config& config,
                                      const config::Organisation& organisation,
                                      const Options& options) {
  const auto on_insecure = on_insecure_of(options, organisation);
  const auto minimum = organisation.policy.minimum;
  delivery::Prober prober(
      equipment.finder(), equipment.client(),
      {.minimum = minimum, .wants_tlsrpt = false, .deadline = config.network.deadline});
  std::vector<RecipientResult> results;
  for (const auto& recipient : mail.envelope.recipients) {
    results.push_back(delivery::foresee(recipient, prober.probe(recipient.mailbox.domain()),
                                        minimum, on_insecure));
    auto& result = results.back();
    const bool is_sealed = result.status == delivery::Status::pending || options.seals_all;
    if (is_sealed) result.status = delivery::Status::sealed;
  }
  return results;
}

struct Sent {
  std::vector<RecipientResult> results;
  std::vector<Error> gaps{};  ///< ends that the log does not have
};

Result<Sent> deliver(const delivery::Equipment& equipment, Mail& mail, const config::Config& config,
                     const config::Organisation& organisation, const SealingWishes& wishes,
                     const Options& options) {
  auto continued = organisation.sealing.is_available()
                       ? take_continued(config, mail)
                       : Result<std::vector<Continued>>(std::vector<Continued>());
  if (!continued) return fail(std::move(continued).error());
  if (mail.envelope.recipients.empty()) {
    std::vector<RecipientResult> results;
    seal_pending(options, config, organisation, wishes, mail, *continued, equipment, results);
    return Sent{std::move(results)};
  }
  auto signatures = delivery::sign(mail.message, organisation, system_clock());
  if (!signatures) return fail(std::move(signatures).error());

  mail.envelope.requires_tls = mail.envelope.requires_tls || organisation.policy.requiretls;
  auto trees = store::Index::open(config.state);
  if (!trees) return fail(std::move(trees).error());
  state::SignedTrees signed_trees(std::move(*trees));
  auto log = audit::Log::open(config.state, organisation.id, system_clock(),
                              {.tool = "smsend/" + std::string(kVersion),
                               .origin = organisation.audit_origin,
                               .signed_state = &signed_trees});
  if (!log) return fail(std::move(log).error());
  delivery::Sender sender(equipment.finder(), equipment.client(), *log,
                          {.minimum = organisation.policy.minimum,
                           .on_insecure = on_insecure_of(options, organisation),
                           .deadline = config.network.deadline,
                           .seals_all = wishes.seals_all});
  auto results = sender.send({.message = &mail.message,
                              .envelope = mail.envelope,
                              .dkim = std::move(*signatures),
                              .account = mail.account,
                              .uid = ::getuid()});
  for (const auto& warning : sender.warnings()) {
    options.common.diagnostics().warning(warning.what);
  }
  if (!results) return fail(std::move(results).error());
  seal_pending(options, config, organisation, wishes, mail, *continued, equipment, *results);
  return Sent{std::move(*results), sender.gaps()};
}

Result<Sent> send(const Options& options) {
  auto config = cli::load_config(options.common, options.network,
                                 {.minimum = cli::minimum_of(options.minimum)});
  if (!config) return fail(std::move(config).error());
  if (auto applied = delivery::apply_rotations(*config); !applied) return fail(applied.error());
  auto mail = take_in(options, *config);
  if (!mail) return fail(std::move(mail).error());
  const auto organisation = organisation_of(*config, *mail);
  if (!organisation) return fail(organisation.error());
  auto wishes = sealing_wishes(options, *organisation);
  if (!wishes) return fail(std::move(wishes).error());
  if (!wishes->phone.empty() && mail->envelope.recipients.size() != 1) {
    return fail(Errc::usage, "--phone is for one recipient", "smcontact keeps those of several");
  }
  auto policies = store::Index::open(config->state);
  if (!policies) return fail(std::move(policies).error());
  auto equipment = delivery::Equipment::make(
      *config, {.patience = delivery::Patience::delivery, .dns_file = options.network.dns_file},
      std::make_unique<state::StsCache>(std::move(*policies)));
  if (!equipment) return fail(std::move(equipment).error());
  if (options.is_dry_run) {
    return Sent{rehearse(**equipment, *mail, *config, *organisation, options)};
  }
  return deliver(**equipment, *mail, *config, *organisation, *wishes, options);
}

}  // namespace

Result<cli::Verdict> run(const Options& options) {
  auto sent = send(options);
  if (options.is_mta) {
    if (!sent) return mta_answer(options.common.out(), sent.error());
    report_to_mta(options, sent->results);
    return static_cast<cli::Verdict>(delivery::exit_status(sent->results));
  }
  if (!sent) return fail(std::move(sent).error());
  report(options, sent->results);
  for (const auto& gap : sent->gaps) {
    options.common.diagnostics().error(fail(gap, "the log lacks what was reported").error);
  }
  if (!sent->gaps.empty()) return cli::Verdict::io;
  return static_cast<cli::Verdict>(delivery::exit_status(sent->results));
}

}  // namespace sm::smsend
