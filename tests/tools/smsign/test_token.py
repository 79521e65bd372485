#!/usr/bin/python3
"""Keys on a PKCS#11 token (softhsm2 through libengine-pkcs11-openssl): the private key stays there."""

import os
import pathlib
import shutil
import subprocess
import sys
import unittest

from workbench import MAIL, Workbench

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
ENGINES = pathlib.Path("/usr/lib").glob("*/engines-3/pkcs11.so")
if not shutil.which("softhsm2-util") or not os.path.exists(MODULE) or not any(ENGINES):
    print("SKIP: softhsm2 or libengine-pkcs11-openssl is not installed")
    sys.exit(77)


class Token(Workbench):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.folder / "tokens").mkdir()
        cls.write("softhsm.conf", f"directories.tokendir = {cls.folder}/tokens\n"
                                  "objectstore.backend = file\n")
        cls.token = {"SOFTHSM2_CONF": str(cls.folder / "softhsm.conf")}
        subprocess.run(
            ["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", cls.folder / "rsa.pem",
             "-out", cls.folder / "import.pem"], check=True,
        )
        for arguments in (
            ["--init-token", "--free", "--label", "mail", "--pin", "1234", "--so-pin", "4321"],
            ["--import", cls.folder / "import.pem", "--token", "mail", "--label", "dkim",
             "--id", "01", "--pin", "1234"],
        ):
            subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True,
                           env={**os.environ, **cls.token})
        cls.write("pin", "1234\n", 0o600)
        cls.uri = f"pkcs11:token=mail;object=dkim?pin-source={cls.folder}/pin&module-path={MODULE}"

    def with_token(self, arguments, data=b""):
        return self.run_smsign(arguments, data, environment=self.token)

    SIGN = ["--domain", "example.com", "--selector", "mail", "--key"]

    def test_a_message_signed_on_the_token_verifies(self):
        done = self.with_token([*self.SIGN, self.uri], MAIL)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assert_verdict(done.stdout, 0, "pass d=example.com s=mail a=rsa-sha256")
        both = self.with_token(
            [*self.SIGN, self.uri, "--selector2", "edge", "--key2", "edge.pem"], MAIL
        )
        self.assertEqual(self.verify(both.stdout).stdout.count(b"pass"), 2)

    def test_the_record_comes_from_the_token_too(self):
        done = self.with_token(["dns", *self.SIGN, self.uri, "--format", "raw"])
        self.assertEqual(done.stdout.decode().strip(), self.rsa_record)

    def test_a_wrong_pin_a_missing_key_and_a_missing_library_are_told_apart(self):
        self.write("bad-pin", "9999\n", 0o600)
        for status, uri in (
            (77, self.uri.replace("/pin&", "/bad-pin&")),
            (69, self.uri.replace("object=dkim", "object=none")),
            (69, self.uri.replace("token=mail", "token=none")),
            (69, self.uri.replace(MODULE, "/none.so")),
            (66, self.uri.replace("/pin&", "/no-pin&")),
        ):
            done = self.with_token([*self.SIGN, uri], MAIL)
            self.assertEqual(done.returncode, status, (uri, done.stderr))
            self.assertEqual(done.stdout, b"")
            self.assertNotIn(b"9999", done.stderr)

    def test_a_pin_on_the_command_line_is_refused(self):
        uri = f"pkcs11:token=mail;object=dkim?pin-value=1234&module-path={MODULE}"
        done = self.with_token([*self.SIGN, uri], MAIL)
        self.assert_refused(done, 64, "can be seen by everybody")
        self.assertNotIn(b"1234", done.stderr)

    def test_a_pin_file_that_others_can_read_is_refused(self):
        self.write("open-pin", "1234\n", 0o644)
        done = self.with_token([*self.SIGN, self.uri.replace("/pin&", "/open-pin&")], MAIL)
        self.assertEqual(done.returncode, 77)


if __name__ == "__main__":
    unittest.main()
