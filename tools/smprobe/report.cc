#include "report.h"

#include "base/encoding.h"
#include "base/json_writer.h"
#include "base/text.h"

namespace sm::smprobe {
namespace {

using delivery::DestinationReport;
using delivery::HostReport;
using delivery::Mechanism;

std::optional<std::string> or_null(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return std::string(text);
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string certificate_json(const crypto::Certificate& certificate) {
  JsonArray names;
  for (const auto& name : certificate.dns_names)
    names.add(name);
  JsonObject object;
  object.add("subject", certificate.subject)
      .add_raw("names", names.text())
      .add("not_after", utc_text(certificate.not_after))
      .add("sha256", to_hex(certificate.sha256))
      .add("spki_sha256", to_hex(certificate.spki_sha256));
  return object.text();
}

std::string tls_json(const HostReport& host) {
  if (!host.session || !host.session->tls) return "null";
  const auto& tls = *host.session->tls;
  JsonObject object;
  object.add("version", tls.version)
      .add("cipher", tls.cipher)
      .add_raw("certificate", certificate_json(tls.leaf));
  return object.text();
}

/// "pass", "fail", or null where it was not judged.
std::optional<std::string> word(const HostReport& host, bool is_dane) {
  if (!host.session || !host.session->tls) return std::nullopt;
  const tls::ChainVerdict& verdict = is_dane ? host.session->tls->dane : host.session->tls->pkix;
  switch (verdict.state) {
    case tls::ChainVerdict::State::not_judged:
      return std::nullopt;
    case tls::ChainVerdict::State::good:
      return "pass";
    case tls::ChainVerdict::State::bad:
      return "fail";
  }
  return std::nullopt;
}

/// The DNSSEC word for a host's addresses.
std::string_view dnssec_of(const dns::HostAddresses& addresses) {
  if (addresses.kind == dns::HostAddresses::Kind::undetermined) {
    return addresses.is_bogus ? "bogus" : "failed";
  }
  return dns::text(addresses.security);
}

std::string host_json(const delivery::HostFacts& facts, const HostReport& host) {
  JsonArray addresses;
  for (const auto& address : facts.addresses.addresses)
    addresses.add(address.text());
  JsonArray tlsa;
  for (const auto& record : facts.tlsa.records)
    tlsa.add(dns::text(record));
  JsonObject object;
  object.add("preference", facts.mx.preference)
      .add("host", facts.mx.host.text())
      .add("verdict", delivery::text(host.verdict.verdict))
      .add("dnssec", dnssec_of(facts.addresses))
      .add_raw("addresses", addresses.text())
      .add_raw("tlsa", tlsa.text())
      .add_raw("tls", tls_json(host))
      .add("dane", word(host, true))
      .add("pkix", word(host, false))
      .add("reason", or_null(delivery::text(host.verdict.reason)))
      .add("detail", or_null(host.verdict.detail));
  return object.text();
}

std::string sts_json(const mtasts::Lookup& lookup) {
  JsonObject object;
  if (const auto* found = std::get_if<mtasts::Found>(&lookup)) {
    JsonArray mx;
    for (const auto& pattern : found->policy.mx)
      mx.add(pattern.text());
    object.add("id", found->id)
        .add("mode", mtasts::text(found->policy.mode))
        .add("max_age", found->policy.max_age.count())
        .add_raw("mx", mx.text())
        .add("from_cache", found->is_from_cache);
    return object.text();
  }
  if (const auto* unknown = std::get_if<mtasts::Undetermined>(&lookup)) {
    object.add("error", unknown->is_bogus ? "dns-bogus" : "dns-temporary")
        .add("detail", unknown->why);
    return object.text();
  }
  const auto& none = std::get<mtasts::NoPolicy>(lookup);
  if (!none.failed) return "null";
  object.add("error", mtasts::text(none.failed->kind)).add("detail", none.failed->detail);
  return object.text();
}

std::string error_json(std::string_view kind, const std::string& why) {
  JsonObject object;
  object.add("error", kind).add("detail", why);
  return object.text();
}

std::string tlsrpt_json(const std::optional<tlsrpt::Lookup>& lookup) {
  if (!lookup) return "null";
  switch (lookup->outcome) {
    case tlsrpt::Outcome::none:
      return "null";
    case tlsrpt::Outcome::invalid:
      return error_json("invalid", lookup->why);
    case tlsrpt::Outcome::failure:
      return error_json("dns-temporary", lookup->why);
    case tlsrpt::Outcome::record:
      break;
  }
  JsonArray rua;
  for (const auto& uri : lookup->record->rua)
    rua.add(uri);
  JsonObject object;
  object.add_raw("rua", rua.text());
  return object.text();
}

std::string month(std::chrono::year_month value) {
  return utc_text(std::chrono::sys_days(value / 1)).substr(0, 7);
}

std::string nta_json(const delivery::DestinationFacts& facts) {
  const auto& lookup = facts.nta7516;
  switch (lookup.outcome) {
    case nta7516::Outcome::none:
      return "null";
    case nta7516::Outcome::invalid:
      return error_json("invalid", lookup.why);
    case nta7516::Outcome::failure:
      return error_json("dns-temporary", lookup.why);
    case nta7516::Outcome::record:
      break;
  }
  JsonArray hosts;
  for (const auto& mx : lookup.record->ntamx) {
    JsonObject host;
    host.add("preference", mx.preference).add("host", mx.host.text());
    hosts.add_raw(host.text());
  }
  JsonObject object;
  object.add("start", month(lookup.record->start))
      .add("end", lookup.record->end ? std::optional(month(*lookup.record->end)) : std::nullopt)
      .add("provider", lookup.record->provider)
      .add_raw("ntamx", hosts.text())
      .add("applies", facts.nta7516_applies);
  return object.text();
}

}  // namespace

std::string plain_line(const std::string& destination, const DestinationReport& report) {
  const auto& best = report.verdict.best;
  const std::string why(best.mechanism == Mechanism::none ? delivery::text(best.reason)
                                                          : delivery::text(best.mechanism));
  std::string line = padded(printable(destination), 30) + " ";
  if (why.empty()) return line + std::string(delivery::text(best.verdict));
  return line + padded(std::string(delivery::text(best.verdict)), 14) + " " + why;
}

std::string json_line(const std::string& destination, const DestinationReport& report) {
  const auto& best = report.verdict.best;
  JsonObject object;
  object.add("destination", destination)
      .add("domain", report.domain.text())
      .add("verdict", delivery::text(best.verdict))
      .add("mechanism", or_null(delivery::text(best.mechanism)))
      .add("reason", or_null(delivery::text(best.reason)))
      .add("detail", or_null(best.detail));
  JsonArray hosts;
  if (report.facts) {
    const auto& facts = *report.facts;
    for (std::size_t i = 0; i < report.hosts.size(); ++i) {
      hosts.add_raw(host_json(facts.hosts[i], report.hosts[i]));
    }
    object.add("dnssec", dns::dnssec_word(facts.next_hops.answer))
        .add_raw("mx", hosts.text())
        .add_raw("mta_sts", sts_json(facts.mta_sts))
        .add_raw("tlsrpt", tlsrpt_json(facts.tlsrpt))
        .add_raw("nta7516", nta_json(facts));
  } else {
    object.add("dnssec", nullptr).add_raw("mx", "[]");
    for (const auto* key : {"mta_sts", "tlsrpt", "nta7516"})
      object.add(key, nullptr);
  }
  object.add_seconds("seconds", static_cast<double>(report.took.count()) / 1000);
  return object.text();
}

}  // namespace sm::smprobe
