#!/usr/bin/python3
"""smsign verify --explain: each known damage is done to a signed message, and is named."""

import hashlib
import json
import unittest

from workbench import MAIL, Workbench

MULTIPART = (
    MAIL.split("\n\n", 1)[0]
    + "\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=xyz\n\n"
    "--xyz\nContent-Type: text/plain\n\nfirst part\n\n"
    "--xyz\nContent-Type: text/plain\n\nsecond part\n--xyz--\n"
)


class Explain(Workbench):
    def explain(self, mail, dns="dns", index=0):
        done = self.verify(mail, "--explain", "--json", dns=dns)
        self.assertNotIn(done.returncode, (64, 65, 70), done.stderr)
        said = json.loads(done.stdout.decode().splitlines()[index])
        self.assertNotEqual(said["result"], "pass")
        return said

    def assert_cause(self, mail, code, evidence="", dns="dns"):
        said = self.explain(mail, dns)
        causes = {cause["code"]: cause for cause in said["causes"]}
        self.assertIn(code, causes, said)
        self.assertIn(evidence, causes[code]["sentence"] + causes[code]["evidence"])
        self.assertFalse(said["unexplained"], said)
        return said

    def python_signed(self, mail, canons=(b"simple", b"simple"), **options):
        import dkim

        mail = mail.replace("\n", "\r\n").encode() if isinstance(mail, str) else mail
        field = dkim.sign(
            mail, b"mail", b"example.com", (self.folder / "rsa.pem").read_bytes(),
            canonicalize=canons, **options,
        )
        return field, mail

    def crafted(self, body_bytes, mail=MAIL, canons="relaxed/relaxed"):
        """Signed with the hash of these very bytes as bh=, as a signer with a fault would."""
        import base64

        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding

        bh = base64.b64encode(hashlib.sha256(body_bytes).digest()).decode()
        unsigned = (
            f"DKIM-Signature: v=1; a=rsa-sha256; c={canons}; d=example.com; s=mail; h=from;"
            f" bh={bh}; b=AAAA\n{mail}"
        )
        header = self.verify(unsigned, "--canonical", "header").stdout
        key = serialization.load_pem_private_key((self.folder / "rsa.pem").read_bytes(), None)
        made = base64.b64encode(key.sign(header, padding.PKCS1v15(), hashes.SHA256())).decode()
        return unsigned.replace("b=AAAA", f"b={made}", 1)

    def test_an_appended_footer(self):
        signed = self.sign().decode()
        footer = "_______\nlist mailing list\nlist@example.org\n"
        self.assert_cause(signed + footer, "footer-appended", "3 lines")
        self.assert_cause(signed + "\n\n" + footer, "footer-appended", "mailing list")
        empty = self.sign(MAIL.split("\n\n")[0] + "\n\n").decode()
        self.assert_cause(empty + footer, "footer-appended", "empty when it was signed")

    def test_a_footer_inside_a_mime_part(self):
        signed = self.sign(MULTIPART).decode()
        damaged = signed.replace("second part\n", "second part\n-- \nchecked by nobody\n")
        self.assert_cause(damaged, "footer-in-part", "checked by nobody")
        part = "--xyz\nContent-Type: text/plain\n\nlist footer\n"
        self.assert_cause(signed.replace("--xyz--", part + "--xyz--"), "footer-in-part", "footer")

    def test_a_banner(self):
        signed = self.sign().decode()
        banner = "CAUTION: this message came from outside.\n\n"
        damaged = signed.replace("Dear Bob", banner + "Dear Bob")
        self.assert_cause(damaged, "banner-inserted", "CAUTION")
        deep = self.sign(MULTIPART).decode().replace("first part", "CAUTION\nfirst part")
        said = self.explain(deep)
        self.assertIn(said["causes"][0]["code"], ("banner-inserted", "footer-in-part"))

    def test_line_ends(self):
        body = MAIL.split("\n\n", 1)[1]
        relaxed = body.replace("  ", " ")
        self.assert_cause(self.crafted(relaxed.encode()), "line-ends-lf")
        signed = self.sign().decode()
        head, rest = signed.split("\n\n", 1)
        wire = head.replace("\n", "\r\n") + "\r\n\r\n"
        self.assert_cause((wire + rest.replace("\n", "\r\r\n")).encode(), "line-ends-cr-added")
        self.assert_cause((wire + rest.replace("\n", "\r")).encode(), "line-ends-cr")

    def test_the_last_line_end(self):
        canonical = MAIL.split("\n\n", 1)[1].replace("  ", " ").replace("\n", "\r\n").encode()
        self.assert_cause(self.crafted(canonical[:-2]), "last-line-end-missing")
        self.assert_cause(self.crafted(canonical + b"\r\n\r\n", MAIL + "\n\n"),
                          "last-empty-lines-kept")

    def test_dot_stuffing(self):
        signed = self.sign().decode()
        self.assert_cause(signed.replace("\n.dot", "\n..dot"), "dot-stuffing-left-in")
        stuffed = MAIL.replace("\n.dot", "\n..dot")
        self.assert_cause(self.sign(stuffed).decode().replace("\n..dot", "\n.dot"),
                          "dot-stuffing-signed")

    def test_mbox_quoting(self):
        signed = self.sign(MAIL + "From here\n>From there\n").decode()
        self.assert_cause(signed.replace("\nFrom here", "\n>From here")
                          .replace("\n>From there", "\n>>From there"), "mbox-from-quoted")
        quoted = self.sign(MAIL + ">From here\n").decode()
        self.assert_cause(quoted.replace(">From here", "From here"), "mbox-from-unquoted")

    def test_long_lines_that_were_broken(self):
        signed = self.sign(MAIL + "x" * 1500 + "\n").decode()
        self.assert_cause(signed.replace("x" * 1500, "x" * 998 + "\n " + "x" * 502),
                          "long-lines-broken")

    def test_white_space_that_was_changed(self):
        signed = self.sign(
            MAIL.replace("  ", " "), more=["--canonicalization", "relaxed/simple"]
        ).decode()
        self.assert_cause(signed.replace("Anna\n", "Anna \t\n"), "white-space-changed")

    def test_a_repeated_or_added_field(self):
        signed = self.sign().decode()
        self.assert_cause("Subject: another\n" + signed, "field-added", "another")
        self.assert_cause(signed.replace("To: Bob", "To: evil@example.net\nTo: Bob"), "field-added",
                          "repeated")
        self.assert_cause("Cc: all@example.net\n" + signed, "field-added", "cc was added")

    def test_repeated_fields_in_another_order(self):
        mail = "Subject: first\n" + MAIL
        signed = self.sign(mail).decode()
        swapped = signed.replace("Subject: first\n", "").replace(
            "Subject: invoice  12\n", "Subject: invoice  12\nSubject: first\n"
        )
        self.assert_cause(swapped, "field-order")

    def test_refolded_fields(self):
        mail = MAIL.replace("invoice  12", "a long\n subject that\n is folded")
        field, wire = self.python_signed(mail)
        self.assert_cause(field + wire.replace(b"\r\n subject", b"\r\n\tsubject")
                          .replace(b"\r\n is", b"\r\n\tis"), "field-refolded")
        field, wire = self.python_signed(MAIL)
        self.assert_cause(field + wire.replace(b"Subject: ", b"Subject:"), "field-refolded")
        relaxed = self.sign().decode()
        self.assert_cause(relaxed.replace("anna@example.com", "anna@\n example.com"),
                          "field-refolded", "from was written differently")

    def test_a_refolded_signature(self):
        field, wire = self.python_signed(MAIL)
        said = self.explain(field.replace(b"\r\n ", b"\r\n\t") + wire)
        codes = {cause["code"] for cause in said["causes"]}
        self.assertTrue(codes & {"signature-refolded", "fields-refolded"}, said)

    def test_a_prefixed_subject(self):
        signed = self.sign().decode()
        self.assert_cause(signed.replace("invoice  12", "[list] invoice  12"), "subject-prefixed",
                          "[list]")
        self.assert_cause(signed.replace("invoice  12", "***SPAM*** Re: invoice  12"),
                          "subject-prefixed")

    def test_a_rewritten_author(self):
        signed = self.sign().decode()
        rewritten = signed.replace("From: Anna Bakker <anna@example.com>",
                                   "From: Anna via list <anna@example.com>\n"
                                   "X-Original-From: Anna Bakker <anna@example.com>")
        self.assert_cause(rewritten, "from-rewritten")

    def test_another_encoding(self):
        signed = self.sign("Content-Transfer-Encoding: 8bit\n" + MAIL).decode()
        self.assert_cause(signed.replace("Encoding: 8bit", "Encoding: quoted-printable"),
                          "body-reencoded")

    def test_a_mailing_list_does_both(self):
        signed = self.sign().decode()
        damaged = signed.replace("invoice  12", "[list] invoice  12") + "-- \nlist footer\n"
        said = self.explain(damaged)
        self.assertEqual({cause["code"] for cause in said["causes"]},
                         {"footer-appended", "subject-prefixed"})

    def test_keys(self):
        signed = self.sign().decode()
        self.write("d", self.dns_lines(self.other_record))
        self.assert_cause(signed, "wrong-key", "did not make this signature", dns="d")
        der, other = self.rsa_record.split("p=")[1], self.other_record.split("p=")[1]
        self.write("d", f"mail._domainkey.example.com TXT v=DKIM1; p={other}; p={der}\n")
        self.assert_cause(signed, "key-record-doubled", "key 2 of 2", dns="d")
        self.write("d", self.dns_lines(self.rsa_record) + self.dns_lines(self.other_record))
        self.assert_cause(signed, "key-record-doubled", "several key records", dns="d")
        name = "mail._domainkey.example.com"
        self.write("d", f'{name} TXT v=DKIM1; k=rsa; p={der[:90]}" "{der[90:]}\n')
        self.assert_cause(signed, "key-record-broken", "cannot be used", dns="d")
        self.write("d", f"{name} TXT v=DKIM2; k=rsa; p={der}\n")
        self.assert_cause(signed, "key-record-broken", "another version", dns="d")

    def test_ed25519_is_explained_too(self):
        signed = self.sign(MAIL, self.BOTH).decode()
        damaged = signed.replace("invoice  12", "[list] invoice  12")
        said = self.explain(damaged, index=1)
        self.assertEqual(said["a"], "ed25519-sha256")
        self.assertEqual(said["causes"][0]["code"], "subject-prefixed")

    def test_both_hashes_are_shown(self):
        signed = self.sign().decode()
        said = self.explain(signed.replace("below", "above"))
        facts = "\n".join(said["facts"])
        self.assertIn(said["bh"], facts)
        self.assertIn(said["body_hash"], facts)
        said = self.explain(signed.replace("invoice  12", "invoice  13"))
        facts = "\n".join(said["facts"])
        self.assertIn(said["header_hash"], facts)
        self.assertIn("header hash when it was signed (from b=)", facts)

    def test_where_nothing_fits_it_says_so(self):
        signed = self.sign().decode()
        said = self.explain(signed.replace("below", "above"))
        self.assertTrue(said["unexplained"])
        self.assertEqual(said["causes"], [])
        self.assertGreater(len(said["tried"]), 10)
        said = self.explain(signed.replace("invoice  12", "invoice  13"))
        self.assertTrue(said["unexplained"])
        text = self.verify(signed.replace("invoice  12", "invoice  13"), "--explain").stdout.decode()
        self.assertIn("no known damage explains it", text)

    def test_the_sentences_name_cause_and_evidence(self):
        signed = self.sign().decode()
        done = self.verify(signed + "footer text\n", "--explain")
        self.assertEqual(done.returncode, 1)
        text = done.stdout.decode()
        self.assertIn("cause: footer-appended: text was appended to the body: 1 lines", text)
        self.assertIn('"footer text"', text)
        good = self.verify(signed, "--explain")
        self.assertEqual(good.returncode, 0)
        self.assertIn("the key verifies b=", good.stdout.decode())
        self.assertNotIn("cause:", good.stdout.decode())

    def test_a_large_body_is_explained_in_seconds(self):
        mail = MAIL + "line of text, and more of it\n" * 200_000
        signed = self.sign(mail).decode()
        self.assert_cause(signed + "footer\n", "footer-appended", "footer")
        said = self.explain(signed.replace("line of text", "lime of text", 1))
        self.assertTrue(said["unexplained"])


if __name__ == "__main__":
    unittest.main()
