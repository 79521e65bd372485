#include "base/json_writer.h"
#include "base/text.h"
#include "cli/settings.h"
#include "commands.h"
#include "dkim/publish.h"
#include "keys.h"

namespace sm::smsign {
namespace {

std::string check_json(const dkim::Check& check, const name::DnsName& name) {
  JsonArray findings, records;
  for (const std::string& finding : check.findings)
    findings.add(finding);
  for (const std::string& record : check.answer.texts)
    records.add(record);
  const char* result = check.is_good ? "good" : check.is_undetermined ? "undetermined" : "bad";
  return JsonObject()
      .add("name", name.text())
      .add("result", result)
      .add("state", dkim::code(check.answer.state))
      .add("summary", check.summary)
      .add_raw("findings", findings.text())
      .add_raw("records", records.text())
      .add("dnssec", dns::dnssec_word(*check.answer.answer))
      .text();
}

}  // namespace

Result<std::unique_ptr<dns::Resolver>> resolver_of(const Options& options) {
  const auto config = cli::load_config(options.common, options.network);
  if (!config) return fail(config.error());
  dns::ResolverOptions resolver;
  for (const auto& server : config->network.resolvers)
    resolver.servers.push_back({server.address, server.port});
  if (!config->network.trust_anchors.empty()) {
    resolver.trust_anchor_file = config->network.trust_anchors.front();
  }
  resolver.trust_ad_bit = config->network.trust_ad;
  resolver.dns_file = options.network.dns_file.value_or("");
  if (options.network.deadline) resolver.timeout = *options.network.deadline;
  return dns::open_resolver(resolver);
}

Result<cli::Verdict> check_record(const Options& options) {
  const auto domain = domain_of(options);
  if (!domain) return fail(domain.error());
  const auto selector = required(options.selector, "--selector");
  if (!selector) return fail(selector.error());
  const auto name = dkim::key_record_name(*domain, *selector);
  if (!name) return fail(name.error());
  std::optional<crypto::PublicKey> key;
  if (!options.key.empty()) {
    const auto opened = open_key(options.common, options.key);
    if (!opened) return fail(opened.error());
    key = opened->public_key();
  }
  const auto resolver = resolver_of(options);
  if (!resolver) return fail(resolver.error());
  const auto answer = (*resolver)->lookup(*name, dns::Type::txt);
  dkim::Check check = dkim::check_published(dkim::read_key_answer(answer), *name, key);
  if (check.answer.state == dkim::KeyState::none) {
    // The commonest slip in zone files: a name without its final dot.
    const auto doubled = name->text() + "." + domain->text();
    const auto slip = name::DnsName::parse(doubled);
    if (slip && (*resolver)->lookup(*slip, dns::Type::txt).has_data()) {
      check.findings.insert(check.findings.begin(),
                            "there is one at " + doubled +
                                ": the final dot is missing after the name in the zone file");
    }
  }
  auto& out = options.common.out();
  if (options.common.is_json) {
    out.line(check_json(check, *name));
  } else {
    out.line(printable(check.summary) + " (DNSSEC: " + std::string(dns::dnssec_word(answer)) + ")");
    for (const std::string& finding : check.findings)
      out.line("- " + printable(finding));
  }
  if (check.is_undetermined) return cli::Verdict::temporary;
  return check.is_good ? cli::Verdict::yes : cli::Verdict::no;
}

}  // namespace sm::smsign
