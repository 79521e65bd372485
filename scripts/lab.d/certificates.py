"""The lab's certificates, made fresh at each start.

One root, which the lab's configuration trusts, with an intermediate below it; and a private root
that nobody trusts, whose intermediate serves as DANE trust anchor (usage 2). A certificate file
holds the key, the certificate and its chain, in that order, as Postfix and nginx both read it.
"""

import datetime
import hashlib
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KINDS = ("trusted", "other-name", "expired", "not-yet-valid", "self-signed", "private-anchor")
DAY = datetime.timedelta(days=1)


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def tlsa_3_1_1(certificate):
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"3 1 1 {hashlib.sha256(spki).hexdigest()}"


def tlsa_2_0_1(certificate):
    return f"2 0 1 {hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()}"


def write_secret(path, content):
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)


class Issuer:
    """A certificate authority: its certificate, its key, and the chain that a server sends."""

    def __init__(self, certificate, key, chain=()):
        self.certificate, self.key, self.chain = certificate, key, chain

    def tlsa(self):
        return tlsa_2_0_1(self.certificate)

    @classmethod
    def root(cls, name):
        key = new_key()
        subject = _name(name)
        return cls(_authority(subject, key, subject, key, path_length=None), key)

    def intermediate(self, name):
        key = new_key()
        certificate = _authority(_name(name), key, self.certificate.subject, self.key, path_length=0)
        return Issuer(certificate, key, (certificate,))

    def issue(self, names, key, lifetime, usage=ExtendedKeyUsageOID.SERVER_AUTH):
        builder = _leaf(names, key, lifetime, usage).issuer_name(self.certificate.subject)
        return _with_authority_key(builder, self.key).sign(self.key, hashes.SHA256())


class Authority:
    """Everything that signs in a lab. Kept in `directory`, so that later commands can issue too."""

    def __init__(self, root, trusted, private):
        self.root, self.trusted, self.private = root, trusted, private

    @classmethod
    def create(cls):
        root = Issuer.root("smtools lab root")
        private = Issuer.root("smtools lab private root")
        return cls(root, root.intermediate("smtools lab intermediate"),
                   private.intermediate("smtools lab private intermediate"))

    def save(self, directory):
        os.makedirs(directory, mode=0o700, exist_ok=True)
        for name, issuer in (("root", self.root), ("trusted", self.trusted), ("private", self.private)):
            write_secret(f"{directory}/{name}.pem", key_pem(issuer.key) + pem(issuer.certificate))

    @classmethod
    def load(cls, directory):
        issuers = []
        for name in ("root", "trusted", "private"):
            with open(f"{directory}/{name}.pem", "rb") as file:
                text = file.read()
            certificate = x509.load_pem_x509_certificate(text)
            chain = () if name == "root" else (certificate,)
            issuers.append(Issuer(certificate, serialization.load_pem_private_key(text, None), chain))
        return cls(*issuers)

    def issue(self, kind, names):
        """A certificate of this kind for these names: its file's text, the certificate, its issuer."""
        if kind not in KINDS:
            raise ValueError(f"no kind of certificate is called '{kind}' ({', '.join(KINDS)})")
        now = datetime.datetime.utcnow()
        lifetime = {"expired": (now - 30 * DAY, now - DAY),
                    "not-yet-valid": (now + DAY, now + 30 * DAY)}.get(kind, (now - DAY, now + 365 * DAY))
        key = new_key()
        if kind == "self-signed":
            issuer = None
            certificate = _self_signed(names, key, lifetime)
        else:
            issuer = self.private if kind == "private-anchor" else self.trusted
            asked = ["elsewhere.example"] if kind == "other-name" else names
            certificate = issuer.issue(asked, key, lifetime)
        chain = (certificate,) + (issuer.chain if issuer else ())
        return key_pem(key) + b"".join(map(pem, chain)), certificate, issuer


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject, key, lifetime):
    return (x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(lifetime[0]).not_valid_after(lifetime[1])
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False))


def _with_authority_key(builder, issuer_key):
    return builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)


def _authority(subject, key, issuer_name, issuer_key, path_length):
    now = datetime.datetime.utcnow()
    usage = x509.KeyUsage(key_cert_sign=True, crl_sign=True, digital_signature=False,
                          content_commitment=False, key_encipherment=False, data_encipherment=False,
                          key_agreement=False, encipher_only=False, decipher_only=False)
    builder = (_builder(subject, key, (now - 60 * DAY, now + 3650 * DAY)).issuer_name(issuer_name)
               .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
               .add_extension(usage, critical=True))
    return _with_authority_key(builder, issuer_key).sign(issuer_key, hashes.SHA256())


def _leaf(names, key, lifetime, usage):
    critical = usage == ExtendedKeyUsageOID.TIME_STAMPING  # RFC 3161 2.3
    return (_builder(_name(names[0]), key, lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=critical))


def _self_signed(names, key, lifetime):
    builder = _leaf(names, key, lifetime, ExtendedKeyUsageOID.SERVER_AUTH).issuer_name(_name(names[0]))
    return _with_authority_key(builder, key).sign(key, hashes.SHA256())
