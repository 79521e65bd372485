"""Other people's DKIM, for the tests of smsign: python3-dkim, Mail::DKIM and opendkim, each as a
signer and as a verifier that asks no network.

A verifier takes {name: CRLF message} and gives {name: [result of each signature from the top]},
"pass" or something else. A signer takes one CRLF message and gives the signed one.
"""

import pathlib
import re
import shutil
import subprocess

HERE = pathlib.Path(__file__).parent


def crlf(data):
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def as_on_the_wire(data):
    """CRLF throughout, the last line included: opendkim signs nothing else, and python3-dkim keeps
    blanks at the end of a last line that has no end."""
    data = crlf(data)
    return data if data.endswith(b"\r\n") else data + b"\r\n"


class Keys:
    """An RSA and an Ed25519 key made by smsign, and what is published of them."""

    def __init__(self, folder, smsign, domain="example.com"):
        self.folder, self.domain = pathlib.Path(folder), domain
        self.records = {}
        for kind, selector in (("rsa", "mail"), ("ed25519", "edge")):
            key = self.path(kind)
            subprocess.run(
                [smsign, "keygen", "--algorithm", kind, "--out", key], check=True
            )
            raw = subprocess.run(
                [smsign, "dns", "--domain", domain, "--selector", selector, "--key", key]
                + ["--format", "raw"],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout
            self.records[f"{selector}._domainkey.{domain}"] = raw.strip()
        self.dns_file = self.folder / "dns"
        self.dns_file.write_text(
            "".join(f"{name} TXT {text}\n" for name, text in self.records.items())
        )
        self.peer_dns = self.folder / "peer-dns"
        self.peer_dns.write_text(
            "".join(f"{name} {text}\n" for name, text in self.records.items())
        )

    def path(self, kind):
        return self.folder / f"{kind}.pem"

    def sign_options(self, second=True):
        options = ["--domain", self.domain, "--selector", "mail", "--key", self.path("rsa")]
        if second:
            options += ["--selector2", "edge", "--key2", self.path("ed25519")]
        return options

    def dnsfunc(self, name, timeout=5):
        """For python3-dkim."""
        name = name.decode() if isinstance(name, bytes) else name
        text = self.records.get(name.rstrip(".").lower())
        return text.encode() if text else None

    def ed25519_seed(self):
        """Base64, as python3-dkim has private keys."""
        import base64

        from cryptography.hazmat.primitives import serialization

        key = serialization.load_pem_private_key(self.path("ed25519").read_bytes(), None)
        raw = key.private_bytes(
            serialization.Encoding.Raw,
            serialization.PrivateFormat.Raw,
            serialization.NoEncryption(),
        )
        return base64.b64encode(raw)


def write_all(folder, messages):
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    for name, data in messages.items():
        (folder / name).write_bytes(data)
    return folder


# ---- python3-dkim ----


def python_verify(keys, messages):
    import dkim

    results = {}
    for name, data in messages.items():
        count = len(re.findall(rb"(?im)^DKIM-Signature:", data.split(b"\r\n\r\n", 1)[0]))
        verdicts = []
        for index in range(count):
            try:
                good = dkim.DKIM(data).verify(idx=index, dnsfunc=keys.dnsfunc)
            except dkim.DKIMException as error:
                good, verdict = False, f"{type(error).__name__}: {error}"
            else:
                verdict = "pass" if good else "fail"
            verdicts.append(verdict)
        results[name] = verdicts
    return results


def python_sign(keys, data, kind, canons):
    import dkim

    header, body = (part.encode() for part in canons.split("/"))
    selector = b"mail" if kind == "rsa" else b"edge"
    key = keys.path("rsa").read_bytes() if kind == "rsa" else keys.ed25519_seed()
    field = dkim.sign(
        data,
        selector,
        keys.domain.encode(),
        key,
        canonicalize=(header, body),
        signature_algorithm=f"{kind}-sha256".encode(),
    )
    return field + data


# ---- Mail::DKIM (no Ed25519 in Debian 12) ----


def perl_verify(keys, messages):
    folder = write_all(keys.folder / "perl", messages)
    done = subprocess.run(
        [HERE / "mail_dkim_verify.pl", keys.peer_dns, *(folder / name for name in messages)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    shutil.rmtree(folder)
    results = {}
    for line in done.stdout.splitlines():
        path, *verdicts = line.split(" ")
        results[pathlib.Path(path).name] = verdicts
    return results


def perl_sign(keys, messages, canons):
    """All at once: {name: signed message}."""
    folder = write_all(keys.folder / "perl", messages)
    script = """
        use strict; use warnings; use Mail::DKIM::Signer;
        my ($domain, $selector, $key, $method, @files) = @ARGV;
        for my $file (@files) {
            my $signer = Mail::DKIM::Signer->new(Algorithm => 'rsa-sha256', Method => $method,
                Domain => $domain, Selector => $selector, KeyFile => $key);
            open(my $in, '<:raw', $file) or die $!;
            local $/; my $text = <$in>; close $in;
            $signer->PRINT($text); $signer->CLOSE;
            my $field = $signer->signature->as_string;
            $field =~ s/\\r?\\n/\\r\\n/g;
            open(my $out, '>:raw', "$file.signed") or die $!;
            print $out $field, "\\r\\n", $text; close $out;
        }
    """
    paths = [folder / name for name in messages]
    subprocess.run(
        ["perl", "-e", script, keys.domain, "mail", keys.path("rsa"), canons, *paths], check=True
    )
    signed = {name: (folder / f"{name}.signed").read_bytes() for name in messages}
    shutil.rmtree(folder)
    return signed


# ---- opendkim, by its test mode ----


def opendkim(keys, options, paths):
    configuration = keys.folder / "opendkim.conf"
    configuration.write_text("RequireSafeKeys no\n" + options)
    done = subprocess.run(
        ["opendkim", "-x", configuration, "-vvv", "-t", ",".join(map(str, paths))],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.stdout


def opendkim_verify(keys, messages):
    folder = write_all(keys.folder / "opendkim", messages)
    results = {}
    for name in messages:
        said = opendkim(
            keys,
            f"Mode v\nTestDNSData file:{keys.peer_dns}\nAlwaysAddARHeader yes\n",
            [folder / name],
        ).decode(errors="replace")
        results[name] = re.findall(r"\bdkim=(\w+)", said)
    shutil.rmtree(folder)
    return results


def opendkim_sign(keys, messages, kind, canons):
    folder = write_all(keys.folder / "opendkim", messages)
    signed = {}
    for name, data in messages.items():
        said = opendkim(
            keys,
            f"Mode s\nDomain {keys.domain}\nSelector {'mail' if kind == 'rsa' else 'edge'}\n"
            f"KeyFile {keys.path(kind)}\nSignatureAlgorithm {kind}-sha256\n"
            f"Canonicalization {canons}\nInternalHosts 0.0.0.0/0\n",
            [folder / name],
        )
        found = re.search(rb"hname='DKIM-Signature' hvalue='(.*?)'\n", said, re.DOTALL)
        if not found:
            raise RuntimeError(f"opendkim did not sign {name}:\n{said.decode(errors='replace')}")
        signed[name] = crlf(b"DKIM-Signature: " + found.group(1).lstrip() + b"\n") + data
    shutil.rmtree(folder)
    return signed
