"""The lab's domains: who they are, what they publish and how their mail servers behave.

This file is the table; the modules beside it turn it into zones, certificates, Postfix services and
policies. Addresses are those of RFC 5737 and RFC 3849, which our tools count as public:

  198.51.100.0/24, 2001:db8:c::/64    the wire: the client is .2, the servers' end .1
  203.0.113.0/24, 2001:db8:5::/64     the servers below
  192.0.2.1 to .50                    mx01 to mx50.pool.example: DANE, mail for every domain
  192.0.2.64 to .191, 2001:db8:7::/64 free: any address of these can be bound by a test's own server
  192.0.2.192 to .255, 2001:db8:dead::/48  black holes: packets vanish

An address of 203.0.113.0/24 that nobody uses refuses connections.
"""

from dataclasses import dataclass, field

CLIENT4, CLIENT6 = "198.51.100.2", "2001:db8:c::2"
GATEWAY4, GATEWAY6 = "198.51.100.1", "2001:db8:c::1"
FREE6, BLACK_HOLE4, BLACK_HOLE6 = "2001:db8:7::/64", "192.0.2.192/26", "2001:db8:dead::/48"
ROOT_SERVER, NAME_SERVER, RESOLVER = "203.0.113.1", "203.0.113.2", "203.0.113.53"
WEB, PORTAL, SMS_GATEWAY, TIMESTAMPS = "203.0.113.80", "203.0.113.90", "203.0.113.91", "203.0.113.92"


@dataclass(frozen=True)
class Host:
    """A mail server. `certificate` is a kind of certificates.Authority.issue. `tlsa` are the
    records to publish: "3 1 1" and "2 0 1" are computed from the certificate, "stranger" is a
    3 1 1 of a key that nobody has."""
    name: str
    address: str
    certificate: str | None = "trusted"
    tlsa: tuple = ()
    address6: str | None = None
    options: dict = field(default_factory=dict, hash=False)  # of its Postfix smtpd
    listens: bool = True


@dataclass(frozen=True)
class Domain:
    """A zone. `signing` is one of zones.SIGNINGS. `lines` are further records of the zone; `sts` is
    the mode of its MTA-STS policy; `tlsrpt` says whether it asks for TLS reports."""
    name: str
    hosts: tuple = ()
    signing: str = "signed"
    lines: tuple = ()
    sts: str | None = None
    tlsrpt: bool = False


def _one(name, number, signing="signed", *, certificate="trusted", tlsa=(), options=None, **rest):
    host = Host(f"mx.{name}", f"203.0.113.{number}", certificate, tlsa, options=options or {})
    return Domain(name, (host,), signing, **rest)


OLD_TLS = {
    "smtpd_tls_protocols": ">=TLSv1, <=TLSv1.1",
    "smtpd_tls_mandatory_protocols": ">=TLSv1, <=TLSv1.1",
    "tls_medium_cipherlist": "ALL:@SECLEVEL=0",
    "tls_high_cipherlist": "ALL:@SECLEVEL=0",
}
GREYLISTED = {
    "smtpd_recipient_restrictions": "reject_unlisted_recipient, check_policy_service unix:private/greylist, "
                                    "check_recipient_access inline:{greylist.example=OK}, reject",
}

SECURE_NTA = Host("secure.nta.example", "203.0.113.33", "self-signed", ("3 1 1",))

DELINDE = Domain(
    "delinde.example",
    (Host("mx.delinde.example", "203.0.113.41", "trusted", ("3 1 1",), "2001:db8:5::41"),),
    sts="enforce", tlsrpt=True,
    lines=(f"portal A {PORTAL}",
           f'@ TXT "v=spf1 mx ip4:{CLIENT4} ip6:{CLIENT6} -all"',
           '_dmarc TXT "v=DMARC1; p=reject; adkim=s; aspf=s; rua=mailto:dmarc@delinde.example"'))

DOMAINS = (
    Domain("dane.example", (
        Host("mx1.dane.example", "203.0.113.11", "self-signed", ("3 1 1",), "2001:db8:5::11"),
        Host("mx2.dane.example", "203.0.113.12", "self-signed", ("3 1 1",)),
    ), tlsrpt=True),
    _one("dane-ta.example", 13, certificate="private-anchor", tlsa=("2 0 1",)),
    _one("dane-bad.example", 14, tlsa=("stranger",)),
    # The TLSA name lies in a zone of its own, whose server answers nobody.
    _one("tlsa-servfail.example", 15, lines=("_tcp.mx NS ns.example.",)),
    Domain("_tcp.mx.tlsa-servfail.example", signing="refused"),
    _one("bogus.example", 16, "bogus"),
    Domain("servfail.example", signing="refused"),
    _one("mtasts.example", 21, "unsigned", sts="enforce", tlsrpt=True),
    _one("mtasts-testing.example", 22, "unsigned", sts="testing", tlsrpt=True),
    _one("mtasts-bad.example", 23, "unsigned", certificate="other-name", sts="enforce"),
    _one("pkix.example", 24, "unsigned"),
    _one("expired.example", 25, "unsigned", certificate="expired"),
    _one("selfsigned.example", 26, "unsigned", certificate="self-signed"),
    _one("oldtls.example", 27, "unsigned", options=OLD_TLS),
    _one("plain.example", 28, "unsigned", certificate=None),
    Domain("nullmx.example", lines=("@ MX 0 .",)),
    Domain("down.example", (Host("mx.down.example", "203.0.113.29", None, listens=False),), "unsigned"),
    _one("greylist.example", 31, certificate="self-signed", tlsa=("3 1 1",), options=GREYLISTED),
    _one("nta.example", 32),
    DELINDE,
    Domain("sms.example", lines=(f"@ A {SMS_GATEWAY}",)),
    Domain("tsa.example", lines=(f"@ A {TIMESTAMPS}",)),
)

POOL = tuple(Host(f"mx{number:02}.pool.example", f"192.0.2.{number}", "pool", ("3 1 1",))
             for number in range(1, 51))


def mail_hosts():
    """Every mail server that listens, with the domain it accepts mail for (None: for all)."""
    for domain in DOMAINS:
        for host in domain.hosts:
            if host.listens:
                yield host, domain.name
    yield SECURE_NTA, "nta.example"
    for host in POOL:
        yield host, None
