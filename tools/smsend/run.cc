#include <algorithm>

#include <malloc.h>

#include "base/version.h"
#include "batch.h"
#include "cli/rights.h"
#include "cli/settings.h"
#include "delivery/equipment.h"
#include "delivery/signing.h"
#include "delivery/sts_memory_cache.h"
#include "intake.h"
#include "mta.h"
#include "options.h"
#include "serve.h"
#include "spooled.h"
#include "state/sts_cache.h"
#include "submission/submit.h"

namespace sm::smsend {
namespace {

delivery::Equipment::Options means_of(const Options& options) {
  return {.patience = delivery::Patience::delivery, .dns_file = options.network.dns_file};
}

Result<std::shared_ptr<store::Index>> open_index(const config::Config& config) {
  auto index = store::Index::open(config.state);
  if (!index) return fail(std::move(index).error());
  return std::make_shared<store::Index>(std::move(*index));
}

}  // namespace

sealing::SealingRequest request_of(const Options& options) {
  return {.seals_all = options.seals_all,
          .insists = options.on_insecure == "seal",
          .method = options.method,
          .password_file = options.password_file,
          .phone = options.phone,
          .expires = options.expires,
          .is_once = options.is_once,
          .oversize = options.oversize};
}

Result<std::unique_ptr<delivery::Equipment>> make_equipment(
    const Options& options, const config::Config& config, std::shared_ptr<store::Index> index,
    std::unique_ptr<dns::Resolver> resolver) {
  auto means = means_of(options);
  means.resolver = std::move(resolver);
  return delivery::Equipment::make(config, std::move(means),
                                   std::make_unique<state::StsCache>(std::move(index)));
}

Result<std::unique_ptr<delivery::Equipment>> make_equipment(const Options& options,
                                                            const config::Config& config) {
  auto index = open_index(config);
  if (!index) return fail(std::move(index).error());
  return make_equipment(options, config, std::move(*index), nullptr);
}

namespace {

using delivery::RecipientResult;

void report(const Options& options, const std::vector<RecipientResult>& results) {
  const auto& common = options.common;
  for (const auto& result : results) {
    if (common.is_json) {
      common.out().line(delivery::json_line(result));
    } else if (options.is_dry_run) {
      common.out().line(delivery::plain_line(result));
    } else if (result.status == delivery::Status::delivered ||
               result.status == delivery::Status::queued ||
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

/// The message will not go into the queue, as far as can be told before it is read.
bool seems_direct(const Options& options, const config::Config& config) {
  return options.is_dry_run || (!options.queues && !lacks_rights(config));
}

/// Begins to ask for the first few domains that mail goes to.
void ask_ahead(dns::Resolver& resolver, const config::Config& config,
               const std::vector<name::Domain>& domains) {
  constexpr std::size_t kFew = 8;
  for (std::size_t i = 0; i < std::min(domains.size(), kFew); ++i)
    delivery::FactFinder::ask_ahead(resolver, domains[i], config.network.port);
}

/// One message and its threads need a few MiB: the system is asked for them at once, not for a page
/// or two hundreds of times.
void take_memory_in_large_steps() {
  mallopt(M_TOP_PAD, 4 << 20);
}

/// The resolver, at work for the recipients of the command line while the message is read. Null
/// where it cannot be had: what is wrong with the message is told first.
std::unique_ptr<dns::Resolver> begin_lookups(const Options& options, const config::Config& config) {
  auto resolver = delivery::Equipment::begin_resolver(config, means_of(options));
  if (!resolver) return nullptr;
  std::vector<name::Domain> domains;
  for (const auto& recipient : options.recipients) {
    const auto mailbox = name::Mailbox::parse(recipient);
    if (mailbox && !options.seals_all) domains.push_back(mailbox->domain());
  }
  ask_ahead(**resolver, config, domains);
  return std::move(*resolver);
}

/// The same for recipients that stand in the message.
void begin_lookups(dns::Resolver& resolver, const Options& options, const config::Config& config,
                   const smtp::Envelope& envelope) {
  if (!options.takes_header_recipients || options.seals_all) return;
  std::vector<name::Domain> domains;
  for (const auto& recipient : envelope.recipients)
    domains.push_back(recipient.mailbox.domain());
  ask_ahead(resolver, config, domains);
}

using Sent = submission::Outcome;

/// Those who may not read the state can ask all the same what would happen: without the policies
/// that others fetched, and who is registered only the runner of the queue can tell.
Result<Sent> rehearse_without_rights(const Options& options, const config::Config& config,
                                     const submission::Mail& mail) {
  const auto organisation =
      submission::organisation_of(without_registration(config), mail.envelope, mail.message);
  if (!organisation) return fail(organisation.error());
  auto terms = sealing::agree_terms(request_of(options), *organisation);
  if (!terms) return fail(std::move(terms).error());
  auto equipment = delivery::Equipment::make(
      config, {.patience = delivery::Patience::delivery, .dns_file = options.network.dns_file},
      std::make_unique<delivery::StsMemoryCache>());
  if (!equipment) return fail(std::move(equipment).error());
  const submission::Order order{
      .organisation = &*organisation,
      .terms = &*terms,
      .on_insecure = submission::on_insecure_of(options.on_insecure, *organisation)};
  return Sent{submission::rehearse(config, **equipment, mail.envelope, order)};
}

Result<Sent> send(const Options& options) {
  auto config = cli::load_config(options.common, options.network,
                                 {.minimum = cli::minimum_of(options.minimum)});
  if (!config) return fail(std::move(config).error());
  std::unique_ptr<dns::Resolver> resolver;
  if (seems_direct(options, *config)) {
    take_memory_in_large_steps();
    resolver = begin_lookups(options, *config);
  }
  auto mail = take_in(options, *config);
  if (!mail) return fail(std::move(mail).error());
  if (resolver) begin_lookups(*resolver, options, *config, mail->envelope);
  if (auto became = cli::become_owner_of(config->state); !became) return fail(became.error());
  if (options.is_dry_run && lacks_rights(*config)) {
    return rehearse_without_rights(options, *config, *mail);
  }
  if (!options.is_dry_run && (options.queues || lacks_rights(*config))) {
    if (!mail->files.empty() || options.oversize == "link") {
      return fail(Errc::usage, "large files are linked while a message is sent, not in the queue",
                  "leave --queue out, or ask for the rights to send");
    }
    auto queued = enqueue(options, *config, *mail);
    if (!queued) return fail(std::move(queued).error());
    return Sent{std::move(*queued)};
  }
  if (auto applied = delivery::apply_rotations(*config); !applied) return fail(applied.error());
  const auto organisation = submission::admit(*config, *mail, premises_of(options));
  if (!organisation) return fail(organisation.error());
  auto terms = sealing::agree_terms(request_of(options), *organisation);
  if (!terms) return fail(std::move(terms).error());
  if (!terms->phone.empty() && mail->envelope.recipients.size() != 1) {
    return fail(Errc::usage, "--phone is for one recipient", "smcontact keeps those of several");
  }
  auto index = open_index(*config);
  if (!index) return fail(std::move(index).error());
  auto made = make_equipment(options, *config, *index, std::move(resolver));
  if (!made) return fail(std::move(made).error());
  // Not taken apart before the process ends: nobody waits for its thread then.
  static std::unique_ptr<delivery::Equipment> equipment;
  equipment = std::move(*made);
  const submission::Order order{
      .organisation = &*organisation,
      .terms = &*terms,
      .on_insecure = submission::on_insecure_of(options.on_insecure, *organisation)};
  if (options.is_dry_run) {
    return Sent{submission::rehearse(*config, *equipment, mail->envelope, order)};
  }
  auto waiting = take_waiting(**index, *mail);
  if (!waiting) return fail(std::move(waiting).error());
  Sent sent;
  if (!mail->envelope.recipients.empty()) {
    auto submitted = submission::Submitter(*config, *equipment, premises_of(options), *index)
                         .submit(*mail, order);
    if (!submitted) return submitted;
    sent = std::move(*submitted);
  }
  for (auto& one : *waiting) {
    const auto place = std::min(one.place, sent.results.size());
    sent.results.insert(sent.results.begin() + static_cast<std::ptrdiff_t>(place),
                        std::move(one.result));
  }
  return sent;
}

Result<cli::Verdict> send_and_report(const Options& options) {
  auto sent = send(options);

  if (options.is_mta) {
    if (!sent) return mta_answer(options.common.out(), sent.error());
    report_to_mta(options, sent->results);
    return static_cast<cli::Verdict>(delivery::exit_status(sent->results));
  }
  if (!sent) return fail(std::move(sent).error());
  for (const auto& warning : sent->warnings)
    options.common.diagnostics().warning(warning.what);
  report(options, sent->results);
  for (const auto& gap : sent->gaps) {
    options.common.diagnostics().error(fail(gap, "the log lacks what was reported").error);
  }
  if (!sent->gaps.empty()) return cli::Verdict::io;
  return static_cast<cli::Verdict>(delivery::exit_status(sent->results));
}

}  // namespace

Result<cli::Verdict> run(const Options& options) {
  if ((options.interval || options.is_flush) && !options.runs_queue) {
    return fail(Errc::usage, "--every and --now go with -q");
  }
  if (is_batch(options)) return run_batch(options);
  if (options.mode == "p") return list_queue(options);
  if (options.mode == "s") return serve(options);
  if (options.mode == "i") return cli::Verdict::yes;  // there is no alias database
  if (options.runs_queue) return run_queue(options);
  return send_and_report(options);
}

}  // namespace sm::smsend
