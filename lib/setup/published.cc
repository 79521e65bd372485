#include "setup/published.h"

#include <algorithm>

#include "base/text.h"
#include "dkim/publish.h"

namespace sm::setup {
namespace {

using delivery::Verdict;

const char* const kPublish = "publish what `smsetup init` prints";

Standing standing_of(const sender::Finding& finding) {
  if (finding.weight == sender::Weight::advice) return Standing::advice;
  return finding.code.ends_with("-unknown") ? Standing::unknown : Standing::missing;
}

void check_spf_of(const Surroundings& around, const SendingAddress& each, Findings& findings) {
  const auto& domain = around.domain.text();
  const auto address = each.address.text();
  const auto add = [&](Standing standing, const std::string& text, const std::string& mend) {
    findings.push_back({"spf", address, standing, text, mend});
  };
  switch (each.spf.answer) {
    case sender::SpfHost::pass:
      add(Standing::good, "the SPF record of " + domain + " allows " + address, "");
      break;
    case sender::SpfHost::fail:
    case sender::SpfHost::neutral:
      add(Standing::missing,
          "the SPF record of " + domain + " does not allow " + address +
              ", which this machine sends "
              "from" +
              (each.spf.why.empty() ? "" : " (" + each.spf.why + ")"),
          "put " + std::string(each.address.is_v4() ? "ip4:" : "ip6:") + address + " into it");
      break;
    case sender::SpfHost::undecided:
      add(Standing::unknown,
          "whether the SPF record of " + domain + " allows " + address +
              " cannot be told: " + each.spf.why,
          "");
      break;
    case sender::SpfHost::none:
      break;  // check_sender says that there is no record
  }
}

void check_policy(const Surroundings& around, const delivery::DestinationFacts& facts,
                  Findings& findings) {
  const auto& domain = around.domain.text();
  const auto add = [&](Standing standing, const std::string& text, const std::string& mend) {
    findings.push_back({"mta-sts", domain, standing, text, mend});
  };
  if (const auto* found = std::get_if<mtasts::Found>(&facts.mta_sts)) {
    std::string left_out;
    for (const auto& host : facts.hosts) {
      if (!found->policy.covers(host.mx.host)) left_out += " " + host.mx.host.text();
    }
    if (found->policy.mode == mtasts::Mode::none) {
      add(Standing::missing, "the MTA-STS policy has mode none: it demands nothing",
          "serve the policy that `smsetup init` prints");
    } else if (!left_out.empty()) {
      add(Standing::missing, "the MTA-STS policy does not name the mail host" + left_out,
          "add it as mx: to the policy, and change the id in the record");
    } else if (found->policy.mode == mtasts::Mode::testing) {
      add(Standing::advice, "the MTA-STS policy is fetched, and has mode testing",
          "make it enforce when the reports show no trouble");
    } else {
      add(Standing::good, "the MTA-STS policy is fetched, enforced, and names every mail host", "");
    }
    return;
  }
  if (const auto* unknown = std::get_if<mtasts::Undetermined>(&facts.mta_sts)) {
    add(Standing::unknown, "the MTA-STS record could not be read now: " + unknown->why, "");
    return;
  }
  const auto& none = std::get<mtasts::NoPolicy>(facts.mta_sts);
  if (none.failed) {
    add(Standing::missing,
        "the MTA-STS record announces a policy that cannot be had: " + none.failed->detail,
        "serve it at https://mta-sts." + domain + "/.well-known/mta-sts.txt");
  } else if (around.found_sts) {
    add(Standing::missing, "the MTA-STS record is none that counts: " + *around.found_sts,
        kPublish);
  } else {
    add(Standing::missing, "there is no MTA-STS record at _mta-sts." + domain, kPublish);
  }
}

void check_reports(const Surroundings& around, const delivery::DestinationFacts& facts,
                   Findings& findings) {
  const auto& domain = around.domain.text();
  const auto add = [&](Standing standing, const std::string& text, const std::string& mend) {
    findings.push_back({"tlsrpt", domain, standing, text, mend});
  };
  if (!facts.tlsrpt) return;
  switch (facts.tlsrpt->outcome) {
    case tlsrpt::Outcome::record:
      add(Standing::good, "TLS reports are asked for", "");
      break;
    case tlsrpt::Outcome::none:
      add(Standing::missing, "there is no TLSRPT record at _smtp._tls." + domain, kPublish);
      break;
    case tlsrpt::Outcome::invalid:
      add(Standing::missing, "the TLSRPT record is wrong: " + facts.tlsrpt->why, kPublish);
      break;
    case tlsrpt::Outcome::failure:
      add(Standing::unknown, "the TLSRPT record could not be read now: " + facts.tlsrpt->why, "");
      break;
  }
}

void check_tlsa(const delivery::HostFacts& host, const delivery::HostReport& report,
                Findings& findings) {
  const auto name = host.mx.host.text();
  const auto add = [&](Standing standing, const std::string& text, const std::string& mend) {
    findings.push_back({"tlsa", name, standing, text, mend});
  };
  switch (host.tlsa.outcome) {
    case dane::Outcome::usable:
      if (!report.session || !report.session->tls) {
        add(Standing::unknown,
            name + " could not be asked for its certificate: " + report.verdict.detail, "");
      } else if (report.session->tls->dane.is_good()) {
        add(Standing::good, "the certificate of " + name + " matches its TLSA record", "");
      } else {
        add(Standing::missing,
            "the certificate of " + name +
                " matches none of its TLSA records: all who honour DANE "
                "deliver nothing to it",
            "publish the record that `smsetup init` prints, or put the old key back");
      }
      break;
    case dane::Outcome::none:
      add(Standing::advice, name + " has no TLSA record",
          "publish the one that `smsetup init` "
          "prints");
      break;
    case dane::Outcome::insecure:
      add(Standing::advice,
          "the zone of " + name + " is not signed with DNSSEC, so a TLSA record would not count",
          "have it signed where the provider offers that");
      break;
    case dane::Outcome::all_unusable:
      add(Standing::missing, "none of the TLSA records of " + name + " can be used for mail",
          "publish the one that `smsetup init` prints");
      break;
    case dane::Outcome::host_unusable:
      add(Standing::unknown, "the TLSA records of " + name + " could not be read: " + host.tlsa.why,
          "");
      break;
  }
}

void check_level(const Surroundings& around, Findings& findings) {
  const auto& best = around.own_mx.verdict.best;
  const auto level = std::string(delivery::text(best.verdict));
  Finding finding{"own-mx", around.domain.text(), Standing::good,
                  "mail to " + around.domain.text() + " arrives " + level, ""};
  switch (best.verdict) {
    case Verdict::verified:
      break;
    case Verdict::trusted:
      finding.standing = Standing::advice;
      finding.text += ": nobody is told to insist on it";
      finding.mend = "publish TLSA, or an MTA-STS policy in mode enforce";
      break;
    case Verdict::encrypted:
    case Verdict::insecure:
    case Verdict::undeliverable:
      finding.standing = Standing::missing;
      finding.text += ": " + best.detail;
      finding.mend = "smprobe --explain " + around.domain.text() + " says what to change";
      break;
    case Verdict::undetermined:
      finding.standing = Standing::unknown;
      finding.text =
          "how mail to " + around.domain.text() + " arrives cannot be told now: " + best.detail;
      finding.mend = "smprobe --explain " + around.domain.text() + " says more";
      break;
  }
  findings.push_back(std::move(finding));
}

}  // namespace

void check_dnssec(const Surroundings& around, Findings& findings) {
  const auto& answer = around.top_level;
  const std::string name = answer.question.name.text();
  if (answer.is_secure()) {
    findings.push_back({"dnssec", "", Standing::good, "DNS answers are validated by DNSSEC"});
    return;
  }
  findings.push_back(
      {"dnssec", "", answer.is_unknown() ? Standing::unknown : Standing::missing,
       answer.is_unknown() ? "the DNS cannot be asked safely: " + dns::describe(answer)
                           : "the domain " + name +
                                 " cannot be seen to be signed: without DNSSEC "
                                 "there is no DANE",
       "use a resolver that passes DNSSEC records on: network.resolvers in smtools.yaml(5), "
       "unbound on this machine is best"});
}

void check_sender(const Surroundings& around, Findings& findings) {
  for (const auto& each : around.addresses)
    check_spf_of(around, each, findings);
  if (around.addresses.empty()) {
    findings.push_back({"spf", "", Standing::advice,
                        "this machine has no public address of its own, so whether the SPF record "
                        "allows it was not looked at",
                        "name the address that the world sees by --address"});
  }
  for (const auto& finding : around.sender.findings) {
    if (finding.code.starts_with("dkim")) continue;  // check_dkim compares the keys themselves
    const auto dash = finding.code.find('-');
    findings.push_back({finding.code.substr(0, dash), around.domain.text(), standing_of(finding),
                        finding.text, standing_of(finding) == Standing::missing ? kPublish : ""});
  }
  const auto aligned = around.sender.aligned;
  if (aligned == sender::Aligned::yes) {
    findings.push_back({"dmarc", around.domain.text(), Standing::good,
                        "mail from " + around.domain.text() + " is aligned for DMARC"});
  }
}

void check_dkim(dns::Resolver& resolver, const name::Domain& domain, const std::string& selector,
                const Result<crypto::SigningKey>& key, Findings& findings) {
  const auto name = dkim::key_record_name(domain, selector);
  if (!name) {
    findings.push_back({"dkim", selector, Standing::missing, name.error().what});
    return;
  }
  if (!key) {
    findings.push_back(
        {"dkim", name->text(), Standing::missing, key.error().what, key.error().hint});
    return;
  }
  const auto answer = resolver.lookup(*name, dns::Type::txt);
  const auto check = dkim::check_published(dkim::read_key_answer(answer), *name, key->public_key());
  if (check.is_good) {
    findings.push_back(
        {"dkim", name->text(), Standing::good, name->text() + " has the key that signs"});
    return;
  }
  findings.push_back({"dkim", name->text(),
                      check.is_undetermined ? Standing::unknown : Standing::missing,
                      name->text() + ": " + check.summary, kPublish});
}

void check_receiving(const Surroundings& around, Findings& findings) {
  const auto& report = around.own_mx;
  const auto takes_none = report.verdict.best.reason == delivery::Reason::null_mx ||
                          report.verdict.best.reason == delivery::Reason::no_mail_host;
  if (takes_none) {
    findings.push_back({"own-mx", around.domain.text(), Standing::advice,
                        around.domain.text() + " takes no mail: nobody can answer, and reports "
                                               "need another address"});
    return;
  }
  check_level(around, findings);
  if (!report.facts) return;
  check_policy(around, *report.facts, findings);
  check_reports(around, *report.facts, findings);
  for (std::size_t i = 0; i < report.hosts.size(); ++i)
    check_tlsa(report.facts->hosts[i], report.hosts[i], findings);
}

}  // namespace sm::setup
