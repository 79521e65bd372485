#include "sender/report.h"

#include <algorithm>

#include "base/json_writer.h"
#include "base/text.h"

namespace sm::sender {
namespace {

constexpr unsigned kGoodRsaBits = 2048;  // RFC 8301 §3.2

using Findings = std::vector<Finding>;

void problem(Findings& findings, std::string code, std::string text) {
  findings.push_back({Weight::problem, std::move(code), std::move(text)});
}
void advice(Findings& findings, std::string code, std::string text) {
  findings.push_back({Weight::advice, std::move(code), std::move(text)});
}

void judge_spf(const Report& report, Findings& findings) {
  const auto& spf = report.spf;
  const auto& name = report.domain.text();
  switch (spf.state) {
    case SpfState::good:
      break;
    case SpfState::none:
      problem(findings, "spf-missing",
              "There is no SPF record. Publish a TXT record at " + name +
                  " that lists the hosts that send for it, such as \"v=spf1 mx -all\".");
      break;
    case SpfState::open:
      problem(findings, "spf-open",
              "The SPF record lets every host send as " + name + ". End it with -all or ~all.");
      break;
    case SpfState::invalid:
      problem(findings, "spf-invalid",
              "Receivers take the SPF record for an error: " + spf.why + ".");
      break;
    case SpfState::unknown:
      problem(findings, "spf-unknown", "The SPF record could not be read now: " + spf.why + ".");
      break;
  }
  if (spf.uses_ptr) {
    advice(findings, "spf-ptr",
           "The SPF record uses \"ptr\", which receivers may ignore (RFC 7208 5.5). List addresses "
           "instead.");
  }
  if (spf.state == SpfState::good && spf.all == SpfQualifier::softfail) {
    advice(findings, "spf-softfail", "The SPF record ends in ~all. -all says it clearly.");
  }
}

/// A name under which the key lies, for people.
std::string key_name(const Report& report, const DkimKey& key) {
  return key.selector + "._domainkey." + report.domain.text();
}

void judge_usable_key(const std::string& name, const dkim::KeyRecord& record, Findings& findings) {
  if (record.type == crypto::KeyType::rsa && record.key.bits() < kGoodRsaBits) {
    problem(findings, "dkim-key-short",
            "The DKIM key at " + name + " has " + std::to_string(record.key.bits()) +
                " bits. Make one of 2048.");
  }
  if (record.is_testing) {
    advice(findings, "dkim-testing",
           "The DKIM key at " + name + " says t=y: receivers may ignore its signatures.");
  }
}

void judge_key(const Report& report, const DkimKey& key, Findings& findings) {
  const std::string name = key_name(report, key);
  const std::string why = key.answer.why.empty() ? "" : ": " + key.answer.why;
  switch (key.answer.state) {
    case dkim::KeyState::usable:
      if (key.answer.record) judge_usable_key(name, *key.answer.record, findings);
      return;
    case dkim::KeyState::none:
      problem(findings, "dkim-key-missing",
              "There is no DKIM key at " + name +
                  ". Publish the one that `smsign dns` prints, or signatures cannot be verified.");
      return;
    case dkim::KeyState::dns_failure:
    case dkim::KeyState::bogus:
      problem(findings, "dkim-unknown",
              "The DKIM key at " + name + " could not be read now" + why + ".");
      return;
    case dkim::KeyState::revoked:
      problem(findings, "dkim-key-revoked",
              "The DKIM key at " + name + " is revoked (an empty p=), but still signed with.");
      return;
    case dkim::KeyState::several:
    case dkim::KeyState::malformed:
    case dkim::KeyState::wrong_version:
    case dkim::KeyState::wrong_type:
    case dkim::KeyState::wrong_hash:
    case dkim::KeyState::wrong_service:
    case dkim::KeyState::oversized:
    case dkim::KeyState::unreadable:
    case dkim::KeyState::weak:
    case dkim::KeyState::too_large:
      break;
  }
  problem(findings, "dkim-key-unusable",
          "The DKIM key at " + name +
              " cannot be used: " + std::string(dkim::text(key.answer.state)) + why + ".");
}

bool is_usable(const DkimKey& key) {
  return key.answer.state == dkim::KeyState::usable;
}

void judge_dkim(const Report& report, Findings& findings) {
  for (const auto& key : report.dkim) {
    judge_key(report, key, findings);
  }
  if (report.dkim.empty()) {
    advice(findings, "dkim-not-checked",
           "No DKIM selector is configured for " + report.domain.text() +
               ", so its keys could not be looked at.");
  }
  const bool has_usable = std::any_of(report.dkim.begin(), report.dkim.end(), is_usable);
  const bool has_rsa = std::any_of(report.dkim.begin(), report.dkim.end(), [](const DkimKey& key) {
    return is_usable(key) && key.answer.record && key.answer.record->type == crypto::KeyType::rsa;
  });
  if (has_usable && !has_rsa) {
    problem(findings, "dkim-ed25519-alone",
            "All DKIM keys are Ed25519, which large receivers do not verify. Sign with RSA beside "
            "it.");
  }
}

void judge_dmarc_record(const Report& report, Findings& findings) {
  const auto& record = *report.dmarc.record;
  if (report.dmarc.policy == DmarcPolicy::none) {
    advice(findings, "dmarc-policy-none",
           "The DMARC policy is none: forged mail is delivered. When reports show that all own "
           "mail passes, move to quarantine and to reject.");
  }
  if (record.percent < 100) {
    advice(findings, "dmarc-percent",
           "The DMARC policy holds for " + std::to_string(record.percent) +
               " percent of messages only (pct=).");
  }
  if (record.rua.empty()) {
    advice(
        findings, "dmarc-no-reports",
        "The DMARC record has no rua=: nobody learns who sends as " + report.domain.text() + ".");
  }
}

void judge_dmarc(const Report& report, Findings& findings) {
  switch (report.dmarc.state) {
    case DmarcState::good:
      judge_dmarc_record(report, findings);
      break;
    case DmarcState::none:
      problem(findings, "dmarc-missing",
              "There is no DMARC record. Publish a TXT record at _dmarc." + report.domain.text() +
                  ", such as \"v=DMARC1; p=none; rua=mailto:dmarc@" + report.domain.text() + "\".");
      break;
    case DmarcState::invalid:
      problem(findings, "dmarc-invalid",
              "Receivers ignore the DMARC record: " + report.dmarc.why + ".");
      break;
    case DmarcState::unknown:
      problem(findings, "dmarc-unknown",
              "The DMARC record could not be read now: " + report.dmarc.why + ".");
      break;
  }
}

bool is_unknown(const DkimKey& key) {
  return key.answer.state == dkim::KeyState::dns_failure ||
         key.answer.state == dkim::KeyState::bogus;
}

/// RFC 7489 §4.2: one of the two that passes under the name in From is enough. The envelope sender
/// and d= are the domain itself, so strict alignment holds wherever relaxed does.
Aligned alignment(const Report& report) {
  if (report.dmarc.state == DmarcState::unknown) return Aligned::unknown;
  if (report.dmarc.state != DmarcState::good) return Aligned::no;
  const bool has_key = std::any_of(report.dkim.begin(), report.dkim.end(), is_usable);
  if (report.spf.state == SpfState::good || has_key) return Aligned::yes;
  const bool has_unknown_key = std::any_of(report.dkim.begin(), report.dkim.end(), is_unknown);
  return report.spf.state == SpfState::unknown || has_unknown_key ? Aligned::unknown : Aligned::no;
}

std::string_view qualifier_text(SpfQualifier qualifier) {
  switch (qualifier) {
    case SpfQualifier::pass:
      return "+all";
    case SpfQualifier::fail:
      return "-all";
    case SpfQualifier::softfail:
      return "~all";
    case SpfQualifier::neutral:
      return "?all";
  }
  return {};
}

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

std::string spf_json(const Spf& spf) {
  JsonObject object;
  object.add("state", text(spf.state));
  object.add("record", spf.record ? std::optional(spf.record->text) : std::nullopt);
  object.add("all", spf.all ? std::optional(std::string(qualifier_text(*spf.all))) : std::nullopt);
  object.add("lookups", spf.lookups);
  object.add("dnssec", dns::dnssec_word(spf.answers.front()));
  object.add("why", unless_empty(spf.why));
  return object.text();
}

std::string key_json(const DkimKey& key) {
  const auto& record = key.answer.record;
  JsonObject object;
  object.add("selector", key.selector);
  object.add("state", dkim::code(key.answer.state));
  object.add(
      "type",
      record ? std::optional(std::string(record->type == crypto::KeyType::rsa ? "rsa" : "ed25519"))
             : std::nullopt);
  object.add("bits", record ? std::optional(record->key.bits()) : std::nullopt);
  object.add("testing", record ? std::optional(record->is_testing) : std::nullopt);
  object.add("dnssec", key.answer.answer
                           ? std::optional(std::string(dns::dnssec_word(*key.answer.answer)))
                           : std::nullopt);
  object.add("why", unless_empty(key.answer.why));
  return object.text();
}

std::string_view alignment_text(DmarcAlignment alignment) {
  return alignment == DmarcAlignment::strict ? "strict" : "relaxed";
}

std::string dmarc_json(const Dmarc& dmarc) {
  JsonObject object;
  object.add("state", text(dmarc.state));
  object.add("record", dmarc.record ? std::optional(dmarc.record->text) : std::nullopt);
  object.add("domain", dmarc.found_at ? std::optional(dmarc.found_at->text()) : std::nullopt);
  object.add("policy",
             dmarc.policy ? std::optional(std::string(text(*dmarc.policy))) : std::nullopt);
  if (dmarc.record) {
    JsonArray rua;
    for (const auto& uri : dmarc.record->rua) {
      rua.add(uri);
    }
    object.add("adkim", alignment_text(dmarc.record->dkim));
    object.add("aspf", alignment_text(dmarc.record->spf));
    object.add_raw("rua", rua.text());
  }
  object.add("dnssec", dns::dnssec_word(dmarc.answers.back()));
  object.add("why", unless_empty(dmarc.why));
  return object.text();
}

std::string_view weight_text(Weight weight) {
  return weight == Weight::problem ? "problem" : "advice";
}

}  // namespace

Report look_at_sender(dns::Resolver& resolver, const name::Domain& domain,
                      const std::vector<std::string>& selectors) {
  Report report{.domain = domain,
                .spf = look_at_spf(resolver, domain),
                .dmarc = look_at_dmarc(resolver, domain),
                .aligned = Aligned::unknown};
  for (const auto& selector : selectors) {
    const auto answer = resolver.lookup_under(selector + "._domainkey", domain, dns::Type::txt);
    report.dkim.push_back({selector, dkim::read_key_answer(answer)});
  }
  report.aligned = alignment(report);
  judge_spf(report, report.findings);
  judge_dkim(report, report.findings);
  judge_dmarc(report, report.findings);
  if (report.dmarc.record) {
    for (const auto& uri : unauthorised_reports(resolver, domain, *report.dmarc.record)) {
      advice(report.findings, "dmarc-report-unauthorised",
             "The domain of " + uri + " does not agree to take reports for " + domain.text() +
                 " (RFC 7489 7.1): no reports go there.");
    }
  }
  return report;
}

std::string json(const Report& report) {
  JsonArray keys;
  for (const auto& key : report.dkim) {
    keys.add_raw(key_json(key));
  }
  JsonArray findings;
  for (const auto& finding : report.findings) {
    findings.add_raw(JsonObject()
                         .add("code", finding.code)
                         .add("weight", weight_text(finding.weight))
                         .add("text", finding.text)
                         .text());
  }
  JsonObject object;
  object.add("domain", report.domain.text());
  object.add_raw("spf", spf_json(report.spf));
  object.add_raw("dkim", keys.text());
  object.add_raw("dmarc", dmarc_json(report.dmarc));
  if (report.aligned == Aligned::unknown) {
    object.add("aligned", nullptr);
  } else {
    object.add("aligned", report.aligned == Aligned::yes);
  }
  object.add_raw("findings", findings.text());
  return object.text();
}

}  // namespace sm::sender
