"""What the tests of smaudit share: a state of its own for each test, and logs to work on."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, f"{HERE}/../smseal"]

import audit_format
from tooltest import has_faketime, has_strace  # noqa: F401

BIN = os.path.abspath(os.environ.get("SMTOOLS_BIN", "build/bin"))
SMAUDIT = os.path.join(BIN, "smaudit")

MESSAGE = "AAAAAAAAAAAAAAA%s"
RECIPIENT = "AAAAAAA%s"


class AuditTest(unittest.TestCase):
    template = None  # what prepare() made, once for all tests of a class

    @classmethod
    def tearDownClass(cls):
        if cls.template:
            shutil.rmtree(cls.template, True)
            cls.template = None

    def prepare(self):
        """Fills the folder that each test of the class gets a copy of."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="smtools-audit-", dir=self.place())
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.use_state("state")
        if self.place() is None:
            self.copy_template()

    def copy_template(self):
        cls = type(self)
        if cls.template is None:
            cls.template = tempfile.mkdtemp(prefix="smtools-audit-template-")
            own, self.dir = self.dir, cls.template
            self.use_state("state")
            self.prepare()
            self.dir = own
            self.use_state("state")
        shutil.copytree(cls.template, self.dir, dirs_exist_ok=True)

    def place(self):
        """Where the test's folder is made."""
        return None

    def use_state(self, name):
        self.state = os.path.join(self.dir, name)
        self.log = os.path.join(self.state, "audit", "default")
        config = self.write("smtools.yaml", "{}\n")
        self.environment = {
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "SMTOOLS_STATE": self.state,
            "SMTOOLS_CONFIG": config,
            "HOME": self.dir,
        }

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        mode = "wb" if isinstance(text, bytes) else "w"
        with open(self.path(name), mode) as file:
            file.write(text)
        return self.path(name)

    def read(self, name):
        with open(os.path.join(self.log, name), "rb") as file:
            return file.read()

    def run_tool(self, *arguments, status=0, before=(), **more):
        result = subprocess.run(
            [*before, SMAUDIT, *map(str, arguments)],
            stdout=more.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            cwd=self.dir,
            env=more.pop("env", self.environment),
            timeout=300,
            **more,
        )
        if status is not None:
            self.assertEqual(result.returncode, status, (arguments, result.stderr, result.stdout))
        return result

    def out(self, *arguments, **more):
        return self.run_tool(*arguments, **more).stdout.decode()

    def append(self, event, message=None, recipient=None, facts=(), disclose=(), **more):
        arguments = ["append", "--event", event]
        if message:
            arguments += ["--message", message]
        if recipient:
            arguments += ["--recipient", recipient]
        for fact in facts:
            arguments += ["--fact", fact]
        for one in disclose:
            arguments += ["--disclose", one]
        return self.run_tool(*arguments, **more)

    def fill(self, count):
        """Messages that came and went: 2 records each."""
        for i in range(count // 2):
            message = MESSAGE % chr(ord("B") + i % 20)
            address = "user%d@b.example" % i
            self.append("submitted", message, disclose=["recipient=" + address, "size=100"])
            self.append(
                "delivered",
                message,
                facts=["level=verified", "mechanism=dane"],
                disclose=["recipient=" + address, "reply=250 ok"],
            )

    def checkpoint(self, name="outside"):
        """Signs, and keeps the checkpoint outside."""
        return self.write(name, self.out("checkpoint"))

    def checkpoint_is_fresh(self):
        """The next appender finds no reason to sign, however slow this machine is."""
        os.utime(os.path.join(self.log, "checkpoint"))

    def findings(self, *arguments, log=None, **more):
        """The kinds of what verify finds, its summary, and its exit status."""
        result = self.run_tool("verify", "--json", *arguments, log or self.log, status=None, **more)
        self.assertIn(result.returncode, (0, 1), result.stderr)
        rows = [json.loads(line) for line in result.stdout.decode().splitlines()]
        summary = rows.pop()
        if "--strict" not in arguments:
            self.assertEqual(summary["intact"], result.returncode == 0)
        self.by_kind = {row["finding"]: row for row in rows}
        return set(self.by_kind), summary, result.returncode

    def assert_intact(self, *arguments, log=None):
        kinds, summary, status = self.findings(*arguments, log=log)
        self.assertEqual(status, 0, self.by_kind)
        return kinds, summary

    def assert_independently_intact(self):
        return audit_format.Log(self.log)

    def lines(self, number=0):
        return self.read("%08d.ndjson" % number).split(b"\n")[:-1]

    def write_lines(self, lines, number=0):
        with open(os.path.join(self.log, "%08d.ndjson" % number), "wb") as file:
            file.write(b"".join(line + b"\n" for line in lines))

    def holds(self, text):
        """The files of the log in which a disclosed text stands, in the clear or encoded."""
        wanted = audit_format.encodings(text)
        found = []
        for folder, _, names in os.walk(self.log):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    content = file.read()
                if any(one in content for one in wanted):
                    found.append(name)
        return found

    def signer(self, epoch=1):
        """The log's own private key, as a thief would have it."""
        path = os.path.join(self.state, "keys", "log-default-%d.key" % epoch)
        return audit_format.Signer.from_skey(open(path).read())


def rechain(lines):
    """Lines whose chain is made good again after some were altered: a forger with time."""
    prev, done = "0" * 64, []
    for seq, line in enumerate(lines):
        at = line.index(b'"prev":"') + 8
        line = line[:at] + prev.encode() + line[at + 64 :]
        begin = line.index(b'"seq":') + 6
        line = line[:begin] + str(seq).encode() + line[line.index(b",", begin) :]
        done.append(line)
        prev = audit_format.leaf(line).hex()
    return done


def main():
    """Runs the file's tests: 77 where all were skipped."""
    program = unittest.main(exit=False, verbosity=2, warnings="ignore")
    result = program.result
    for test, reason in result.skipped:
        print("SKIP %s: %s" % (test, reason))
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.testsRun and len(result.skipped) == result.testsRun else 0)
