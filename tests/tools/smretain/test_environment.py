#!/usr/bin/python3
"""SECURE_MAIL_ENABLED and SECURE_MAIL_MASTER_KEY: what the environment decides before the file."""

import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from retaintest import BODY, CONFIGURATION, PHONE, RetainTest  # noqa: E402

MESSAGE = b"From: jan@delinde.example\nSubject: x\n\n" + BODY.encode() + b"\n"


class Environment(RetainTest):
    configuration = CONFIGURATION + "policy:\n  escrow: true\n"

    def within(self, **more):
        return {**self.environment, **more}

    def seal(self, status, *options, **more):
        return self.run_tool("smsend", "--seal", "--phone", PHONE, "--dns-file", self.answers, "--deadline", "5", *options,
                             "anna@plain.example", input=MESSAGE, status=status, environment=self.within(**more))

    def test_the_channel_is_switched_off_and_on_by_it(self):
        off = self.seal(78, SECURE_MAIL_ENABLED="false")
        self.assertIn(b"switched off", off.stderr)
        self.assertEqual(self.rows(), [])
        self.write("off.yaml", self.configuration.replace("sealed:\n", "sealed:\n  enabled: false\n").encode())
        self.seal(78, "--config", self.path("off.yaml"))
        self.seal(0, "--config", self.path("off.yaml"), SECURE_MAIL_ENABLED="true")
        self.assertEqual(len(self.rows()), 1)
        self.seal(78, SECURE_MAIL_ENABLED="perhaps")

    def test_the_master_key_may_come_in_it_with_a_warning(self):
        self.seal(0)
        identity = self.rows()[0]["id"]
        key = self.read("state/keys/master.key").decode().strip()
        os.rename(self.path("state/keys/master.key"), self.path("elsewhere"))
        self.error(78, "smretain", "get", identity, "-o", self.path("mail"))
        told = self.run_tool("smretain", "get", identity, "-o", self.path("mail"),
                             environment=self.within(SECURE_MAIL_MASTER_KEY=key))
        self.assertIn(b"credential", told.stderr)
        self.assertNotIn(key.encode(), told.stderr)
        self.assertIn(BODY.encode(), self.read("mail"))
        self.assertIn(b"credential", self.seal(0, SECURE_MAIL_MASTER_KEY=key).stderr)
        # A credential file says the same without one.
        os.mkdir(self.path("credentials"))
        os.rename(self.path("elsewhere"), self.path("credentials/master.key"))
        quiet = self.run_tool("smretain", "get", identity, "-o", self.path("again"),
                              environment=self.within(CREDENTIALS_DIRECTORY=self.path("credentials")))
        self.assertEqual(quiet.stderr, b"")

    def test_a_wrong_master_key_opens_nothing(self):
        self.seal(0)
        identity = self.rows()[0]["id"]
        other = "A" * 43 + "="
        done = self.run_tool("smretain", "get", identity, "-o", self.path("mail"), status=None,
                             environment=self.within(SECURE_MAIL_MASTER_KEY=other))
        self.assertIn(done.returncode, (77, 78))
        self.assertFalse(os.path.exists(self.path("mail")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
