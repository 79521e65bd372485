#!/usr/bin/python3
"""Receipts: made by smaudit, judged by smaudit, by the script of its man page (common tools alone),
and by a second implementation; and every way to forge one."""

import base64
import json
import os
import re
import shutil
import subprocess

import audit_format
from audittest import MESSAGE, RECIPIENT, AuditTest, main

SOURCE = os.environ.get("SMTOOLS_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
STOCK_TOOLS = ("sh", "sha256sum", "base64", "xxd", "jq", "openssl", "sed", "tr", "cut", "mktemp")


def script_of_the_man_page():
    """The first shell script among the examples of smaudit(1), as a reader would copy it."""
    with open(os.path.join(SOURCE, "man", "smaudit.1"), encoding="utf-8") as page:
        script = re.search(r"^(#!/bin/sh\n.*?)^\.Ed$", page.read(), re.M | re.S).group(1)
    return re.sub(r"^\\&", "", script, flags=re.M).replace("\\e", "\\")


class Receipts(AuditTest):
    def setUp(self):
        super().setUp()
        missing = [tool for tool in STOCK_TOOLS if not shutil.which(tool)]
        self.assertEqual(missing, [], "the script needs them")
        self.script = self.write("check-receipt", script_of_the_man_page())

    def log_with_a_delivery(self):
        self.fill(6)
        self.append("submitted", MESSAGE % "Z", facts=["method=direct"], disclose=["recipient=anna@b.example"])
        self.append(
            "delivered",
            MESSAGE % "Z",
            RECIPIENT % "Q",
            facts=["level=verified", "mechanism=dane", "tls_version=TLSv1.3"],
            disclose=["recipient=anna@b.example", "reply=250 2.0.0 \u2713 queued as \"4X\"", "mx_host=mx.b.example"],
        )
        self.fill(4)
        self.checkpoint()
        self.key = self.write("key", self.read("log.vkey"))

    def create(self, name, *arguments, message=MESSAGE % "Z", status=0):
        self.run_tool("receipt", "create", *arguments, "-o", self.path(name), message, status=status)
        return self.path(name)

    def by_script(self, receipt, key=None, **environment):
        """The script's verdict, with common tools and nothing else."""
        return subprocess.run(
            ["sh", self.script, receipt, key or self.key],
            env={"PATH": "/usr/bin:/bin", **environment},
            cwd=self.dir,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=120,
        )

    def assert_good(self, receipt, key=None):
        """Three implementations say yes; what it proves."""
        key = key or self.key
        out = json.loads(self.out("receipt", "verify", "--json", "--key", key, receipt))
        self.assertTrue(out["valid"])
        by_script = self.by_script(receipt, key)
        self.assertEqual(by_script.returncode, 0, by_script.stderr)
        with open(os.path.join(receipt, "record"), "rb") as file:
            record = file.read()
        with open(os.path.join(receipt, "proof.tlog-proof"), encoding="utf-8") as file:
            keys = [audit_format.Key(line) for line in open(key).read().split("\n")[:-1]]
            index, checkpoint = audit_format.check_proof(file.read(), record, keys)
        self.assertEqual((index, checkpoint.size), (out["record"], out["size"]))
        self.assertIn("record %d" % index, by_script.stdout.decode())
        return out, by_script.stdout.decode()

    def assert_bad(self, receipt, key=None):
        result = self.run_tool("receipt", "verify", "--key", key or self.key, receipt, status=None)
        self.assertIn(result.returncode, (1, 65), result.stdout)
        by_script = self.by_script(receipt, key)
        self.assertNotEqual(by_script.returncode, 0, by_script.stdout)

    def test_a_receipt_proves_one_event_and_shows_what_was_chosen(self):
        self.log_with_a_delivery()
        receipt = self.create("one", "--disclose", "recipient", "--disclose", "reply")
        self.assertEqual(sorted(os.listdir(receipt)), ["disclosures", "proof.tlog-proof", "record"])
        out, by_script = self.assert_good(receipt)
        self.assertEqual(out["disclosed"], {"recipient": "anna@b.example",
                                            "reply": "250 2.0.0 \u2713 queued as \"4X\""})
        self.assertEqual((out["event"], out["message"], out["recipient"]),
                         ("delivered", MESSAGE % "Z", RECIPIENT % "Q"))
        self.assertIn("recipient: anna@b.example", by_script)
        self.assertIn("reply: 250 2.0.0 \u2713 queued as \"4X\"", by_script)
        self.assertNotIn("mx.b.example", by_script)
        with open(os.path.join(receipt, "record"), "rb") as file:
            self.assertIn(file.read(), self.lines())
        plain = self.out("receipt", "verify", "--key", self.key, receipt)
        self.assertIn("anna@b.example", plain)

    def test_a_receipt_without_disclosures_names_nobody(self):
        self.log_with_a_delivery()
        receipt = self.create("one")
        out, by_script = self.assert_good(receipt)
        self.assertEqual(out["disclosed"], {})
        for name in os.listdir(receipt):
            with open(os.path.join(receipt, name), "rb") as file:
                content = file.read()
            for text in audit_format.encodings("anna@b.example"):
                self.assertNotIn(text, content)

    def test_every_record_of_logs_of_every_small_size(self):
        """The shapes of the tree, each with each of its leaves."""
        self.key = self.path("key")
        done = 0
        for size in range(1, 10):
            self.append("opened", MESSAGE % chr(ord("A") + size))
            self.checkpoint()
            self.write("key", self.read("log.vkey"))
            for index in range(size):
                receipt = self.create("%d-%d" % (size, index), message=MESSAGE % chr(ord("B") + index))
                with open(os.path.join(receipt, "proof.tlog-proof"), encoding="utf-8") as file:
                    keys = [audit_format.Key(self.read("log.vkey").decode().strip())]
                    with open(os.path.join(receipt, "record"), "rb") as record:
                        found, checkpoint = audit_format.check_proof(file.read(), record.read(), keys)
                self.assertEqual((found, checkpoint.size), (index, size))
                done += 1
                if size in (1, 2, 3, 6, 9):
                    self.assert_good(receipt)
        self.assertEqual(done, 45)

    def test_a_forged_receipt_convinces_nobody(self):
        self.log_with_a_delivery()
        good = self.create("good", "--disclose", "recipient", "--disclose", "reply")
        self.assert_good(good)
        other = self.create("other", "--event", "submitted", "--disclose", "recipient")

        def forged(name, change):
            receipt = self.path("forged")
            shutil.rmtree(receipt, True)
            shutil.copytree(good, receipt)
            path = os.path.join(receipt, name)
            with open(path, "rb") as file:
                content = file.read()
            changed = change(content)
            self.assertNotEqual(changed, content)
            with open(path, "wb") as file:
                file.write(changed)
            with self.subTest(name=name, changed=changed[:200]):
                self.assert_bad(receipt)

        def of(name, receipt=other):
            with open(os.path.join(receipt, name), "rb") as file:
                return file.read()

        def line(number, change):
            def whole(content):
                lines = content.split(b"\n")
                lines[number] = change(lines[number])
                return b"\n".join(lines)

            return whole

        def other_hash(text):
            return base64.b64encode(bytes([base64.b64decode(text)[0] ^ 1]) + base64.b64decode(text)[1:])

        forged("record", lambda c: c.replace(b"verified", b"trusted"))
        forged("record", lambda c: c + b"\n")
        forged("record", lambda c: c.replace(b'"seq":7', b'"seq":8'))
        forged("record", lambda c: of("record"))
        invented = audit_format.b64url(b'["AAAAAAAAAAAAAAAAAAAAAA","recipient","eve@b.example"]').encode()
        forged("disclosures", lambda c: c + invented + b"\n")
        forged("disclosures", lambda c: of("disclosures"))
        forged("disclosures", lambda c: c.replace(b"W", b"X", 1))
        forged("proof.tlog-proof", lambda c: of("proof.tlog-proof"))
        forged("proof.tlog-proof", line(1, lambda _: b"index 6"))
        forged("proof.tlog-proof", line(1, lambda _: b"index 99999"))
        forged("proof.tlog-proof", line(2, other_hash))
        forged("proof.tlog-proof", lambda c: b"\n".join(c.split(b"\n")[:2] + c.split(b"\n")[3:]))
        forged("proof.tlog-proof", lambda c: b"\n".join(c.split(b"\n")[:3] + c.split(b"\n")[2:]))
        blank = of("proof.tlog-proof", good).split(b"\n").index(b"")
        forged("proof.tlog-proof", line(blank + 2, lambda size: b"%d" % (int(size) - 1)))
        forged("proof.tlog-proof", line(blank + 2, lambda size: b"%d" % (int(size) + 1)))
        forged("proof.tlog-proof", line(blank + 3, other_hash))
        forged("proof.tlog-proof", line(blank + 1, lambda origin: origin + b"x"))
        forged("proof.tlog-proof", line(0, lambda _: b"c2sp.org/tlog-proof@v2"))
        forged("proof.tlog-proof", lambda c: c[: c.index(b"\xe2\x80\x94")])

    def test_a_receipt_of_a_log_that_a_stranger_signed(self):
        self.log_with_a_delivery()
        good = self.create("good", "--disclose", "recipient")
        stranger = audit_format.Signer(self.signer().name)
        proof = os.path.join(good, "proof.tlog-proof")
        with open(proof, encoding="utf-8") as file:
            head, _ = file.read().split("\n\n", 1)
        leaves = [audit_format.leaf(line) for line in self.lines()]
        note = stranger.checkpoint(len(leaves), audit_format.root(leaves))
        with open(proof, "w", encoding="utf-8") as file:
            file.write(head + "\n\n" + note)
        self.assert_bad(good)
        self.assert_good(good, self.write("stranger", stranger.vkey + "\n"))

    def test_receipts_as_tar_files(self):
        self.log_with_a_delivery()
        tar = self.create("one.tar", "--disclose", "recipient")
        self.assertTrue(json.loads(self.out("receipt", "verify", "--json", "--key", self.key, tar))["valid"])
        os.mkdir(self.path("unpacked"))
        subprocess.run(["tar", "-xf", tar, "-C", self.path("unpacked")], check=True)
        self.assert_good(self.path("unpacked"))
        for made_by in (["tar", "-cf", "again.tar", "-C", "unpacked", "."],
                        ["tar", "--format=gnu", "-cf", "again.tar", "-C", "unpacked", "record", "disclosures",
                         "proof.tlog-proof"]):
            subprocess.run(made_by, cwd=self.dir, check=True)
            self.out("receipt", "verify", "--key", self.key, self.path("again.tar"))
        with open(tar, "rb") as file:
            whole = file.read()
        for cut in (0, 1, 511, 512, 700, 1536, 2000):
            self.run_tool("receipt", "verify", "--key", self.key, self.write("cut.tar", whole[:cut]), status=65)
        flipped = bytearray(whole)
        flipped[1] ^= 1
        self.run_tool("receipt", "verify", "--key", self.key, self.write("flip.tar", bytes(flipped)), status=65)

    def test_which_record_is_meant(self):
        message = MESSAGE % "Z"
        self.append("submitted", message, disclose=["recipient=anna@b.example", "recipient=bob@b.example"])
        for name, event in (("A", "delivered"), ("Q", "delivered"), ("g", "failed")):
            self.append(event, message, RECIPIENT % name, disclose=["recipient=%s@b.example" % name])
        self.checkpoint()
        self.key = self.write("key", self.read("log.vkey"))
        self.create("x", status=64)
        self.create("x", "--event", "delivered", status=64)
        self.create("x", "--event", "delivered", "--recipient", "nobody@b.example", status=65)
        self.create("x", "--recipient", "no id", status=64)
        self.create("x", "--event", "teleported", status=64)
        self.create("x", "--event", "failed", "--disclose", "nosuch", status=64)
        self.create("x", message=MESSAGE % "c", status=65)
        self.create("x", message="no id", status=64)
        self.assertFalse(os.path.exists(self.path("x")))
        out, _ = self.assert_good(self.create("a", "--recipient", RECIPIENT % "A"))
        self.assertEqual((out["event"], out["recipient"]), ("delivered", RECIPIENT % "A"))
        out, _ = self.assert_good(self.create("q", "--recipient", "q@B.example"))
        self.assertEqual((out["event"], out["recipient"]), ("delivered", RECIPIENT % "Q"))
        out, _ = self.assert_good(self.create("f", "--event", "failed"))
        self.assertEqual(out["event"], "failed")
        out, _ = self.assert_good(self.create("s", "--event", "submitted", "--recipient", "anna@b.example",
                                              "--disclose", "recipient"))
        self.assertEqual(out["disclosed"], {"recipient": "anna@b.example"})  # and not the other one
        self.create("a", "--event", "failed", status=74)  # nothing is replaced

    def test_what_is_not_signed_yet_is_signed_first(self):
        self.fill(2)
        self.checkpoint()
        self.append("opened", MESSAGE % "Z")
        self.key = self.write("key", self.read("log.vkey"))
        out, _ = self.assert_good(self.create("one"))
        self.assertEqual((out["record"], out["size"]), (2, 3))
        self.assert_intact("--key", self.key)

    def test_a_receipt_of_a_notification_says_so(self):
        self.append("notified", MESSAGE % "Z", facts=["outcome=success"])
        self.checkpoint()
        self.key = self.write("key", self.read("log.vkey"))
        receipt = self.create("one")
        self.assertIn("the notification, not the content", self.out("receipt", "verify", "--key", self.key, receipt))

    def test_receipts_outlive_epochs_and_name_the_key_that_signed(self):
        self.log_with_a_delivery()
        first = self.key
        before = self.create("before")
        self.run_tool("checkpoint", "--end-epoch")
        self.append("opened")
        self.checkpoint()
        both = self.write("both", self.read("log.vkey"))
        after = self.create("after")
        self.assert_good(before, first)
        self.assert_good(before, both)
        self.assert_good(after, both)
        self.assert_bad(after, first)
        # Without --key: the keys of the logs that are here.
        self.out("receipt", "verify", after)
        self.use_state("elsewhere")
        self.run_tool("receipt", "verify", after, status=66)

    def test_a_receipt_across_segments(self):
        """Records before and behind the border of two files, from a cache and without."""
        bench = os.path.join(os.environ.get("SMTOOLS_BUILD", "build"), "tests", "bench-audit")
        if not os.path.exists(bench):
            self.skipTest("bench-audit was not built")
        subprocess.run([bench, "make", self.state, "65540"], check=True, env=self.environment)
        self.key = self.write("key", self.read("log.vkey"))
        for seq in (0, 255, 256, 65535, 65536, 65539):
            lines = self.lines(seq // 65536)
            record = json.loads(lines[seq % 65536])
            receipt = self.create("r%d" % seq, "--event", record["event"], message=record["message"])
            with open(os.path.join(receipt, "record"), "rb") as file:
                self.assertEqual(file.read(), lines[seq % 65536])
            self.assert_good(receipt)
            self.assertLess(os.path.getsize(os.path.join(receipt, "proof.tlog-proof")), 2048)
        # A cache of another history is not believed.
        cache = os.path.join(self.log, ".cache")
        (index,) = [name for name in os.listdir(cache) if name.endswith(".index")]
        with open(os.path.join(cache, index), "r+b") as file:
            file.seek(1000)
            file.write(b"\xff" * 64)
        self.assert_good(self.create("again", "--event", "delivered", message=json.loads(self.lines()[1])["message"]))


if __name__ == "__main__":
    main()
