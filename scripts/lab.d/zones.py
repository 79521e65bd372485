"""DNS: signed zones, the authoritative server (knot) that has them, the resolver (unbound).

All zones of a lab are signed with one ECDSAP256SHA256 key (a zone's DNSKEY differs only by its
owner name), so a thousand zones need no thousand keys. Zone files lie in <run>/dns: `source` as
written, `served` as signed, `delegations` the NS and DS records that the zone `example` carries.
"""

import base64
import contextlib
import fcntl
import hashlib
import os
import re
import subprocess
import time

import domains

SIGNINGS = ("signed", "unsigned", "expired", "bogus", "refused")
INSECURE = ("unsigned", "refused")  # delegated without DS; `refused`: the server answers nobody
DAY = 86400

KNOT_CONF = """\
server:
    rundir: {dns}
    listen: [{root}@53, {name}@53]
    udp-workers: 2
    tcp-workers: 2
    background-workers: 2
log:
  - target: stderr
    any: warning
control:
    listen: {dns}/knot.sock
database:
    storage: {dns}/knot
mod-queryacl:
  - id: nobody
    address: 0.0.0.0/32
template:
  - id: default
    storage: {dns}/served
    file: "%s"
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
  - id: refused
    storage: {dns}/served
    file: "%s"
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    module: mod-queryacl/nobody
include: {dns}/zones.conf
"""

ROOT_ZONE = """\
$ORIGIN .
$TTL 300
@ SOA ns.root. hostmaster.example. {serial} 3600 600 86400 5
@ NS ns.root.
ns.root A {root}
example NS ns.example.
ns.example A {name}
{ds}"""

UNBOUND_CONF = """\
server:
    interface: {resolver}
    access-control: 0.0.0.0/0 allow
    username: ""
    chroot: ""
    pidfile: ""
    directory: {dns}
    use-syslog: no
    logfile: ""
    verbosity: 1
    num-threads: 1
    root-hints: {dns}/root.hints
    trust-anchor-file: {run}/root.key
    trust-anchor-signaling: no
    module-config: "validator iterator"
    do-not-query-localhost: no
    infra-host-ttl: 5
    cache-max-negative-ttl: 5
    val-bogus-ttl: 5
    outgoing-range: 1024
    num-queries-per-thread: 1024
    so-reuseport: no
remote-control:
    control-enable: yes
    control-interface: {dns}/unbound.sock
    control-use-cert: no
"""


class ZoneKey:
    """The key that signs every zone of a lab; kept where ldns-signzone reads it."""

    def __init__(self, directory):
        self.base = f"{directory}/zone-key"

    def create(self):
        from cryptography.hazmat.primitives.asymmetric import ec
        key = ec.generate_private_key(ec.SECP256R1())
        numbers = key.private_numbers()
        point = numbers.public_numbers
        public = base64.b64encode(point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")).decode()
        private = base64.b64encode(numbers.private_value.to_bytes(32, "big")).decode()
        with open(f"{self.base}.private", "w") as out:
            out.write("Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\n"
                      f"PrivateKey: {private}\n")
        with open(f"{self.base}.public", "w") as out:
            out.write(public)

    def _rdata(self):
        with open(f"{self.base}.public") as file:
            return b"\x01\x00\x03\x0d" + base64.b64decode(file.read())  # ldns-signzone's: flags 256

    def dnskey(self, zone):
        rdata = self._rdata()
        return f"{zone} 300 IN DNSKEY 256 3 13 {base64.b64encode(rdata[4:]).decode()}\n"

    def ds(self, zone):
        """RFC 4034 5.1.4 and, for the key tag, its appendix B."""
        rdata = self._rdata()
        tag = sum(byte << 8 if index % 2 == 0 else byte for index, byte in enumerate(rdata))
        tag = (tag + (tag >> 16)) & 0xFFFF
        owner = b"".join(bytes([len(label)]) + label.encode() for label in zone.lower().split(".") if label)
        digest = hashlib.sha256(owner + b"\0" + rdata).hexdigest()
        return f"{zone}. DS {tag} 13 2 {digest}\n"


def serial():
    """Grows with every publication, in hundredths of a second."""
    return time.time_ns() // 10_000_000 % 2**32


def complete(zone, lines):
    """A zone file: the records every zone needs, and these lines."""
    return (f"$ORIGIN {zone}.\n$TTL 300\n"
            f"@ SOA ns.example. hostmaster.example. {serial()} 3600 600 86400 5\n"
            "@ NS ns.example.\n" + "".join(f"{line}\n" for line in lines))


def zone_of(text, path):
    """The zone that a file describes: the owner of its SOA record where that is written out, else
    its first $ORIGIN, else the file's name less `.zone`."""
    found = re.search(r"^(\S+)\.\s(?:.*\s)?SOA\s", text, re.M | re.I) or re.search(r"^\$ORIGIN\s+(\S+)\.\s*$", text, re.M)
    name = found.group(1) if found else os.path.basename(path).removesuffix(".zone").rstrip(".")
    return name.lower()


def check_name(zone):
    label = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
    if not re.fullmatch(rf"({label}\.)+example", zone):
        raise ValueError(f"'{zone}' is no name under example")


def read_file(path, signing):
    """A zone as Zones.add takes it. The file may leave out $ORIGIN, $TTL, SOA and NS."""
    text = _read(path)
    zone = zone_of(text, path)
    check_name(zone)
    if re.search(r"\sSOA\s", text, re.I):
        return zone, f"$ORIGIN {zone}.\n$TTL 300\n{text}", signing
    return zone, complete(zone, text.splitlines()), signing


class Zones:
    """The zones of one lab. `add` as many as wanted, then `publish`."""

    def __init__(self, run):
        self.run, self.dns = run, f"{run}/dns"
        self.key = ZoneKey(self.dns)

    def create(self):
        for name in ("source", "served", "delegations", "knot"):
            os.makedirs(f"{self.dns}/{name}")
        self.key.create()
        _write(f"{self.run}/root.key", self.key.dnskey("."))
        _write(f"{self.dns}/root.hints", f". NS ns.root.\nns.root. A {domains.ROOT_SERVER}\n")
        _write(f"{self.dns}/knot.conf",
               KNOT_CONF.format(dns=self.dns, root=domains.ROOT_SERVER, name=domains.NAME_SERVER))
        _write(f"{self.dns}/unbound.conf",
               UNBOUND_CONF.format(dns=self.dns, run=self.run, resolver=domains.RESOLVER))

    def replace(self, zones):
        """Adds or replaces zones of a running lab."""
        with self._locked():
            self.add(zones)
            self._reload([name for name, _, _ in zones])

    def add(self, zones):
        """Adds or replaces zones, each (name, text, one of SIGNINGS). ValueError, with the words of
        ldns, where one is not well-formed."""
        by_signing = {}
        for name, text, signing in zones:
            _write(f"{self.dns}/source/{name}", text)
            by_signing.setdefault(signing, []).append(name)
        for signing, names in by_signing.items():
            self._serve(names, signing)
            for name in names:
                ds = "" if signing in INSECURE else self.key.ds(name)
                _write(f"{self.dns}/delegations/{name}", f"{signing}\n{name}. NS ns.example.\n{ds}")

    def delegate(self, name, address):
        """Makes a running lab's resolver ask the server at this address about a zone, unsigned."""
        check_name(name)
        kind = "AAAA" if ":" in address else "A"
        with self._locked():
            _write(f"{self.dns}/delegations/{name}", f"elsewhere\n{name}. NS ns.{name}.\nns.{name}. {kind} {address}\n")
            self._reload([])

    def publish(self):
        """Renews `example` and the root, which carry the delegations, and knot's list of zones."""
        names = sorted(os.listdir(f"{self.dns}/delegations"))
        listed = ["zone:", "  - domain: .", "    file: root", "  - domain: example"]
        delegations = [f"ns A {domains.NAME_SERVER}"]
        for name in names:
            signing, records = _read(f"{self.dns}/delegations/{name}").split("\n", 1)
            if signing != "elsewhere":
                listed.append(f"  - domain: {name}")
            if signing == "refused":
                listed.append("    template: refused")
            if not _parents(name) & set(names):  # else that zone's own file delegates it
                delegations.append(records)
        _write(f"{self.dns}/source/example", complete("example", delegations))
        _write(f"{self.dns}/source/root", ROOT_ZONE.format(
            serial=serial(), root=domains.ROOT_SERVER, name=domains.NAME_SERVER, ds=self.key.ds("example")))
        self._serve(["example", "root"], "signed")
        _write(f"{self.dns}/zones.conf", "\n".join(listed) + "\n")

    @contextlib.contextmanager
    def _locked(self):
        with open(f"{self.dns}/lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _reload(self, names):
        """Publishes; knot loads, unbound forgets what it knew."""
        self.publish()
        knotc = ["knotc", "-c", f"{self.dns}/knot.conf", "-t", "60"]
        _quiet([*knotc, "reload"])
        _quiet([*knotc, "-b", "zone-reload", ".", "example", *names])
        _quiet(["unbound-control", "-c", f"{self.dns}/unbound.conf", "reload"])

    def _serve(self, names, signing):
        """source/NAME to served/NAME, checked, and signed where it is to be."""
        now = int(time.time())
        start, end = (now - 30 * DAY, now - 7 * DAY) if signing == "expired" else (now - DAY, now + 30 * DAY)
        secure = signing not in INSECURE
        rows = []
        for name in names:
            origin = "." if name == "root" else name
            source, served = f"{self.dns}/source/{name}", f"{self.dns}/served/{name}"
            if not secure:
                _write(served, _read(source))
            rows.append(f"-o {origin} -i {start} -e {end} -f {served} {source} {self.key.base}" if secure else source)
        # One process a zone, started by xargs rather than from here, which takes a third of the time.
        result = subprocess.run(["xargs", "-P2", "-L1", "ldns-signzone" if secure else "ldns-read-zone"], text=True,
                                input="\n".join(rows), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if result.returncode != 0:
            raise ValueError(result.stderr.strip())
        if signing == "bogus":
            for name in names:
                _spoil(f"{self.dns}/served/{name}")


def _parents(name):
    labels = name.split(".")
    return {".".join(labels[index:]) for index in range(1, len(labels) - 1)}


def _spoil(path):
    """Changes every signature but those of the DNSKEY records."""
    signature = re.compile(r"(\tIN\tRRSIG\t(?!DNSKEY)\S+(?: \S+){7} )(\S)")
    _write(path, signature.sub(lambda found: found[1] + ("B" if found[2] == "A" else "A"), _read(path)))


def _quiet(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise OSError(f"{command[0]}: {result.stdout.strip()}")


def _write(path, text):
    with open(path, "w") as out:
        out.write(text)


def _read(path):
    with open(path) as file:
        return file.read()
