#!/usr/bin/python3
"""Anchors: an RFC 3161 authority of the test's own, by HTTPS and by file; openssl ts is the judge."""

import http.server
import json
import os
import shutil
import ssl
import subprocess
import threading

import audit_format
from audittest import MESSAGE, AuditTest, has_faketime, main

CONFIG = """
[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical,CA:true
[authority]
extendedKeyUsage = critical,timeStamping
[server]
subjectAltName = DNS:tsa.example,IP:127.0.0.1
[tsa]
default_tsa = here
[here]
dir = %(dir)s
serial = %(dir)s/serial
signer_cert = %(dir)s/%(name)s.pem
signer_key = %(dir)s/%(name)s.key
certs = %(dir)s/root.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


class Authority:
    """A timestamp authority and its HTTPS server; `answer` may be replaced."""

    def __init__(self, folder, name="tsa"):
        self.folder, self.name = folder, name
        os.makedirs(folder, exist_ok=True)
        with open(self.path("config"), "w") as file:
            file.write(CONFIG % {"dir": folder, "name": name})
        with open(self.path("serial"), "w") as file:
            file.write("01\n")
        self.certificate("root", "root", None)
        self.certificate(name, "authority", "root")
        self.certificate("server", "server", "root")
        self.answer = self.timestamp
        self.status = 200
        self.asked = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       env={"PATH": os.environ["PATH"], "OPENSSL_CONF": self.path("config")})

    def certificate(self, name, section, issuer):
        self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path(name + ".key"))
        signed_by = ["-CA", self.path("root.pem"), "-CAkey", self.path("root.key")] if issuer else []
        self.openssl("req", "-x509", "-new", "-key", self.path(name + ".key"), "-subj", "/CN=Test " + name,
                     "-days", "30", "-config", self.path("config"), "-extensions", section, *signed_by,
                     "-out", self.path(name + ".pem"))

    def timestamp(self, query):
        with open(self.path("query"), "wb") as file:
            file.write(query)
        self.openssl("ts", "-reply", "-config", self.path("config"), "-section", "here",
                     "-queryfile", self.path("query"), "-out", self.path("reply"))
        with open(self.path("reply"), "rb") as file:
            return file.read()

    def serve(self):
        authority = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                query = self.rfile.read(int(self.headers["Content-Length"]))
                authority.asked.append((self.headers["Content-Type"], query))
                reply = authority.answer(query)
                self.send_response(authority.status)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                try:
                    self.wfile.write(reply)
                except OSError:
                    pass  # the client has had enough

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path("server.pem"), self.path("server.key"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self.server.server_address[1]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Anchors(AuditTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.path("tsa"))
        self.ca = self.authority.path("root.pem")
        self.fill(6)
        self.outside = self.checkpoint()
        self.key = self.write("key", self.read("log.vkey"))

    def anchor_files(self):
        folder = os.path.join(self.log, "anchors")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def openssl_verifies(self, size=6, reply=None, ca=None):
        """openssl's own verdict on what lies in the folder."""
        name = "%020d" % size
        result = subprocess.run(
            ["openssl", "ts", "-verify", "-in", reply or os.path.join(self.log, "anchors", name + ".tsr"),
             "-data", os.path.join(self.log, "checkpoints", name), "-CAfile", ca or self.ca],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return result.returncode == 0

    def answer(self, query_file, reply="reply"):
        with open(query_file, "rb") as file:
            return self.write(reply, self.authority.timestamp(file.read()))

    def by_file(self):
        self.run_tool("anchor", "--request", self.path("query"))
        self.run_tool("anchor", "--response", self.answer(self.path("query")), "--tsa-ca", self.ca)

    def test_by_file_for_a_machine_without_a_network(self):
        self.run_tool("anchor", "--request", self.path("query"))
        text = subprocess.run(["openssl", "ts", "-query", "-in", self.path("query"), "-text"], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout.decode()
        self.assertIn("Hash Algorithm: sha256", text)
        self.assertIn("Certificate required: yes", text)
        self.assertNotIn("Nonce: unspecified", text)
        self.run_tool("anchor", "--response", self.answer(self.path("query")), "--tsa-ca", self.ca)
        self.assertEqual(self.anchor_files(), ["%020d.tsq" % 6, "%020d.tsr" % 6])
        self.assertTrue(self.openssl_verifies())
        kinds, summary = self.assert_intact("--key", self.key, "--checkpoint", self.outside, "--tsa-ca", self.ca)
        self.assertEqual(kinds, {"anchor-age"})
        self.assertEqual(summary["anchor"]["size"], 6)
        self.assertEqual(summary["anchor"]["authority"], "Test tsa")
        self.assertLess(summary["anchor"]["age"], 3600)
        # A fresh anchor is no reason for a strict no.
        self.run_tool("verify", "--strict", "--key", self.key, "--checkpoint", self.outside, self.log)

    def test_by_stdin_and_stdout(self):
        query = self.write("query", self.run_tool("anchor", "--request", "-").stdout)
        with open(self.answer(query), "rb") as reply:
            self.run_tool("anchor", "--response", "-", stdin=reply)
        self.assertTrue(self.openssl_verifies())

    def test_the_reply_finds_its_checkpoint_when_the_log_has_grown(self):
        self.run_tool("anchor", "--request", self.path("query"))
        self.fill(4)
        self.checkpoint("later")
        self.run_tool("anchor", "--response", self.answer(self.path("query")))
        self.assertTrue(self.openssl_verifies(6))
        self.assert_intact("--key", self.key)

    def test_by_https(self):
        port = self.authority.serve()
        self.addCleanup(self.authority.stop)
        dns = self.write("dns", "tsa.example A 127.0.0.1\n")
        for url in ("https://127.0.0.1:%d/tsr" % port, "https://tsa.example:%d/tsr" % port):
            self.run_tool("anchor", "--tsa", url, "--ca-file", self.ca, "--tsa-ca", self.ca, "--dns-file", dns)
            self.assertTrue(self.openssl_verifies(len(self.lines())))
            self.append("opened")
            self.checkpoint("later")
        self.assertEqual(self.authority.asked[0][0], "application/timestamp-query")
        self.assertNotEqual(self.authority.asked[0][1], self.authority.asked[1][1])
        self.assert_intact("--key", self.key, "--tsa-ca", self.ca)
        # Another root for the HTTPS certificate: nobody is asked.
        asked = len(self.authority.asked)
        other = Authority(self.path("other"))
        self.run_tool("anchor", "--tsa", url, "--ca-file", other.path("root.pem"), "--dns-file", dns, status=69)
        self.assertEqual(len(self.authority.asked), asked)

    def test_an_authority_that_answers_nonsense_anchors_nothing(self):
        port = self.authority.serve()
        self.addCleanup(self.authority.stop)
        old = []

        def replayed(query):
            """An answer to another query over the same checkpoint: an old time."""
            if not old:
                old.append(self.authority.timestamp(query))
            return old[0]

        def truncated(query):
            return self.authority.timestamp(query)[:-1]

        def flipped(query):
            reply = bytearray(self.authority.timestamp(query))
            reply[-10] ^= 1
            return bytes(reply)

        def rejected(_):
            return bytes.fromhex("30053003020102")

        for answer, status in ((truncated, 65), (flipped, 76), (rejected, 76), (lambda _: b"", 65),
                               (lambda _: b"<html>", 65), (lambda _: b"\x30" * 3_000_000, 69)):
            self.authority.answer = answer
            result = self.run_tool("anchor", "--tsa", "https://127.0.0.1:%d/" % port, "--ca-file", self.ca,
                                   status=None)
            with self.subTest(answer=answer, stderr=result.stderr):
                self.assertIn(result.returncode, (65, 69, 76), result.stderr)
            self.assertEqual([name for name in self.anchor_files() if name.endswith(".tsr")], [])
        self.authority.answer = replayed
        url = "https://127.0.0.1:%d/" % port
        self.run_tool("anchor", "--tsa", url, "--ca-file", self.ca)
        self.run_tool("anchor", "--tsa", url, "--ca-file", self.ca, status=76)
        self.authority.answer, self.authority.status = self.authority.timestamp, 500
        self.run_tool("anchor", "--tsa", url, "--ca-file", self.ca, status=69)
        self.authority.stop()
        self.run_tool("anchor", "--tsa", url, "--ca-file", self.ca, status=69)
        self.authority.serve()

    def test_a_stranger_who_calls_himself_the_authority(self):
        stranger = Authority(self.path("stranger"))
        self.run_tool("anchor", "--request", self.path("query"))
        with open(self.path("query"), "rb") as file:
            reply = self.write("reply", stranger.timestamp(file.read()))
        self.run_tool("anchor", "--response", reply, "--tsa-ca", self.ca, status=77)
        self.assertEqual([name for name in self.anchor_files() if name.endswith(".tsr")], [])
        # Without roots it is taken, and verify says what it did not look at.
        self.run_tool("anchor", "--response", reply)
        self.assertFalse(self.openssl_verifies())
        self.assert_intact("--key", self.key)
        self.assertIn("not looked at", self.by_kind["anchor-age"]["detail"])
        kinds, _, status = self.findings("--key", self.key, "--tsa-ca", self.ca)
        self.assertEqual((status, kinds & {"tree-mismatch"}), (1, {"tree-mismatch"}))

    def test_an_anchor_over_something_else_and_one_whose_checkpoint_is_gone(self):
        self.by_file()
        with open(self.path("query"), "rb") as file:
            query = file.read()
        self.append("opened")
        self.checkpoint("later")
        # The reply to another query.
        other = self.answer(self.write("other", self.run_tool("anchor", "--request", "-").stdout), "other.tsr")
        anchor = os.path.join(self.log, "anchors", "%020d.tsr" % 6)
        shutil.copy(anchor, self.path("kept"))
        for content in (open(other, "rb").read(), b"", b"nonsense", query):
            with open(anchor, "wb") as file:
                file.write(content)
            kinds, _, status = self.findings("--key", self.key)
            self.assertEqual((status, kinds & {"tree-mismatch"}), (1, {"tree-mismatch"}))
            self.assertIn("first 6 records", self.by_kind["tree-mismatch"]["detail"])
        shutil.copy(self.path("kept"), anchor)
        self.assert_intact("--key", self.key)
        os.unlink(os.path.join(self.log, "checkpoints", "%020d" % 6))
        kinds, _, status = self.findings("--key", self.key)
        self.assertEqual((status, kinds & {"tree-mismatch"}), (1, {"tree-mismatch"}))
        self.assertIn("gone", self.by_kind["tree-mismatch"]["detail"])

    def test_a_rewritten_log_does_not_agree_with_its_anchor(self):
        """The thief has the log's key, but not yesterday."""
        self.by_file()
        anchored = os.path.join(self.log, "checkpoints", "%020d" % 6)
        leaves = [audit_format.leaf(line) for line in self.lines()]
        forged = self.signer().checkpoint(6, audit_format.root(leaves[::-1]))
        open(anchored, "w").write(forged)
        open(os.path.join(self.log, "checkpoint"), "w").write(forged)
        kinds, _, status = self.findings("--key", self.key, "--tsa-ca", self.ca)
        self.assertEqual((status, kinds & {"tree-mismatch"}), (1, {"tree-mismatch"}))

    def test_the_anchor_of_last_year_is_old(self):
        if not has_faketime():
            self.skipTest("no faketime, or a sanitized build, which it stops")
        self.by_file()
        later = ["faketime", "-f", "+100d"]
        arguments = ["--key", self.key, "--checkpoint", self.outside]
        out = self.out("verify", *arguments, self.log, before=later)
        self.assertRegex(out, r"anchor-age.* (99|100) days old")
        self.run_tool("verify", "--strict", *arguments, self.log, before=later, status=1)

    def test_a_receipt_carries_the_timestamp_and_the_script_verifies_it(self):
        self.append("delivered", MESSAGE % "Z", disclose=["recipient=anna@b.example"])
        self.checkpoint("later")
        self.by_file()
        self.fill(2)
        self.checkpoint("even later")
        from test_receipts import script_of_the_man_page

        receipt = self.path("receipt")
        self.run_tool("receipt", "create", "-o", receipt, MESSAGE % "Z")
        self.assertIn("timestamp.tsr", os.listdir(receipt))
        out = json.loads(self.out("receipt", "verify", "--json", "--key", self.key, "--tsa-ca", self.ca, receipt))
        self.assertEqual((out["valid"], out["size"], out["authority"]), (True, 7, "Test tsa"))
        script = self.write("check-receipt", script_of_the_man_page())

        def by_script(ca):
            return subprocess.run(["sh", script, receipt, self.key], env={"PATH": "/usr/bin:/bin", "TSA_CA": ca},
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE).returncode

        self.assertEqual(by_script(self.ca), 0)
        stranger = Authority(self.path("stranger"))
        self.assertNotEqual(by_script(stranger.path("root.pem")), 0)
        self.run_tool("receipt", "verify", "--key", self.key, "--tsa-ca", stranger.path("root.pem"), receipt, status=1)
        with open(os.path.join(receipt, "timestamp.tsr"), "r+b") as file:
            file.seek(-10, os.SEEK_END)
            file.write(b"\0" * 4)
        self.run_tool("receipt", "verify", "--key", self.key, receipt, status=1)
        self.assertNotEqual(by_script(self.ca), 0)

    def test_usage(self):
        self.run_tool("anchor", status=64)
        self.run_tool("anchor", "--request", "a", "--response", "b", status=64)
        self.run_tool("anchor", "--response", self.path("nosuch"), status=66)
        self.run_tool("anchor", "--tsa", "nonsense", status=64)
        self.run_tool("anchor", "--mail", "nonsense", status=65)


if __name__ == "__main__":
    main()
