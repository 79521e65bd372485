#include "sender.h"

#include "base/text.h"
#include "delivery/equipment.h"
#include "destinations.h"
#include "sender/report.h"

namespace sm::smprobe {
namespace {

using sender::Aligned;

/// The selectors that the configuration signs this domain's mail with.
std::vector<std::string> selectors_of(const config::Config& config, const name::Domain& domain) {
  std::vector<std::string> selectors;
  const auto* organisation = config.organisation_of(domain);
  if (organisation == nullptr) return selectors;
  for (const auto& key : organisation->dkim) {
    if (key.domain != domain) continue;
    selectors.push_back(key.selector);
    if (key.selector2) selectors.push_back(*key.selector2);
  }
  return selectors;
}

std::string_view word(Aligned aligned) {
  switch (aligned) {
    case Aligned::yes:
      return "aligned";
    case Aligned::no:
      return "not aligned";
    case Aligned::unknown:
      return "could not be told now";
  }
  return "";
}

void print(const Options& options, const sender::Report& report) {
  auto& out = options.common.out();
  if (options.common.is_json) {
    out.line(sender::json(report));
    return;
  }
  out.line(report.domain.text() + ": " + std::string(word(report.aligned)));
  for (const auto& finding : report.findings) {
    const char* weight = finding.weight == sender::Weight::problem ? "problem" : "advice";
    out.line("  " + std::string(weight) + " " + finding.code + ": " + printable(finding.text));
  }
}

}  // namespace

Result<cli::Verdict> look_at_senders(const Options& options, const config::Config& config) {
  auto destinations = destinations_of(options);
  if (!destinations) return fail(std::move(destinations).error());
  auto equipment = delivery::Equipment::make(
      config, {.patience = delivery::Patience::probe, .dns_file = options.network.dns_file},
      nullptr);
  if (!equipment) return fail(std::move(equipment).error());
  bool is_any_unknown = false;
  bool is_any_not = false;
  for (const auto& [given, domain] : *destinations) {
    const auto report =
        sender::look_at_sender((*equipment)->resolver(), domain, selectors_of(config, domain));
    is_any_unknown = is_any_unknown || report.aligned == Aligned::unknown;
    is_any_not = is_any_not || report.aligned == Aligned::no;
    print(options, report);
  }
  if (is_any_not) return cli::Verdict::no;
  return is_any_unknown ? cli::Verdict::temporary : cli::Verdict::yes;
}

}  // namespace sm::smprobe
