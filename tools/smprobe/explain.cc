// --explain: the verdict in a sentence, the evidence it rests on, and what the domain's owner would
// have to change. All that came from outside goes through printable().

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/text.h"
#include "report.h"

namespace sm::smprobe {
namespace {

using delivery::DestinationReport;
using delivery::HostReport;
using delivery::Mechanism;
using delivery::Reason;
using delivery::Verdict;

/// Lines of "  label  text".
class Lines {
 public:
  void add(std::size_t indent, std::string_view label, std::string_view text) {
    text_ += fmt::format("{:{}}{:<12} {}\n", "", indent, label, printable(text));
  }
  void line(std::size_t indent, std::string_view text) {
    text_ += fmt::format("{:{}}{}\n", "", indent, printable(text));
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string_view meaning(Verdict verdict, Mechanism mechanism) {
  switch (verdict) {
    case Verdict::verified:
      return mechanism == Mechanism::dane
                 ? "DNSSEC and DANE prove which server takes this mail"
                 : "an enforced MTA-STS policy and its checks prove which server takes this mail";
    case Verdict::trusted:
      return "the server has a certificate of a trusted root for its own name, but nothing proves "
             "that it is the right server";
    case Verdict::encrypted:
      return "there is TLS, but nobody proved who is at the other end";
    case Verdict::insecure:
      return "mail would cross the network unprotected";
    case Verdict::undeliverable:
      return "this destination takes no mail";
    case Verdict::undetermined:
      return "it could not be told now; mail would wait";
  }
  return "";
}

/// What the owner of the domain would have to change.
std::string_view advice(Reason reason) {
  switch (reason) {
    case Reason::starttls_not_supported:
      return "offer STARTTLS on port 25 of every MX host, with TLS 1.2 or later";
    case Reason::certificate_host_mismatch:
      return "give the server a certificate that bears the name of the MX host";
    case Reason::certificate_expired:
      return "renew the server's certificate, and automate it";
    case Reason::certificate_not_trusted:
      return "use a certificate of a public authority with its whole chain, or publish TLSA "
             "records "
             "in a zone signed by DNSSEC";
    case Reason::validation_failure:
      return "let the TLSA records or the MTA-STS policy, the certificate and the TLS versions "
             "(1.2 or later) of the server agree with one another";
    case Reason::dane_required:
      return "publish TLSA records in a signed zone: the domain's NTA 7516 record makes them "
             "mandatory";
    case Reason::dns_bogus:
      return "mend the DNSSEC signatures of the zone, or the DS record at its parent";
    case Reason::dns_temporary:
      return "mend the name servers that did not answer";
    case Reason::connect_failed:
    case Reason::timed_out:
    case Reason::connection_lost:
      return "make the MX host answer on port 25";
    case Reason::address_forbidden:
      return "let the MX host have public addresses: this one must not be connected to";
    case Reason::no_such_domain:
    case Reason::no_mail_host:
      return "publish an MX record that leads to a mail server";
    default:
      return "";
  }
}

std::string_view next_level(Verdict verdict) {
  if (verdict != Verdict::trusted) return "";
  return "sign the zone with DNSSEC and publish TLSA records, or publish an MTA-STS policy in mode "
         "enforce";
}

void add_certificate(Lines& lines, const crypto::Certificate& certificate) {
  lines.add(4, "certificate", certificate.subject);
  std::string names;
  for (const auto& name : certificate.dns_names)
    names += (names.empty() ? "" : ", ") + name;
  if (!names.empty()) lines.add(4, "names", names);
  lines.add(4, "issuer", certificate.issuer);
  lines.add(4, "valid",
            utc_text(certificate.not_before) + " to " + utc_text(certificate.not_after));
  lines.add(4, "sha256", to_hex(certificate.sha256));
  lines.add(4, "key sha256", to_hex(certificate.spki_sha256));
}

void add_judgement(Lines& lines, std::string_view label, const tls::ChainVerdict& verdict) {
  switch (verdict.state) {
    case tls::ChainVerdict::State::not_judged:
      lines.add(4, label, "not judged");
      return;
    case tls::ChainVerdict::State::good:
      lines.add(4, label,
                verdict.matched_name.empty() ? "passes" : "passes, for " + verdict.matched_name);
      return;
    case tls::ChainVerdict::State::bad:
      lines.add(4, label, "fails: " + verdict.words);
      return;
  }
}

void add_session(Lines& lines, const smtp::SessionFacts& session) {
  lines.add(4, "connected to", session.remote.text());
  for (const auto& line : session.transcript.lines()) {
    switch (line.speaker) {
      case smtp::Transcript::Speaker::client:
        lines.add(4, "we said", line.text);
        break;
      case smtp::Transcript::Speaker::server:
        lines.add(4, "it said", line.text);
        break;
      case smtp::Transcript::Speaker::note:
        lines.add(4, "then", line.text);
        break;
    }
  }
  if (session.transcript.left_out() > 0) {
    lines.add(4, "it said", fmt::format("… and {} lines more", session.transcript.left_out()));
  }
  if (session.tls_failure) lines.add(4, "TLS", "failed: " + session.tls_failure->words);
  if (!session.tls) return;
  lines.add(4, "TLS", session.tls->version + ", " + session.tls->cipher);
  add_certificate(lines, session.tls->leaf);
  add_judgement(lines, "DANE", session.tls->dane);
  if (session.tls->dane.record) lines.add(4, "matched", session.tls->dane.record->text());
  add_judgement(lines, "PKIX", session.tls->pkix);
}

void add_answer(Lines& lines, std::string_view label, const dns::Answer& answer) {
  lines.add(4, label, dns::describe(answer));
  for (const auto& record : answer.records)
    lines.add(4, "", dns::text(record));
}

void add_host(Lines& lines, const delivery::HostFacts& facts, const HostReport& host) {
  const auto& verdict = host.verdict;
  std::string title = fmt::format("{} (preference {}): {}", facts.mx.host.text(),
                                  facts.mx.preference, delivery::text(verdict.verdict));
  if (verdict.reason != Reason::none) title += fmt::format(", {}", delivery::text(verdict.reason));
  lines.line(2, title);
  if (!verdict.detail.empty()) lines.add(4, "because", verdict.detail);
  add_answer(lines, "A", facts.addresses.a);
  add_answer(lines, "AAAA", facts.addresses.aaaa);
  for (const auto& refused : facts.addresses.refused) {
    lines.add(4, "refused", refused.address.text() + ": " + refused.why);
  }
  for (const auto& answer : facts.tlsa.answers)
    add_answer(lines, "TLSA", answer);
  for (const auto& unusable : facts.tlsa.unusable) {
    lines.add(4, "unusable", unusable.record + ": " + unusable.why);
  }
  if (facts.tlsa.outcome == dane::Outcome::insecure) {
    lines.add(4, "TLSA", "not asked for: the host's addresses are not signed by DNSSEC");
  }
  if (host.session) add_session(lines, *host.session);
}

std::string sts_text(const mtasts::Lookup& lookup) {
  if (const auto* found = std::get_if<mtasts::Found>(&lookup)) {
    std::string text =
        fmt::format("policy {} in mode {}, for", found->id, mtasts::text(found->policy.mode));
    for (const auto& pattern : found->policy.mx)
      text += " " + pattern.text();
    return text + (found->is_from_cache ? " (kept from before)" : "");
  }
  if (const auto* unknown = std::get_if<mtasts::Undetermined>(&lookup)) {
    return "could not be told: " + unknown->why;
  }
  const auto& none = std::get<mtasts::NoPolicy>(lookup);
  if (!none.failed) return "no policy";
  return fmt::format("announced, but of no use ({}): {}", mtasts::text(none.failed->kind),
                     none.failed->detail);
}

std::string tlsrpt_text(const tlsrpt::Lookup& lookup) {
  switch (lookup.outcome) {
    case tlsrpt::Outcome::none:
      return "no record";
    case tlsrpt::Outcome::record:
      return lookup.record->text;
    case tlsrpt::Outcome::invalid:
      return "invalid: " + lookup.why;
    case tlsrpt::Outcome::failure:
      return "could not be told: " + lookup.why;
  }
  return "";
}

std::string nta_text(const delivery::DestinationFacts& facts) {
  const auto& lookup = facts.nta7516;
  switch (lookup.outcome) {
    case nta7516::Outcome::none:
      return "no record";
    case nta7516::Outcome::invalid:
      return "invalid: " + lookup.why;
    case nta7516::Outcome::failure:
      return "could not be told: " + lookup.why;
    case nta7516::Outcome::record:
      break;
  }
  std::string text = lookup.record->text;
  if (!lookup.answer.is_secure()) return text + " (not signed by DNSSEC: does not count)";
  if (!facts.nta7516_applies) return text + " (not valid today)";
  return text + (facts.uses_ntamx ? " (mail goes to its ntamx)" : " (mail goes to the MX)");
}

}  // namespace

std::string explanation(const std::string& destination, const DestinationReport& report,
                        delivery::Minimum minimum) {
  const auto& best = report.verdict.best;
  Lines lines;
  std::string title = fmt::format("{}: {}", destination, delivery::text(best.verdict));
  if (best.mechanism != Mechanism::none) {
    title += fmt::format(" by {}", delivery::text(best.mechanism));
  }
  lines.line(0, title);
  lines.line(2, fmt::format("{}.", meaning(best.verdict, best.mechanism)));
  if (best.reason != Reason::none) {
    lines.line(2, fmt::format("Reason: {}{}{}", delivery::text(best.reason),
                              best.detail.empty() ? "" : ": ", best.detail));
  }
  if (report.verdict.is_promised && course(report.verdict, minimum) == delivery::Course::defer) {
    lines.line(2,
               "The domain published that its mail must be verified: nothing is sent, mail waits.");
  }
  if (report.facts) {
    const auto& facts = *report.facts;
    add_answer(lines, "MX", facts.next_hops.answer);
    for (const auto& skipped : facts.next_hops.skipped) {
      lines.add(4, "passed over",
                fmt::format("{} {}: {}", skipped.preference, skipped.exchange, skipped.why));
    }
    for (std::size_t i = 0; i < report.hosts.size(); ++i) {
      add_host(lines, facts.hosts[i], report.hosts[i]);
    }
    lines.line(2, "Published policies");
    lines.add(4, "MTA-STS", sts_text(facts.mta_sts));
    if (facts.tlsrpt) lines.add(4, "TLSRPT", tlsrpt_text(*facts.tlsrpt));
    lines.add(4, "NTA 7516", nta_text(facts));
  }
  const auto advised = best.reason == Reason::none ? next_level(best.verdict) : advice(best.reason);
  if (!advised.empty()) {
    lines.line(2, fmt::format("The owner of {} could: {}.", report.domain.text(), advised));
  }
  return lines.text();
}

}  // namespace sm::smprobe
