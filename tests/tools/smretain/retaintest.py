"""What the tests of smretain and smcontact share: an organisation with keys in a state of its own, and
sealed messages made by smsend itself. No network: a file of DNS answers keeps every notification
waiting."""

import json
import os
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../smseal"))

from tooltest import ToolTest, has_faketime, has_strace, tool  # noqa: E402,F401

CONFIGURATION = """\
organisations:
  delinde:
    name: "De Linde"
    domains: [delinde.example]
sealed:
  portal: "https://portal.delinde.example"
sms:
  command: ["/bin/true"]
"""
PHONE = "+31612345678"
SUBJECT = "subjectcanary"
BODY = "bodycanary"


class RetainTest(ToolTest):
    configuration = CONFIGURATION

    def setUp(self):
        super().setUp()
        self.write("smtools.yaml", self.configuration.encode())
        self.answers = self.write("answers", "".join(
            f"{name} TIMEOUT\n" for name in ("plain.example", "other.example", "delinde.example")).encode())
        self.run_tool("smkey", "init", "delinde")

    def send(self, *recipients, options=(), message_id=None, status=0, body=BODY):
        """Seals for each of them by smsend; the message's id."""
        recipients = recipients or ("anna@plain.example",)
        phone = ("--phone", PHONE) if len(recipients) == 1 and "--password-file" not in options else ()
        header = "From: Jan de Vries <jan@delinde.example>\nSubject: %s\n" % SUBJECT
        if message_id:
            header += f"Message-ID: <{message_id}>\n"
        out = self.out("smsend", "--seal", "--json", "--dns-file", self.answers, "--deadline", "5", *phone, *options,
                       *recipients, input=(header + "\n" + body + "\n").encode(), status=status)
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertEqual({row["status"] for row in rows}, {"pending"}, rows)
        return rows[0]["message"]

    def rows(self, *options):
        return [json.loads(line) for line in self.out("smretain", "list", "--json", *options).splitlines()]

    def status(self, identity):
        return [json.loads(line)["status"] for line in self.out("smretain", "show", "--json", identity).splitlines()]

    def sweep(self, status=0, before=(), environment=None):
        done = self.run_tool("smretain", "sweep", "--json", "--dns-file", self.answers, "--deadline", "5",
                             status=status, before=before, environment=environment)
        lines = done.stdout.splitlines()
        return json.loads(lines[0]) if lines else None

    def let_expire(self, *identities):
        """Their time is over, without any clock being touched."""
        with sqlite3.connect(self.path("state/index.db")) as database:
            for identity in identities:
                database.execute("UPDATE sealed_message SET expires = created WHERE id = ?", (identity,))
        database.close()

    def envelope(self, identity):
        with sqlite3.connect(self.path("state/index.db")) as database:
            row = database.execute("SELECT envelope FROM sealed_message WHERE id = ?", (identity,)).fetchone()
        database.close()
        return self.path("state/sealed/" + row[0])

    @staticmethod
    def head(folder):
        with open(folder + "/head") as file:
            return file.read()

    def events(self, identity=None):
        text = self.read("state/audit/delinde/00000000.ndjson").decode()
        records = [json.loads(line) for line in text.splitlines()]
        return [record for record in records if identity in (None, record.get("message"))]

    def event_names(self, identity):
        return [record["event"] for record in self.events(identity)]

    def is_anywhere(self, needle):
        """The first file of the state that has these bytes."""
        for folder, _, names in os.walk(self.state):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    if needle in file.read():
                        return os.path.join(folder, name)
        return None

    def check_log(self):
        self.run_tool("smaudit", "verify")


def killed(command, call, when, environment, cwd):
    """Runs a command that is killed at the `when`th such system call; True where it was."""
    done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                           f"inject={call}:signal=KILL:when={when}", *command], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, env=environment, cwd=cwd, timeout=120)
    return done.returncode in (-9, 137)
