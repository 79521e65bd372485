"""The time-stamping authority, http(s)://tsa.example/: RFC 3161 over HTTP (its 3.4), answered by
`openssl ts` with a certificate of the lab's root that has the timeStamping usage."""

import os
import subprocess
import tempfile
import threading

import domains
import gateway

OPENSSL_CNF = """\
[tsa]
default_tsa = lab
[lab]
serial = {tsa}/serial
signer_cert = {tsa}/certificate.pem
signer_key = {tsa}/key.pem
certs = {tsa}/chain.pem
signer_digest = sha256
default_policy = 1.3.6.1.4.1.32473.1
digests = sha256, sha384, sha512
ess_cert_id_chain = no
ess_cert_id_alg = sha256
ordering = no
tsa_name = no
"""


def configure(run, authority):
    import datetime

    from cryptography.x509.oid import ExtendedKeyUsageOID

    import certificates

    tsa, now = f"{run}/tsa", datetime.datetime.utcnow()
    os.mkdir(tsa)
    key = certificates.new_key()
    lifetime = (now - certificates.DAY, now + 365 * certificates.DAY)
    certificate = authority.trusted.issue(["tsa.example"], key, lifetime, ExtendedKeyUsageOID.TIME_STAMPING)
    certificates.write_secret(f"{tsa}/key.pem", certificates.key_pem(key))
    for name, content in (("certificate.pem", certificates.pem(certificate)),
                          ("chain.pem", certificates.pem(authority.trusted.certificate)),
                          ("serial", b"01\n"), ("openssl.cnf", OPENSSL_CNF.format(tsa=tsa).encode())):
        with open(f"{tsa}/{name}", "wb") as out:
            out.write(content)


class Authority(gateway.Handler):
    run = None
    one_at_a_time = threading.Lock()  # openssl reads and writes the file of serial numbers unlocked

    def do_POST(self):
        if self.headers.get_content_type() != "application/timestamp-query":
            return self.reply(415, "text/plain", b"application/timestamp-query, please\n")
        with tempfile.NamedTemporaryFile(dir=f"{self.run}/tsa") as query:
            query.write(self.body())
            query.flush()
            command = ["openssl", "ts", "-reply", "-config", f"{self.run}/tsa/openssl.cnf",
                       "-queryfile", query.name]
            with self.one_at_a_time:
                result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return self.reply(200 if result.stdout else 500, "application/timestamp-reply", result.stdout)


def serve(run, certificate):
    gateway.serve(domains.TIMESTAMPS, type("TimeStamps", (Authority,), {"run": run}), certificate)
