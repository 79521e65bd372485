#!/usr/bin/python3
"""Another implementation's verdict: Go's sumdb note and tlog packages, which read and write the
same notes and trees as the checksum database of all Go modules."""

import os
import shutil
import subprocess
import unittest

from audittest import MESSAGE, AuditTest, main

MODULES = "/usr/share/gocode"  # where Debian puts sources
HERE = os.path.dirname(os.path.abspath(__file__))


def problem():
    if not shutil.which("go"):
        return "no Go (golang-go)"
    if not os.path.isdir(os.path.join(MODULES, "src/golang.org/x/mod/sumdb/tlog")):
        return "no sources of golang.org/x/mod (golang-golang-x-mod-dev)"
    return None


@unittest.skipIf(problem(), problem())
class SumDb(AuditTest):
    @classmethod
    def setUpClass(cls):
        import tempfile

        cls.build = tempfile.mkdtemp(prefix="smtools-sumdb-")
        cls.addClassCleanup(shutil.rmtree, cls.build, True)
        cls.judge = os.path.join(cls.build, "sumdb")
        environment = dict(os.environ, GO111MODULE="off", GOPATH=MODULES, GOFLAGS="", GOPROXY="off",
                           GOCACHE=os.path.join(cls.build, "cache"), CGO_ENABLED="0", HOME=cls.build)
        subprocess.run(["go", "build", "-o", cls.judge, os.path.join(HERE, "sumdb", "main.go")],
                       check=True, env=environment, cwd=cls.build, timeout=500)

    def go(self, *arguments, status=0):
        result = subprocess.run([self.judge, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(result.returncode, status, result.stderr)
        return result.stdout

    def checkpoints(self):
        folder = os.path.join(self.log, "checkpoints")
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]

    def test_checkpoints_keys_and_proofs_are_accepted(self):
        message = 0
        for count in (1, 2, 1, 3, 5, 4, 7):
            for _ in range(count):
                message += 1
                self.append("delivered", MESSAGE % chr(ord("A") + message), disclose=["recipient=anna@b.example"])
            self.checkpoint()
            if count == 5:
                self.run_tool("checkpoint", "--end-epoch")
        vkeys = os.path.join(self.log, "log.vkey")
        records = self.write("records", self.run_tool("export", "--raw").stdout)
        said = self.go("log", vkeys, records, *self.checkpoints(), os.path.join(self.log, "checkpoint"))
        self.assertEqual(said, b"9 checkpoints of 24 records\n")
        for i in range(1, message + 1):
            receipt = self.path("receipt%d" % i)
            self.run_tool("receipt", "create", "-o", receipt, MESSAGE % chr(ord("A") + i))
            self.assertIn(b" of 24\n", self.go("receipt", vkeys, receipt))
        # And it says no where it must.
        with open(os.path.join(receipt, "record"), "ab") as file:
            file.write(b" ")
        self.go("receipt", vkeys, receipt, status=1)
        content = open(records, "rb").read()
        self.go("log", vkeys, self.write("altered", content.replace(b"smaudit", b"smAudit", 1)), *self.checkpoints(),
                status=1)

    def test_a_checkpoint_signed_by_go_is_one_of_ours(self):
        self.fill(6)
        self.run_tool("checkpoint")
        private = os.path.join(self.state, "keys", "log-default-1.key")
        records = self.write("records", self.run_tool("export", "--raw").stdout)
        note = self.go("sign", private, records)
        self.assertEqual(note, self.read("checkpoint"))  # Ed25519 signs the same bytes the same way
        kinds, _ = self.assert_intact("--checkpoint", self.write("by-go", note), "--key",
                                      self.write("key", self.read("log.vkey")))
        self.assertEqual(kinds, set())


if __name__ == "__main__":
    main()
