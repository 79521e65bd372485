#!/usr/bin/python3
"""smsign verify: verdicts, exit statuses, key states, and what is printed."""

import base64
import json
import re
import subprocess
import unittest

from workbench import MAIL, SMSIGN, Workbench, tags_of

NAME = "mail._domainkey.example.com"


class Verify(Workbench):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.signed = cls.run_checked(["sign", *cls.RSA], MAIL)
        cls.both = cls.run_checked(["sign", *cls.BOTH], MAIL)

    def with_dns(self, lines):
        self.write("other-dns", lines)
        return "other-dns"

    def test_one_line_a_signature_and_yes(self):
        done = self.assert_verdict(self.both, 0, "pass d=example.com s=mail a=rsa-sha256 ")
        self.assertEqual(done.stderr, b"")
        lines = done.stdout.decode().splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[1], r"^pass d=example.com s=edge a=ed25519-sha256 .*DNSSEC: insecure")

    def test_line_ends_of_the_file_do_not_matter(self):
        self.assert_verdict(self.signed.replace(b"\n", b"\r\n"), 0, "pass")

    def test_a_changed_body_or_header_fails(self):
        self.assert_verdict(self.signed.replace(b"below", b"above"), 1, ("fail", "body hash"))
        self.assert_verdict(self.signed.replace(b"invoice  12", b"invoice 13"), 1,
                            ("fail", "signature mismatch"))

    def test_the_dnssec_state_is_shown(self):
        dns = self.with_dns(self.dns_lines(self.rsa_record) + "example.com SECURE\n")
        self.assert_verdict(self.signed, 0, ("pass", "DNSSEC: secure"), dns=dns)

    def test_no_signature_is_no(self):
        done = self.verify(MAIL)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"no DKIM-Signature", done.stderr)

    def test_a_signature_of_somebody_else_says_nothing_about_the_author(self):
        mail = MAIL.replace("anna@example.com", "anna@victim.example")
        signed = self.sign(mail)
        self.assert_verdict(signed, 1, "pass d=example.com")

    def test_a_domain_above_the_authors_speaks_for_it(self):
        mail = MAIL.replace("anna@example.com", "anna@mail.example.com")
        self.assert_verdict(self.sign(mail), 0, "pass")
        done = self.run_smsign(
            ["sign", "--domain", "sub.example.com", "--selector", "mail", "--key", "rsa.pem"], MAIL
        )
        dns = self.with_dns(f"mail._domainkey.sub.example.com TXT {self.rsa_record}\n")
        self.assert_verdict(done.stdout, 1, "pass d=sub.example.com", dns=dns)

    def test_key_states_are_told_apart(self):
        der = self.rsa_record.split("p=")[1]
        weak = subprocess.run(
            "openssl genrsa 512 2>/dev/null | openssl rsa -pubout -outform DER 2>/dev/null",
            shell=True, check=True, stdout=subprocess.PIPE,
        ).stdout
        for status, verdict, lines in (
            (1, ("permerror", "no key"), f"{NAME} NXDOMAIN\n"),
            (1, ("permerror", "no key"), "unrelated.example A 192.0.2.1\n"),
            (75, ("temperror", "DNS failure"), f"{NAME} SERVFAIL\n"),
            (75, ("temperror", "DNS failure"), f"{NAME} TIMEOUT\n"),
            (75, ("temperror", "DNSSEC validation failed"), f"{NAME} BOGUS\n"),
            (1, ("permerror", "key revoked"), f"{NAME} TXT v=DKIM1; p=\n"),
            (1, ("permerror", "the tag p= comes twice"), f"{NAME} TXT v=DKIM1; p={der}; p={der}\n"),
            (1, ("permerror", "several"), self.dns_lines(self.rsa_record) * 2),
            (1, ("permerror", "several"),
             self.dns_lines(self.rsa_record) + self.dns_lines(self.other_record)),
            (1, ("permerror", "another type"), f"{NAME} TXT v=DKIM1; k=dsa; p={der}\n"),
            (1, ("permerror", "cannot be read"), f"{NAME} TXT v=DKIM1; k=ed25519; p={der}\n"),
            (1, ("permerror", "another type"), f"{NAME} TXT {self.edge_record}\n"),
            (1, ("permerror", "not for sha256"), f"{NAME} TXT v=DKIM1; h=sha1; p={der}\n"),
            (1, ("permerror", "not for email"), f"{NAME} TXT v=DKIM1; s=other; p={der}\n"),
            (1, ("permerror", "another version"), f"{NAME} TXT v=DKIM2; p={der}\n"),
            (1, ("permerror", "too long"), f"{NAME} TXT v=DKIM1; p={'A' * 4100}\n"),
            (1, ("permerror", "cannot be read"), f"{NAME} TXT v=DKIM1; p=!!!\n"),
            (1, ("permerror", "malformed"), f"{NAME} TXT v=DKIM1; k=rsa\n"),
            (1, ("permerror", "malformed"), f"{NAME} TXT just text\n"),
            (1, ("policy", "key too small"),
             f"{NAME} TXT v=DKIM1; p={base64.b64encode(weak).decode()}\n"),
            (1, ("fail", "signature mismatch"), self.dns_lines(self.other_record)),
            (0, ("pass", "t=y"), f"{NAME} TXT v=DKIM1; t=y; p={der}\n"),
            (0, "pass", f"{NAME} TXT v=DKIM1; t=s; p={der}\n"),
            (0, "pass", f"{NAME} TXT v=DKIM1; p={der}\n{NAME} TXT v=spf1 -all\n"),
        ):
            with self.subTest(lines[:60]):
                self.assert_verdict(self.signed, status, verdict, dns=self.with_dns(lines))

    def test_strict_keys_forbid_identities_of_subdomains(self):
        signed = self.sign(more=["--identity", "@sub.example.com"])
        self.assert_verdict(signed, 0, "pass")
        der = self.rsa_record.split("p=")[1]
        dns = self.with_dns(f"{NAME} TXT v=DKIM1; t=s; p={der}\n")
        self.assert_verdict(signed, 1, ("permerror", "t=s"), dns=dns)

    def test_one_good_signature_among_bad_ones_is_enough(self):
        dns = self.with_dns(self.dns_lines(self.other_record, self.edge_record))
        done = self.verify(self.both, dns=dns)
        self.assertEqual(done.returncode, 0)
        verdicts = [line.split()[0] for line in done.stdout.decode().splitlines()]
        self.assertEqual(verdicts, ["fail", "pass"])
        dns = self.with_dns(f"{NAME} SERVFAIL\n" + self.dns_lines("", self.edge_record).split("\n")[1])
        self.assertEqual(self.verify(self.both, dns=dns).returncode, 0)

    def test_expiry_counts_against_the_time_of_receipt(self):
        signed = self.sign(more=["--expire", "1d", "--now", "1795310360"])
        self.assert_verdict(signed, 0, "pass", "--now", "1795310360")
        self.assert_verdict(signed, 0, "pass", "--now", "1795396760")
        self.assert_verdict(signed, 1, ("policy", "expired"), "--now", "1795396761")
        self.assert_verdict(signed, 1, ("policy", "expired"), "--now", "2026-12-24T00:00:00Z")

    def changed(self, old, new):
        """The signature's field with one thing changed: no hash is right any more."""
        text = self.signed.decode()
        self.assertRegex(text, old)
        return re.sub(old, new, text, count=1)

    def test_broken_signatures_have_their_own_words(self):
        for verdict, words, old, new in (
            ("permerror", "rsa-sha1", "rsa-sha256", "rsa-sha1"),
            ("neutral", "rsa-md5 is not known", "rsa-sha256", "rsa-md5"),
            ("permerror", "d= comes twice", "d=example.com;", "d=example.com; d=example.com;"),
            ("permerror", "v=2", "v=1", "v=2"),
            ("permerror", "no v= tag", "v=1; ", ""),
            ("permerror", "From is not signed", "from:from:", ""),
            ("permerror", "i= is outside", "s=mail;", "s=mail; i=@evil.example;"),
            ("permerror", "x= is not after t=", "s=mail;", "s=mail; x=1;"),
            ("permerror", "bh= is no SHA-256", "bh=", "bh=AAAA"),
            ("permerror", "b= is not base64", " b=", " b=*"),
            ("permerror", "canonicalization", "relaxed/relaxed", "relaxed/fancy"),
            ("permerror", "more than the body", "s=mail;", "s=mail; l=999999;"),
            ("permerror", "a tag without", "s=mail;", "s=mail; nonsense;"),
        ):
            with self.subTest(new):
                self.assert_verdict(self.changed(old, new), 1, (verdict, words))

    def craft(self, tags, mail=MAIL):
        """A message signed by hand, with any tags: `tags` lacks only b=."""
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding

        key = serialization.load_pem_private_key((self.folder / "rsa.pem").read_bytes(), None)
        unsigned = f"DKIM-Signature: {tags}; b=AAAA\n{mail}"
        header = self.verify(unsigned, "--canonical", "header").stdout
        made = key.sign(header, padding.PKCS1v15(), hashes.SHA256())
        return unsigned.replace("b=AAAA", "b=" + base64.b64encode(made).decode(), 1)

    def usual_tags(self, more=""):
        bh = tags_of(self.signed)["bh"]
        return (
            f"v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=mail; h=from:to; bh={bh}{more}"
        )

    def test_unknown_tags_are_ignored(self):
        self.assert_verdict(self.craft(self.usual_tags()), 0, "pass")
        self.assert_verdict(self.craft(self.usual_tags("; unknown=1; r=y; q=dns/txt")), 0, "pass")

    def test_the_default_of_c_is_simple(self):
        tags = self.usual_tags().replace(" c=relaxed/relaxed;", "")
        self.assert_verdict(self.craft(tags), 1, ("fail", "body hash mismatch"))
        simple = self.sign(more=["--canonicalization", "simple/simple"])
        tags = tags.replace(tags_of(self.signed)["bh"], tags_of(simple)["bh"])
        self.assert_verdict(self.craft(tags), 0, "pass")

    def test_a_length_leaves_room_for_anybodys_text(self):
        import dkim

        mail = MAIL.replace("\n", "\r\n").encode()
        field = dkim.sign(
            mail, b"mail", b"example.com", (self.folder / "rsa.pem").read_bytes(),
            canonicalize=(b"relaxed", b"simple"), length=True,
        )
        self.assertIn(b" l=", field)
        self.assert_verdict(field + mail, 0, "pass")
        self.assert_verdict(field + mail + b"appended\r\n", 1, ("policy", "10 octets"))

    def test_names_are_consumed_from_the_bottom_up(self):
        more = MAIL.replace("Subject:", "Subject: upper\nSubject:")
        self.assert_verdict(self.sign(more), 0, "pass")
        swapped = self.sign(more).replace(b"Subject: upper\nSubject: invoice  12",
                                          b"Subject: invoice  12\nSubject: upper")
        self.assert_verdict(swapped, 1, ("fail", "signature mismatch"))

    def test_no_more_than_ten_signatures_are_looked_at(self):
        many = self.signed
        for _ in range(10):
            many = self.sign(many)
        done = self.verify(many)
        verdicts = [line.split()[0] for line in done.stdout.decode().splitlines()]
        self.assertEqual(verdicts, ["pass"] * 10 + ["neutral"])

    def test_nothing_passes_where_the_author_is_unclear(self):
        head, _, rest = self.signed.decode().partition("From: Anna Bakker <anna@example.com>\n")
        for name, author in {
            "group": "From: Friends: anna@example.com;\n",
            "two authors": "From: anna@example.com, bob@example.com\n",
            "space before the colon": "From : Anna Bakker <anna@example.com>\n",
            "none": "",
            "empty": "From: \n",
        }.items():
            with self.subTest(name):
                done = self.verify(head + author + rest)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertNotIn(b"pass", done.stdout)
        done = self.verify("From: evil@example.com\n" + self.signed.decode())
        self.assertEqual(done.returncode, 1)
        self.assertNotIn(b"pass", done.stdout)

    def test_two_from_fields_that_are_both_signed_pass_nowhere(self):
        import dkim

        mail = ("From: evil@example.com\n" + MAIL).replace("\n", "\r\n").encode()
        field = dkim.sign(
            mail, b"mail", b"example.com", (self.folder / "rsa.pem").read_bytes(),
            include_headers=[b"from", b"from", b"subject"], canonicalize=(b"relaxed", b"relaxed"),
        )
        self.assert_verdict(field + mail, 1, ("permerror", "2 From fields"))

    def test_json_has_what_was_found(self):
        done = self.verify(self.both, "--json")
        first, second = map(json.loads, done.stdout.splitlines())
        tags = tags_of(self.both)
        self.assertEqual(first["result"], "pass")
        self.assertEqual((first["d"], first["s"], first["a"]), ("example.com", "mail", "rsa-sha256"))
        self.assertTrue(first["author"])
        self.assertEqual(first["bh"], tags["bh"])
        self.assertEqual(first["bh"], first["body_hash"])
        self.assertEqual(first["h"], tags["h"].split(":"))
        self.assertEqual(first["t"], int(tags["t"]))
        self.assertEqual(first["key"]["state"], "usable")
        self.assertEqual(first["key"]["bits"], 2048)
        self.assertEqual(first["dnssec"], "insecure")
        import hashlib

        self.assertEqual(first["b_sha256"], hashlib.sha256(tags["b"].encode()).hexdigest())
        self.assertEqual(second["a"], "ed25519-sha256")

    def test_hostile_words_do_not_drive_a_terminal(self):
        text = self.changed("d=example.com", "d=ex\x1b]0;owned\x07ample")
        done = self.verify(text)
        self.assertNotIn(b"\x1b", done.stdout + done.stderr)
        done = self.verify(self.changed("s=mail", "s=\u202email"))
        self.assertNotIn("\u202e".encode(), done.stdout)

    def test_authentication_results(self):
        done = self.verify(self.both, "--authentication-results", "mx.example.net")
        field = done.stdout.decode()
        self.assertEqual(done.returncode, 0)
        self.assertTrue(field.startswith("Authentication-Results: mx.example.net;\n\tdkim=pass "))
        self.assertIn("header.d=example.com header.i=@example.com header.s=mail", field)
        self.assertIn("header.a=ed25519-sha256", field)
        self.assertEqual(field.count("dkim="), 2)
        done = self.verify(MAIL, "--authentication-results", "mx.example.net")
        self.assertEqual(done.stdout, b"Authentication-Results: mx.example.net; dkim=none\n")
        self.assertEqual(done.returncode, 1)
        done = self.verify(self.signed.replace(b"below", b"above"), "--authentication-results", "mx")
        self.assertIn(b'dkim=fail reason="body hash mismatch" header.d=example.com', done.stdout)
        self.assertEqual(self.verify(MAIL, "--authentication-results", "a b").returncode, 64)
        # Another reader takes it apart.
        import email

        message = email.message_from_bytes(
            self.verify(self.both, "--authentication-results", "mx.example.net").stdout + b"\nx\n"
        )
        self.assertEqual(len(message.items()), 1)

    def test_the_canonical_bytes_have_the_hashes(self):
        import hashlib

        body = self.verify(self.signed, "--canonical", "body").stdout
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        self.assertEqual(digest, tags_of(self.signed)["bh"])
        header = self.verify(self.both, "--canonical", "header", "--signature", "2").stdout
        said = json.loads(self.verify(self.both, "--json").stdout.splitlines()[1])
        digest = base64.b64encode(hashlib.sha256(header).digest()).decode()
        self.assertEqual(digest, said["header_hash"])
        self.assertTrue(header.endswith(b"b="))
        self.assertEqual(self.verify(MAIL, "--canonical", "body").returncode, 65)
        self.assertEqual(self.verify(self.signed, "--canonical", "body", "--signature", "2").returncode, 65)

    def test_what_cannot_be_read_is_a_failure_not_a_no(self):
        self.assertEqual(self.verify("Subject x\nFrom: a@b\nDKIM\n\nx\n", dns="none").returncode, 66)
        self.write("broken-dns", "name only\n")
        self.assertEqual(self.verify(self.signed, dns="broken-dns").returncode, 65)
        head = self.signed.replace(b"\n\n", b"\nno field\n\n", 1)
        self.assertEqual(self.verify(head).returncode, 65)

    def test_the_last_line_end_may_be_missing(self):
        self.assert_verdict(self.signed[:-1], 0, "pass")

    def test_a_closed_stdout_is_no_verdict(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [SMSIGN, "verify", "--dns-file", "dns"], input=self.signed, stdout=full,
                stderr=subprocess.PIPE, cwd=self.folder, env=self.environment(),
            )
        self.assertEqual(done.returncode, 74)


if __name__ == "__main__":
    unittest.main()
