#!/usr/bin/python3
"""smsign keygen, dns and check, and the page's examples."""

import base64
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import unittest

from workbench import MAIL, SMSIGN, SOURCE, Workbench

NAME = "mail._domainkey.example.com"


class Keys(Workbench):
    def test_keys_are_secret_and_of_the_size_asked_for(self):
        for arguments, words in (
            (["--algorithm", "rsa"], "2048 bit"),
            (["--algorithm", "rsa", "--bits", "3072"], "3072 bit"),
            (["--algorithm", "ed25519"], "ED25519"),
            ([], "2048 bit"),
        ):
            path = self.folder / "new.pem"
            done = self.run_smsign(["keygen", *arguments, "--out", path])
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            shown = subprocess.run(
                ["openssl", "pkey", "-in", path, "-noout", "-text"], check=True,
                stdout=subprocess.PIPE,
            ).stdout.decode()
            self.assertIn(words, shown)
            path.unlink()

    def test_an_existing_file_is_kept(self):
        before = (self.folder / "rsa.pem").read_bytes()
        done = self.run_smsign(["keygen", "--out", "rsa.pem"])
        self.assert_refused(done, 74, "rsa.pem")
        self.assertEqual((self.folder / "rsa.pem").read_bytes(), before)
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith(".")], [])

    def test_sizes_that_are_not_made(self):
        for arguments in (
            ["--bits", "1024"], ["--bits", "16384"], ["--bits", "2048x"],
            ["--algorithm", "ed25519", "--bits", "2048"], ["--algorithm", "dsa"], [],
        ):
            done = self.run_smsign(["keygen", *arguments] + (["--out", "x.pem"] if arguments else []))
            self.assertEqual(done.returncode, 64, arguments)
            self.assertFalse((self.folder / "x.pem").exists())

    def dns(self, *more, selector="mail", key="rsa.pem"):
        return self.run_checked(
            ["dns", "--domain", "example.com", "--selector", selector, "--key", key, *more]
        ).decode()

    def test_the_record_holds_the_public_key(self):
        raw = self.dns("--format", "raw")
        self.assertEqual(raw.count("\n"), 1)
        self.assertTrue(raw.startswith("v=DKIM1; k=rsa; p="))
        public = subprocess.run(
            ["openssl", "pkey", "-in", self.folder / "rsa.pem", "-pubout", "-outform", "DER"],
            check=True, stdout=subprocess.PIPE,
        ).stdout
        self.assertEqual(base64.b64decode(raw.strip().split("p=")[1], validate=True), public)
        edge = self.dns("--format", "raw", key="edge.pem", selector="edge").strip()
        self.assertTrue(edge.startswith("v=DKIM1; k=ed25519; p="))
        raw_key = base64.b64decode(edge.split("p=")[1], validate=True)
        self.assertEqual(len(raw_key), 32)  # RFC 8463: raw, not DER

    def test_every_format_says_the_same(self):
        raw = self.dns("--format", "raw").strip()
        zone = self.dns()
        self.assertEqual(zone, self.dns("--format", "zone"))
        self.assertTrue(zone.startswith(f"{NAME}.\t"))
        strings = re.findall(r'"([^"]*)"', zone)
        self.assertGreater(len(strings), 1)
        self.assertLessEqual(max(map(len, strings)), 255)
        self.assertEqual("".join(strings), raw)
        said = json.loads(self.dns("--format", "json"))
        self.assertEqual(said["name"], NAME)
        self.assertEqual(said["type"], "TXT")
        self.assertEqual(said["content"], raw)
        self.assertEqual("".join(said["strings"]), raw)
        self.assertEqual(json.loads(self.dns("--json")), said)
        update = self.dns("--format", "nsupdate").splitlines()
        self.assertEqual(update[0], f"update delete {NAME}. TXT")
        self.assertEqual("".join(re.findall(r'"([^"]*)"', update[1])), raw)
        self.assertEqual(update[2], "send")

    @unittest.skipUnless(shutil.which("opendkim-genkey"), "SKIP: no opendkim-genkey")
    def test_opendkim_genkey_would_publish_the_same_key(self):
        subprocess.run(["opendkim-genkey", "-b", "2048", "-d", "example.com", "-s", "theirs", "-D", "."],
                       cwd=self.folder, check=True, capture_output=True)
        text = (self.folder / "theirs.txt").read_text()
        self.assertTrue(text.startswith("theirs._domainkey"))
        theirs = "".join(re.findall(r'"([^"]*)"', text))
        ours = self.dns("--format", "raw", selector="theirs", key="theirs.private").strip()
        tags = [dict(re.findall(r"(\w+)=([^;]*)", record)) for record in (theirs, ours)]
        self.assertEqual(tags[0]["p"], tags[1]["p"])
        self.assertEqual((tags[0]["v"], tags[0]["k"]), (tags[1]["v"], tags[1]["k"]))
        # What they say beside it (h=sha256) narrows nothing that is in use here.
        done = self.check(f"theirs._domainkey.example.com TXT {theirs}\n", key="theirs.private",
                          selector="theirs")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_a_zone_with_the_record_loads(self):
        checker = shutil.which("kzonecheck") or shutil.which("ldns-read-zone")
        if not checker:
            self.skipTest("SKIP: neither kzonecheck nor ldns-read-zone is installed")
        zone = (
            "$ORIGIN example.com.\n@ 3600 IN SOA ns a 1 1 1 1 1\n@ 3600 IN NS ns\n"
            "ns 3600 IN A 192.0.2.1\n" + self.dns() + self.dns(selector="edge", key="edge.pem")
        )
        path = self.write("zone", zone)
        arguments = [path] if "ldns" in checker else ["-o", "example.com", path]
        done = subprocess.run([checker, *arguments], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def check(self, lines, *more, key="rsa.pem", selector="mail"):
        self.write("d", lines)
        arguments = ["check", "--domain", "example.com", "--selector", selector, "--dns-file", "d"]
        return self.run_smsign(arguments + (["--key", key] if key else []) + list(more))

    def test_check_compares_what_is_published(self):
        der = self.rsa_record.split("p=")[1]
        doubled = f"mail._domainkey.example.com.example.com TXT {self.rsa_record}\n"
        for status, words, lines in (
            (0, "is this private key's", self.dns_lines(self.rsa_record)),
            (1, "is not this private key's", self.dns_lines(self.other_record)),
            (1, "there is no key", "x.example A 192.0.2.1\n"),
            (1, "final dot is missing", doubled),
            (1, "revoked", f"{NAME} TXT v=DKIM1; p=\n"),
            (1, "several key records", self.dns_lines(self.rsa_record) * 2),
            (1, "comes twice", f"{NAME} TXT v=DKIM1; p={der}; p={der}\n"),
            (1, "quotation marks", f'{NAME} TXT v=DKIM1; p={der[:99]}" "{der[99:]}\n'),
            (1, "backslashes", f"{NAME} TXT v=DKIM1\\; k=rsa\\; p={der}\n"),
            (1, "should be: v=DKIM1", f"{NAME} TXT v=DKIM1; k=rsa\n"),
            (75, "DNS failure", f"{NAME} SERVFAIL\n"),
            (75, "DNSSEC validation failed", f"{NAME} BOGUS\n"),
            (0, "t=y says that this is a test", f"{NAME} TXT v=DKIM1; t=y; p={der}\n"),
            (0, "DNSSEC: secure", self.dns_lines(self.rsa_record) + "example.com SECURE\n"),
        ):
            with self.subTest(words):
                done = self.check(lines)
                self.assertEqual(done.returncode, status, done.stdout)
                self.assertIn(words, done.stdout.decode())
                said = json.loads(self.check(lines, "--json").stdout)
                expected = {0: "good", 1: "bad", 75: "undetermined"}[status]
                self.assertEqual(said["result"], expected)

    def test_check_without_a_key_judges_the_record(self):
        self.assertEqual(self.check(self.dns_lines(self.rsa_record), key=None).returncode, 0)
        self.assertEqual(self.check(f"{NAME} TXT v=DKIM1; p=\n", key=None).returncode, 1)
        self.assertEqual(self.check("x.example A 192.0.2.1\n", key=None).returncode, 1)

    def test_half_of_the_flags_is_wrong_usage(self):
        for arguments in (
            ["dns", "--domain", "example.com", "--selector", "a"],
            ["dns", "--domain", "example.com", "--key", "rsa.pem"],
            ["dns", "--selector", "a", "--key", "rsa.pem"],
            ["dns", "--domain", "exa mple", "--selector", "a", "--key", "rsa.pem"],
            ["dns", "--domain", "example.com", "--selector", "a..b", "--key", "rsa.pem"],
            ["dns", "--domain", "example.com", "--selector", "a", "--key", "rsa.pem", "--format", "x"],
            ["check", "--domain", "example.com"],
            ["verify", "--domain", "example.com"],
            ["nonsense"],
        ):
            self.assertEqual(self.run_smsign(arguments).returncode, 64, arguments)

    def test_the_examples_of_the_page_run(self):
        page = (SOURCE / "man/smsign.1").read_text()
        examples = page.split(".Sh EXAMPLES")[1].split(".Sh SEE ALSO")[0]
        blocks = re.findall(r"\.Bd -literal -offset indent\n(.*?)\.Ed|^\.Dl (.*?)$", examples,
                            re.DOTALL | re.MULTILINE)
        commands = [(block or line).replace("\\e", "\\").replace("\\(dq", '"')
                    for block, line in blocks]
        self.assertEqual(len(commands), 7)
        place = self.folder / "examples"
        place.mkdir()
        (place / "message.eml").write_text(MAIL)
        environment = {**self.environment(), "PATH": f"{pathlib.Path(SMSIGN).parent}:{os.environ['PATH']}"}

        def run(script):
            return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=place,
                                  env=environment, capture_output=True, text=True)

        for command in (commands[0], commands[2], commands[3]):
            done = run(command)
            self.assertEqual(done.returncode, 0, f"{command}: {done.stderr}")
        self.assertTrue(done.stdout.startswith("pass d=example.com s=mail"))
        done = run(commands[1].rstrip("\n") + " --dns-file dns")
        self.assertEqual(done.returncode, 0, done.stderr)
        shutil.copy(place / "signed.eml", place / "complaint.eml")
        done = run(commands[4].replace("--explain", "--explain --dns-file dns"))
        self.assertEqual(done.returncode, 0, done.stderr)
        done = run(commands[5].replace("--json", "--json --dns-file dns"))
        self.assertEqual(done.stdout, "example.com\n", done.stderr)
        self.assertIn("smsign rotate --domain example.com", commands[6])


if __name__ == "__main__":
    unittest.main()
