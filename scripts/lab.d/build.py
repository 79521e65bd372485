"""What lies in a lab's run directory before its servers start: keys, certificates, zones, the
servers' configurations. All of it is made fresh, so nothing in it can be out of date."""

import datetime
import os
import secrets

import certificates
import domains
import mailservers
import organisation
import timestamps
import web
import zones

POOL_NAMES = [host.name for host in domains.POOL]


class Builder:
    def __init__(self, run):
        self.run = run
        self.authority = certificates.Authority.create()
        self.files = {}         # host name: certificate file
        self.tlsa = {}          # host name: {"3 1 1": record data, "2 0 1": …}

    def build(self):
        for name in ("log", "certificates", "portal", "sms"):
            os.mkdir(f"{self.run}/{name}")
        self.authority.save(f"{self.run}/authority")
        with open(f"{self.run}/ca.pem", "wb") as out:
            out.write(certificates.pem(self.authority.root.certificate))
        self._certify()
        organisation.write_configuration(self.run, os.environ["SMTOOLS_BIN"])
        self._zones(organisation.create_dkim_keys(self.run))
        mailservers.configure(self.run, self.files)
        web.configure(self.run, self.files)
        web.configure_portal(self.run)
        timestamps.configure(self.run, self.authority)

    def _certify(self):
        for host, _ in domains.mail_hosts():
            if host.certificate and host not in domains.POOL:
                self._issue(host.certificate, [host.name])
        pool = self._issue("self-signed", POOL_NAMES)
        for name in POOL_NAMES:
            self.files[name], self.tlsa[name] = self.files[pool], self.tlsa[pool]
        for name in [web.policy_host(domain) for domain in web.policy_domains()]:
            self._issue("trusted", [name])
        for name in ("sms.example", "tsa.example", "portal.delinde.example"):
            self._issue("trusted", [name])
        self._split_for_portal(self.files["portal.delinde.example"])

    def _issue(self, kind, names):
        text, certificate, issuer = self.authority.issue(kind, names)
        path = f"{self.run}/certificates/{names[0]}.pem"
        certificates.write_secret(path, text)
        self.files[names[0]] = path
        self.tlsa[names[0]] = {"3 1 1": certificates.tlsa_3_1_1(certificate),
                               "2 0 1": issuer.tlsa() if issuer else None,
                               "stranger": f"3 1 1 {secrets.token_hex(32)}"}
        return names[0]

    def _split_for_portal(self, path):
        with open(path, "rb") as file:
            key, chain = file.read().split(b"-----BEGIN CERTIFICATE-----", 1)
        certificates.write_secret(f"{self.run}/portal/key.pem", key)
        certificates.write_secret(f"{self.run}/portal/certificate.pem", b"-----BEGIN CERTIFICATE-----" + chain)

    def _zones(self, dkim_records):
        lab = zones.Zones(self.run)
        lab.create()
        rows = []
        for domain in domains.DOMAINS:
            lines = list(domain.lines) + self._mail_records(domain)
            if domain is domains.DELINDE:
                lines += dkim_records
            if domain.name == "nta.example":
                lines += [nta7516_record(datetime.date.today())] + self._host_records("nta.example", domains.SECURE_NTA)
            rows.append((domain.name, zones.complete(domain.name, lines), domain.signing))
        pool = [line for host in domains.POOL for line in self._host_records("pool.example", host)]
        rows.append(("pool.example", zones.complete("pool.example", pool), "signed"))
        lab.add(rows)
        lab.publish()

    def _mail_records(self, domain):
        lines = [f"@ MX {10 * number} {host.name}." for number, host in enumerate(domain.hosts, 1)]
        for host in domain.hosts:
            lines += self._host_records(domain.name, host)
        if domain.sts:
            lines += [f"mta-sts A {domains.WEB}", f'_mta-sts TXT "v=STSv1; id={zones.serial()}"']
        if domain.tlsrpt:
            lines.append(f'_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tlsrpt@{domain.name}"')
        return lines

    def _host_records(self, zone, host):
        label = host.name.removesuffix(f".{zone}")
        lines = [f"{label} A {host.address}"]
        if host.address6:
            lines.append(f"{label} AAAA {host.address6}")
        return lines + [f"_25._tcp.{label} TLSA {self.tlsa[host.name][kind]}" for kind in host.tlsa]


def nta7516_record(today):
    return (f'@ TXT "v=NTA7516-1;startdate={today:%Y-%m};enddate={today.year + 1}-{today:%m};'
            f'provider=lab;ntamx=10 {domains.SECURE_NTA.name}"')
