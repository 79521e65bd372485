#include "setup/publication.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "dkim/publish.h"

namespace sm::setup {
namespace {

using Kind = Publication::Kind;
using Publications = std::vector<Publication>;

constexpr unsigned kTtl = 3600;

Publication record(std::string purpose, std::string name, std::string text, std::string why = {}) {
  return {Kind::record, std::move(purpose), std::move(name),
          "TXT",        std::move(text),    std::move(why)};
}

Publication note(std::string purpose, std::string why) {
  return {.kind = Kind::note, .purpose = std::move(purpose), .why = std::move(why)};
}

/// What stands in the DNS and goes into a zone file as it is.
bool is_plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string under(std::string_view label, const name::Domain& domain) {
  return std::string(label) + "." + domain.text();
}

void add_spf(const Surroundings& around, Publications& out) {
  const auto& spf = around.sender.spf;
  const std::string existing = spf.record && is_plain(spf.record->text) ? spf.record->text : "";
  std::vector<IpAddress> absent;
  for (const auto& each : around.addresses) {
    if (each.spf.answer != sender::SpfHost::pass) absent.push_back(each.address);
  }
  std::string why;
  if (around.addresses.empty()) {
    why =
        "This machine has no public address of its own: name the one that the world sees it "
        "with by --address, and put it in.";
  } else if (!existing.empty()) {
    why = absent.empty() ? "Is there already, and allows this machine."
                         : "Replaces the record that is there, which leaves this machine out.";
  }
  out.push_back(record("SPF", around.domain.text(), spf_text(existing, absent), why));
}

void add_dkim(const Surroundings& around, const Wishes& wishes, Publications& out) {
  for (const auto& each : wishes.keys) {
    const auto name = dkim::key_record_name(around.domain, each.selector);
    if (!name) continue;
    out.push_back(record("DKIM", name->text(), dkim::record_text(each.key)));
  }
}

void add_dmarc(const Surroundings& around, Publications& out) {
  const auto& dmarc = around.sender.dmarc;
  const auto postmaster = "postmaster@" + around.domain.text();
  if (dmarc.state == sender::DmarcState::good && dmarc.record && dmarc.found_at &&
      is_plain(dmarc.record->text)) {
    out.push_back(
        record("DMARC", under("_dmarc", *dmarc.found_at), dmarc.record->text, "Is there already."));
    return;
  }
  out.push_back(record("DMARC", under("_dmarc", around.domain),
                       "v=DMARC1; p=none; rua=mailto:" + postmaster,
                       "When the reports show that all of the domain's mail passes, make it "
                       "p=quarantine, then p=reject."));
}

void add_tlsrpt(const Surroundings& around, Publications& out) {
  const auto& facts = around.own_mx.facts;
  const bool is_there = facts && facts->tlsrpt &&
                        facts->tlsrpt->outcome == tlsrpt::Outcome::record &&
                        is_plain(facts->tlsrpt->record->text);
  const auto text = is_there ? facts->tlsrpt->record->text
                             : "v=TLSRPTv1; rua=mailto:postmaster@" + around.domain.text();
  out.push_back(record("TLSRPT", under("_smtp._tls", around.domain), text,
                       is_there ? "Is there already." : ""));
}

/// Every host shows a certificate of a trusted root for its name.
bool all_trusted(const delivery::DestinationReport& report) {
  return !report.hosts.empty() &&
         std::all_of(report.hosts.begin(), report.hosts.end(), [](const auto& host) {
           return host.session && host.session->tls && host.session->tls->pkix.is_good();
         });
}

/// Who takes the domain's mail.
struct MailHosts {
  std::vector<name::Domain> hosts{};
  /// Of `record` where the hosts are known; of `offer` where the name is only a proposal.
  Kind kind = Kind::record;
  bool is_published = true;  ///< by the domain's MX
};

MailHosts mail_hosts(const Surroundings& around, const Wishes& wishes) {
  MailHosts found;
  if (around.own_mx.facts) {
    for (const auto& host : around.own_mx.facts->hosts)
      found.hosts.push_back(host.mx.host);
  }
  if (!found.hosts.empty()) return found;
  found.is_published = false;
  if (wishes.mail_host) {
    found.hosts.push_back(*wishes.mail_host);
    return found;
  }
  for (const auto& text :
       wishes.certificate ? wishes.certificate->dns_names : std::vector<std::string>{}) {
    const auto name = name::Domain::parse(text);
    if (!name || !name->is_at_or_under(around.domain)) continue;
    found.hosts.push_back(*name);
    return found;
  }
  found.kind = Kind::offer;
  if (const auto name = name::Domain::parse(under("mx", around.domain))) {
    found.hosts.push_back(*name);
  }
  return found;
}

void add_mx(const Surroundings& around, const MailHosts& mail, Publications& out) {
  if (mail.is_published) return;
  const auto& why = around.own_mx.verdict.best.detail;
  out.push_back(note("MX", "No mail host of " + around.domain.text() + " could be found" +
                               (why.empty() ? "" : ": " + why) +
                               ". Where it takes mail, this and what follows is for it; "
                               "--mail-host names another host. Answers and reports need one."));
  for (const auto& host : mail.hosts) {
    out.push_back({mail.kind, "MX", around.domain.text(), "MX", "10 " + host.text() + "."});
  }
}

void add_policy_host(const Surroundings& around, Kind kind, Publications& out) {
  const auto host = under("mta-sts", around.domain);
  if (around.has_policy_host) return;
  for (const auto& each : around.addresses) {
    out.push_back({kind, "MTA-STS", host, each.address.is_v4() ? "A" : "AAAA", each.address.text(),
                   "Or the address of the web server that has the policy."});
  }
  if (around.addresses.empty()) {
    out.push_back(note("MTA-STS", host + " needs the address of the web server that has the "
                                         "policy."));
  }
}

void add_mta_sts(const Surroundings& around, const MailHosts& mail, Publications& out) {
  const bool is_enforced = all_trusted(around.own_mx);
  const auto policy = policy_text(mail.hosts, is_enforced);
  const auto url = "https://" + under("mta-sts", around.domain) + "/.well-known/mta-sts.txt";
  auto announced =
      record("MTA-STS", under("_mta-sts", around.domain), "v=STSv1; id=" + policy_id(policy),
             "Publish it after the policy can be fetched. A changed policy needs "
             "another id.");
  announced.kind = mail.kind;
  out.push_back(std::move(announced));
  add_policy_host(around, mail.kind, out);
  out.push_back({Kind::file, "MTA-STS policy", url, "text/plain", policy,
                 is_enforced ? "All mail hosts show certificates that obey it."
                             : "Not every mail host could be seen to show a certificate of a "
                               "trusted root for its name, so the mode is testing. When all do, "
                               "run smsetup init again."});
}

Publication tlsa_record(const Surroundings& around, const name::Domain& host, Kind kind,
                        const crypto::Certificate& certificate) {
  const bool is_own = host.is_at_or_under(around.domain);
  return {is_own ? kind : Kind::offer,
          "TLSA",
          "_25._tcp." + host.text(),
          "TLSA",
          "3 1 1 " + to_hex(certificate.spki_sha256),
          is_own ? "Counts only while the host's zone is signed with DNSSEC. Keep the key when the "
                   "certificate is renewed, or publish the next one's record first."
                 : "Belongs into the zone of " + host.text() + ", whose operator decides."};
}

/// For a host that the domain's MX names, as it was seen.
void add_seen_tlsa(const Surroundings& around, const Wishes& wishes,
                   const delivery::HostFacts& facts, const delivery::HostReport& seen,
                   Publications& out) {
  const auto& host = facts.mx.host;
  const auto* certificate = wishes.certificate                  ? &*wishes.certificate
                            : seen.session && seen.session->tls ? &seen.session->tls->leaf
                                                                : nullptr;
  const bool is_there = facts.tlsa.outcome == dane::Outcome::usable;
  if (is_there && certificate != nullptr && seen.session && seen.session->tls &&
      seen.session->tls->dane.is_good() && !wishes.certificate) {
    for (const auto& tlsa : facts.tlsa.records) {
      out.push_back({host.is_at_or_under(around.domain) ? Kind::record : Kind::offer, "TLSA",
                     "_25._tcp." + host.text(), "TLSA", dns::text(tlsa),
                     "Is there already, and matches."});
    }
  } else if (certificate == nullptr) {
    out.push_back(note("TLSA", host.text() + " showed no certificate now (" + seen.verdict.detail +
                                   "): run smsetup init again, or with --certificate FILE."));
  } else {
    out.push_back(tlsa_record(around, host, Kind::record, *certificate));
  }
}

void add_tlsa(const Surroundings& around, const Wishes& wishes, const MailHosts& mail,
              Publications& out) {
  const auto& report = around.own_mx;
  for (std::size_t i = 0; mail.is_published && i < report.facts->hosts.size(); ++i)
    add_seen_tlsa(around, wishes, report.facts->hosts[i], report.hosts[i], out);
  if (mail.is_published) return;
  for (const auto& host : mail.hosts) {
    if (wishes.certificate) {
      out.push_back(tlsa_record(around, host, mail.kind, *wishes.certificate));
    } else {
      out.push_back(note("TLSA", "At _25._tcp." + host.text() +
                                     ", made from the host's certificate: run smsetup init again "
                                     "when it answers, or with --certificate FILE."));
    }
  }
}

void add_receiving(const Surroundings& around, const Wishes& wishes, Publications& out) {
  const auto mail = mail_hosts(around, wishes);
  add_mx(around, mail, out);
  add_mta_sts(around, mail, out);
  add_tlsrpt(around, out);
  add_tlsa(around, wishes, mail, out);
}

void add_nta7516(const Surroundings& around, const Wishes& wishes, Publications& out) {
  out.push_back({Kind::offer, "NTA 7516", around.domain.text(), "TXT",
                 "v=NTA7516-1;startdate=" + wishes.today + ";provider=" + around.domain.text(),
                 "Only for an organisation that declares to obey the norm (Dutch healthcare); DANE "
                 "is mandatory then. Name the provider that is registered."});
}

/// A comment of a zone file, wrapped.
void append_comment(std::string& text, std::string_view words) {
  constexpr std::size_t kWidth = 96;
  std::string line = ";";
  const std::string shown = printable(words);
  for (const auto word : split(shown, ' ')) {
    if (line.size() + 1 + word.size() > kWidth) {
      text += line + "\n";
      line = ";";
    }
    line += " " + std::string(word);
  }
  text += line + "\n";
}

std::string zone_line(const Publication& each) {
  const auto name = name::DnsName::parse(each.name);
  if (each.type == "TXT" && name) {
    return dkim::format_record(dkim::RecordFormat::zone, *name, each.content);
  }
  return each.name + ".\t" + std::to_string(kTtl) + "\tIN\t" + each.type + "\t" + each.content +
         "\n";
}

void append(std::string& text, const Publication& each) {
  switch (each.kind) {
    case Kind::record:
      text += zone_line(each);
      break;
    case Kind::offer:
      text += ";" + zone_line(each);
      break;
    case Kind::file:
      text += "; The file " + each.name + ":\n";
      [[fallthrough]];
    case Kind::note:
      for (const auto line : split(trimmed(each.content, "\n"), '\n')) {
        if (!line.empty()) text += ";   " + std::string(line) + "\n";
      }
      break;
  }
}

}  // namespace

std::string policy_text(const std::vector<name::Domain>& hosts, bool is_enforced) {
  std::string text =
      std::string("version: STSv1\nmode: ") + (is_enforced ? "enforce" : "testing") + "\n";
  std::vector<std::string> names;
  for (const auto& host : hosts)
    names.push_back(host.text());
  std::sort(names.begin(), names.end());
  for (const auto& name : names)
    text += "mx: " + name + "\n";
  return text + "max_age: 604800\n";
}

std::string policy_id(const std::string& policy) {
  return to_hex(crypto::sha256(as_bytes(policy))).substr(0, 20);
}

std::string spf_text(const std::string& existing, const std::vector<IpAddress>& addresses) {
  std::string own;
  for (const auto& address : addresses)
    own += (address.is_v4() ? " ip4:" : " ip6:") + address.text();
  if (existing.empty()) return "v=spf1 mx" + own + " -all";
  constexpr std::size_t kVersion = 6;  // "v=spf1"
  return existing.substr(0, kVersion) + own + existing.substr(kVersion);
}

std::vector<Publication> publications(const Surroundings& around, const Wishes& wishes) {
  Publications out;
  add_spf(around, out);
  add_dkim(around, wishes, out);
  add_dmarc(around, out);
  add_receiving(around, wishes, out);
  add_nta7516(around, wishes, out);
  return out;
}

std::vector<Publication> server_notes(const name::Domain& domain, const std::string& user) {
  Publication postfix =
      note("The existing mail server",
           "It goes on taking the domain's mail, and hands what leaves over to smsend. Postfix, as "
           "/usr/share/doc/smtools/postfix/README says in full:");
  postfix.content =
      "/etc/postfix/master.cf:\n"
      "smtools unix - n n - 10 pipe flags=q user=" +
      user +
      " null_sender=\n"
      "  argv=/usr/bin/smsend --mta --deadline 300 -i -f ${sender} -- ${recipient}\n"
      "/etc/postfix/main.cf:\n"
      "smtools_destination_recipient_limit = 1\n"
      "smtools_time_limit = 20m\n"
      "default_transport = smtools\n";
  Publication others = note(
      "The existing mail server",
      "Exim, procmail, maildrop, Dovecot and cron: see /usr/share/doc/smtools. Programs of "
      "this machine that call sendmail(8) need nothing more than the package smtools-sendmail.");
  Publication mailbox = note("Mailboxes", "postmaster@" + domain.text() +
                                              " gets the reports of DMARC and TLSRPT: it must be "
                                              "read, or be replaced above.");
  return {postfix, others, mailbox};
}

std::string zone_text(const name::Domain& domain, const std::vector<Publication>& publications) {
  std::string text = "$ORIGIN " + domain.text() + ".\n";
  std::string purpose;
  for (const auto& each : publications) {
    if (each.purpose != purpose) text += "\n; " + each.purpose + "\n";
    if (!each.why.empty()) append_comment(text, each.why);
    append(text, each);
    purpose = each.purpose;
  }
  return text;
}

std::string json(const Publication& each) {
  const auto kind = [&] {
    switch (each.kind) {
      case Kind::record:
        return "record";
      case Kind::offer:
        return "offer";
      case Kind::file:
        return "file";
      case Kind::note:
        return "note";
    }
    return "";
  };
  const auto or_null = [](const std::string& value) {
    return value.empty() ? std::nullopt : std::optional(value);
  };
  return JsonObject()
      .add("kind", kind())
      .add("purpose", each.purpose)
      .add("name", or_null(each.name))
      .add("type", or_null(each.type))
      .add("content", or_null(each.content))
      .add("why", or_null(each.why))
      .text();
}

}  // namespace sm::setup
