"""De Linde, the organisation whose mail the lab's client sends: its DKIM keys, its records in
delinde.example, its configuration file and its portal."""

import base64
import os
import subprocess

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

import certificates
import domains

CONFIGURATION = """\
state: {run}/state
network:
  resolvers: ["{resolver}@53"]
  trust_anchors: ["{run}/root.key"]
  ca_file: "{run}/ca.pem"
organisations:
  delinde:
    name: "De Linde"
    domains: [delinde.example]
    dkim:
      - domain: delinde.example
        selector: s1
        key: "{run}/dkim/s1.pem"
        selector2: e1
        key2: "{run}/dkim/e1.pem"
"""

SEALED = """\
sealed:
  portal: "https://portal.delinde.example"
sms:
  url: "https://sms.example/sms"
  content_type: "application/json"
  body: '{"to":"{to}","text":"{text}"}'
branding:
  phone: "+31 20 123 4567"
  email: "info@delinde.example"
"""


ANNAS_PHONE = "+31612345678"


def write_configuration(run, binaries):
    """smtools.yaml; where smkey and smcontact are built, with the sealed channel, the keys that it
    needs, and the phone that anna has at every domain."""
    os.mkdir(f"{run}/state", mode=0o700)
    seals = all(os.access(f"{binaries}/{tool}", os.X_OK) for tool in ("smkey", "smcontact"))
    with open(f"{run}/smtools.yaml", "w") as out:
        out.write(CONFIGURATION.format(run=run, resolver=domains.RESOLVER))
        if seals:
            out.write(SEALED)
    if seals:
        contacts = "".join(f"anna@{domain.name},{ANNAS_PHONE}\n" for domain in domains.DOMAINS
                           if not domain.name.startswith("_"))
        own = ["--config", f"{run}/smtools.yaml"]
        subprocess.run([f"{binaries}/smkey", *own, "init", "delinde"], check=True)
        subprocess.run([f"{binaries}/smcontact", *own, "import", "-"], check=True, text=True,
                       input="address,phone\n" + contacts)


def create_dkim_keys(run):
    """<run>/dkim/s1.pem (RSA) and e1.pem (Ed25519); returns their records for the zone."""
    os.mkdir(f"{run}/dkim", mode=0o700)
    s1 = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    e1 = ed25519.Ed25519PrivateKey.generate()
    for selector, key in (("s1", s1), ("e1", e1)):
        certificates.write_secret(f"{run}/dkim/{selector}.pem", certificates.key_pem(key))
    spki = s1.public_key().public_bytes(serialization.Encoding.DER,
                                        serialization.PublicFormat.SubjectPublicKeyInfo)
    raw = e1.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)  # RFC 8463 4
    return [_dkim_record("s1", "rsa", spki), _dkim_record("e1", "ed25519", raw)]


def _dkim_record(selector, algorithm, public):
    value = f"v=DKIM1; k={algorithm}; p={base64.b64encode(public).decode()}"
    strings = " ".join(f'"{value[start:start + 255]}"' for start in range(0, len(value), 255))
    return f"{selector}._domainkey TXT {strings}"


def portal_command(run, binaries):
    """How to start the portal, behind its nginx (web.portal_command); None while it is not built or the configuration seals nothing."""
    program = f"{binaries}/smportal"
    with open(f"{run}/smtools.yaml") as file:
        seals = any(line.startswith("sealed:") for line in file)
    if not (seals and os.access(program, os.X_OK)):
        return None
    return [program, "--config", f"{run}/smtools.yaml", "--socket", f"{run}/portal/socket"]
