#!/usr/bin/python3
"""The examples of smaudit(1) and smtools-audit(5), taken from the pages and run as they stand."""

import os
import re
import subprocess

from audittest import BIN, MESSAGE, RECIPIENT, AuditTest, main

SOURCE = os.environ.get("SMTOOLS_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")


def page(name):
    with open(os.path.join(SOURCE, "man", name), encoding="utf-8") as file:
        return file.read()


def commands(name):
    """The lines that are shown behind a prompt."""
    return [line.replace("\\e", "\\") for line in re.findall(r"^\.Dl \$ (.*)$", page(name), re.M)]


class Examples(AuditTest):
    def setUp(self):
        super().setUp()
        self.fill(4)
        self.append("submitted", MESSAGE % "Z", disclose=["recipient=anna@dane.example"])
        self.append("delivered", MESSAGE % "Z", RECIPIENT % "Q", disclose=["recipient=anna@dane.example",
                                                                          "reply=250 ok"])
        self.outside = self.checkpoint()
        self.key = self.write("key", self.read("log.vkey"))

    def shell(self, script, status=0):
        environment = dict(self.environment, PATH=BIN + ":" + self.dir + ":/usr/bin:/bin")
        result = subprocess.run(["sh", "-c", script], cwd=self.dir, env=environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, timeout=120)
        self.assertEqual(result.returncode, status, (script, result.stderr))
        return result.stdout.decode()

    def test_each_command_of_the_tools_page(self):
        # A machine that keeps checkpoints elsewhere, as the page has it.
        self.write("ssh", "#!/bin/sh\nshift\nexec sh -c \"$*\"\n")
        os.chmod(self.path("ssh"), 0o755)
        ran = 0
        for command in commands("smaudit.1"):
            command = command.replace("delinde.vkey", self.key).replace("2026-10.checkpoint", self.outside)
            command = command.replace("/mnt/audit/delinde", self.log).replace("O_3Vz-5lqtplDwvS", MESSAGE % "Z")
            with self.subTest(command=command):
                out = self.shell(command)
                ran += 1
                if " trace " in command:
                    self.assertIn("delivered to anna@dane.example", out)
                if " verify " in command:
                    self.assertIn("intact: 6 records, 6 signed", out)
        self.assertGreaterEqual(ran, 4)
        with open(self.path("checkpoints"), encoding="utf-8") as file:
            self.assertEqual(file.read(), self.read("checkpoint").decode())
        self.assertEqual(sorted(os.listdir(self.path("receipt"))), ["disclosures", "proof.tlog-proof", "record"])

    def test_the_chain_by_common_tools(self):
        script = re.search(r"^\.Sh EXAMPLES.*?^\.Bd[^\n]*\n(.*?)^\.Ed$", page("smtools-audit.5"), re.M | re.S).group(1)
        script = "cd '%s'\n" % self.log + script.replace("\\e", "\\")
        self.assertEqual(self.shell(script), "")
        lines = self.lines()
        self.write_lines(lines[:2] + [lines[2].replace(b"smaudit", b"smAudit")] + lines[3:])
        self.assertIn('broken: {"v":1,"seq":3', self.shell(script))


if __name__ == "__main__":
    main()
