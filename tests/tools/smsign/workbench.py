"""What the tests of smsign share: the binary, keys, records, and runs that show what they said."""

import os
import pathlib
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("SMTOOLS_SOURCE", pathlib.Path(__file__).parents[3]))
SMSIGN = os.environ.get("SMTOOLS_BIN", str(SOURCE / "build/bin")) + "/smsign"

MAIL = (
    "From: Anna Bakker <anna@example.com>\n"
    "To: Bob <bob@example.net>\n"
    "Subject: invoice  12\n"
    "Date: Sat, 21 Nov 2026 10:00:00 +0000\n"
    "Message-ID: <1@example.com>\n"
    "\n"
    "Dear Bob,\n"
    "\n"
    "the invoice.  See below.\n"
    ".dot\n"
    "\n"
    "Anna\n"
)


class Workbench(unittest.TestCase):
    """A folder of its own with an RSA key `rsa.pem` (selector mail), an Ed25519 key `edge.pem`
    (selector edge), another RSA key `other.pem`, and `dns` with the records of the first two."""

    domain = "example.com"

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        for name, kind in (("rsa", "rsa"), ("edge", "ed25519"), ("other", "rsa")):
            cls.run_checked(["keygen", "--algorithm", kind, "--out", cls.folder / f"{name}.pem"])
        cls.rsa_record = cls.record("mail", "rsa.pem")
        cls.edge_record = cls.record("edge", "edge.pem")
        cls.other_record = cls.record("mail", "other.pem")
        cls.write("dns", cls.dns_lines(cls.rsa_record, cls.edge_record))

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def environment(cls):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SMTOOLS_")}
        kept.pop("CREDENTIALS_DIRECTORY", None)
        return {**kept, "SMTOOLS_STATE": str(cls.folder / "state"), "HOME": str(cls.folder)}

    @classmethod
    def write(cls, name, text, mode=0o644):
        path = cls.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    @classmethod
    def run_smsign(cls, arguments, data=b"", **more):
        environment = {**cls.environment(), **more.pop("environment", {})}
        data = data.encode() if isinstance(data, str) else data
        return subprocess.run(
            [SMSIGN, *map(str, arguments)],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cls.folder,
            env=environment,
            timeout=120,
            **more,
        )

    @classmethod
    def run_checked(cls, arguments, data=b""):
        done = cls.run_smsign(arguments, data)
        assert done.returncode == 0, f"{arguments}: {done.returncode} {done.stderr.decode()}"
        assert done.stderr == b"", done.stderr
        return done.stdout

    @classmethod
    def record(cls, selector, key):
        arguments = ["dns", "--domain", cls.domain, "--selector", selector, "--key", key]
        return cls.run_checked(arguments + ["--format", "raw"]).decode().strip()

    @classmethod
    def dns_lines(cls, mail, edge=None):
        lines = f"mail._domainkey.{cls.domain} TXT {mail}\n"
        return lines + (f"edge._domainkey.{cls.domain} TXT {edge}\n" if edge else "")

    RSA = ["--domain", "example.com", "--selector", "mail", "--key", "rsa.pem"]
    BOTH = RSA + ["--selector2", "edge", "--key2", "edge.pem"]

    def sign(self, mail=MAIL, options=None, more=()):
        return self.run_checked(["sign", *(options or self.RSA), *more], mail)

    def verify(self, mail, *options, dns="dns"):
        return self.run_smsign(["verify", "--dns-file", dns, *options], mail)

    def assert_verdict(self, mail, status, line, *options, dns="dns"):
        """The exit status, and what the first line of the answer begins with and holds."""
        done = self.verify(mail, *options, dns=dns)
        shown = f"{done.stdout.decode()}{done.stderr.decode()}"
        self.assertEqual(done.returncode, status, shown)
        first = done.stdout.decode().split("\n")[0]
        for words in line if isinstance(line, tuple) else (line,):
            self.assertIn(words, first)
        return done

    def assert_refused(self, done, status, words):
        self.assertEqual(done.returncode, status, done.stderr.decode())
        self.assertIn(words, done.stderr.decode())
        self.assertTrue(done.stderr.startswith(b"smsign: error: "), done.stderr)
        self.assertEqual(done.stdout, b"")


def tags_of(signed):
    """The tags of the topmost signature."""
    text = signed.decode(errors="replace").replace("\r\n", "\n")
    field = []
    for line in text.split("\n"):
        if field and not line.startswith((" ", "\t")):
            break
        field.append(line)
    value = "".join(field).split(":", 1)[1]
    return {
        spec.split("=", 1)[0].strip(): "".join(spec.split("=", 1)[1].split())
        for spec in value.split(";")
        if "=" in spec
    }
