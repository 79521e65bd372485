#!/usr/bin/python3
"""An independent program opens what smseal writes, and smunseal what the program writes."""

import json
import os
import unittest

import envelope_v1 as v1
from tooltest import ToolTest

KID = "0123456789abcdef"
SIZES = [0, 1, 16383, 16384, 16385, 262144, 262145, 1000003]


def bytes_of(size, seed=b"x"):
    import hashlib

    return hashlib.shake_128(seed + str(size).encode()).digest(size)


class Interop(ToolTest):
    def make_keys(self, orgs=("default",)):
        """A keyring that the independent program wrote."""
        os.makedirs(self.path("state/keys"), 0o700)
        self.master = v1.b64(os.urandom(32)) + "\n"
        self.keks = {(org, KID): os.urandom(32) for org in orgs}
        self.privates = {(org, "fedcba9876543210"): os.urandom(32) for org in orgs}
        created = "2026-11-21T10:00:00Z"
        text = v1.make_keyring(
            self.master,
            1,
            [(org, kid, created, "active", key) for (org, kid), key in self.keks.items()],
            [(org, kid, created, "public", key) for (org, kid), key in self.privates.items()],
        )
        self.write("state/keys/master.key", self.master.encode())
        self.write("state/keys/keyring", text.encode())

    def test_python_opens_what_smseal_seals_for_passwords(self):
        self.write("pw1", b"eerste\n")
        self.write("pw2", "tweede é\r\n".encode())
        for size in SIZES:
            content = bytes_of(size)
            sealed = self.out(
                "smseal", "--password-file", "pw1", "--password-file", "pw2", input=content
            )
            for password in ("eerste", "tweede é"):
                manifest, parts = v1.open_envelope(sealed, {"passwords": [password.encode()]})
                self.assertEqual(parts, [content])
            self.assertEqual(manifest["parts"][0]["size"], None)
            with self.assertRaises(v1.WrongKey):
                v1.open_envelope(sealed, {"passwords": [b"derde"]})

    def test_python_opens_what_smseal_seals_from_files(self):
        self.write("pw", b"geheim")
        contents = [bytes_of(size) for size in SIZES]
        for n, content in enumerate(contents):
            self.write("f%d.pdf" % n, content)
        files = ["f%d.pdf" % n for n in range(len(contents))]
        self.run_tool("smseal", "--password-file", "pw", "-o", "out.sme", *files)
        manifest, parts = v1.open_envelope(self.read("out.sme"), {"passwords": [b"geheim"]})
        self.assertEqual(parts, contents)
        for n, part in enumerate(manifest["parts"]):
            self.assertEqual(part["n"], n + 1)
            self.assertEqual(part["name"], files[n])
            self.assertEqual(part["size"], SIZES[n])
            self.assertEqual(part["role"], "file")
            self.assertEqual(part["type"], "application/pdf")

    def test_python_opens_what_smseal_seals_for_organisations(self):
        self.make_keys()
        content = bytes_of(50000)
        sealed = self.out("smseal", "--org", "default", input=content)
        self.assertEqual(v1.open_envelope(sealed, {"keks": self.keks})[1], [content])
        self.write("public", self.out("smkey", "export-public", "default"))
        sealed = self.out("smseal", "--public-key", "public", input=content)
        self.assertEqual(v1.open_envelope(sealed, {"privates": self.privates})[1], [content])
        with self.assertRaises(v1.WrongKey):
            v1.open_envelope(sealed, {"keks": self.keks})

    def test_smunseal_opens_what_python_seals_by_each_stanza(self):
        self.make_keys()
        token = os.urandom(32)
        kek = self.keks[("default", KID)]
        private = v1.X25519PrivateKey.from_private_bytes(
            self.privates[("default", "fedcba9876543210")]
        )
        public = private.public_key().public_bytes(v1.Encoding.Raw, v1.PublicFormat.Raw)
        self.write("pw", b"geheim\n")
        self.write("link", b"https://portal.example/m/" + v1.b64url(token).encode() + b"\n")
        stanzas = {
            "password": lambda i, mk: [v1.password_stanza(i, mk, b"geheim")],
            "weak": lambda i, mk: [v1.password_stanza(i, mk, b"geheim", 1, 8, 1)],
            "org": lambda i, mk: [v1.org_stanza(i, mk, "default", KID, kek)],
            "x25519": lambda i, mk: [
                v1.x25519_stanza(i, mk, "default", "fedcba9876543210", public)
            ],
            "link": lambda i, mk: [v1.link_stanza(i, mk, "default", KID, kek, token)],
            "link+password": lambda i, mk: [
                v1.link_stanza(i, mk, "default", KID, kek, token, b"geheim")
            ],
        }
        flags = {
            "password": ["--password-file", "pw"],
            "weak": ["--password-file", "pw"],
            "org": ["--org", "default"],
            "x25519": ["--org", "default"],
            "link": ["--link-file", "link"],
            "link+password": ["--link-file", "link", "--password-file", "pw"],
        }
        content = bytes_of(40000)
        for kind, make in stanzas.items():
            sealed = v1.seal([content], make)
            self.write("e.sme", sealed)
            for way, own in flags.items():
                opens = own == flags[kind] or (kind == "link" and way == "link+password")
                opens = opens or (kind in ("password", "weak") and way == "link+password")
                if opens:
                    self.assertEqual(self.out("smunseal", *own, "e.sme"), content, (kind, way))
                    self.assertEqual(self.out("smunseal", *own, input=sealed), content)
                elif kind == "link+password" and way == "link":
                    self.error(64, "smunseal", *own, "e.sme", start_new_session=True)
                else:
                    message = self.error(77, "smunseal", *own, "e.sme")
                    self.assertIn("no key given opens this", message)
        self.write("other", v1.b64url(os.urandom(32)).encode())
        self.write("e.sme", v1.seal([content], stanzas["link"]))
        self.error(77, "smunseal", "--link-file", "other", "e.sme")

    def test_smunseal_opens_parts_of_every_size(self):
        self.write("pw", b"geheim")
        contents = [bytes_of(size) for size in SIZES]
        for last_has_size in (True, False):
            sealed = v1.seal(
                contents, lambda i, mk: [v1.password_stanza(i, mk, b"geheim", 1, 8, 1)], last_has_size
            )
            self.write("e.sme", sealed)
            for n, content in enumerate(contents, 1):
                arguments = ["smunseal", "--password-file", "pw", "--part", n]
                self.assertEqual(self.out(*arguments, "e.sme"), content)
                self.assertEqual(self.out(*arguments, input=sealed), content)
            self.out("smunseal", "--password-file", "pw", "--verify", input=sealed)

    def test_any_order_of_keys_and_stanzas_and_any_padding_of_the_manifest(self):
        def manifest(mk, envelope_id, parts):
            entry = {
                "sealed": v1.b64(parts[0]["sealed"]),
                "size": parts[0]["size"],
                "type": "text/plain",
                "name": "naïve\u202e.txt",
                "role": "message",
                "n": 1,
            }
            whole = {"parts": [entry], "v": 1, "created": "2026-11-21T10:00:00Z"}
            text = json.dumps(whole, indent=3).encode()
            return text + b" " * (-len(text) % 1024)

        def stanzas(i, mk):
            return [
                v1.password_stanza(i, mk, b"anders", 1, 8, 1),
                v1.org_stanza(i, mk, "nobody", KID, os.urandom(32)),
                v1.password_stanza(i, mk, b"geheim", 1, 8, 1),
            ]

        self.write("pw", b"geheim")
        self.write("e.sme", v1.seal([b"text"], stanzas, manifest=manifest))
        self.assertEqual(self.out("smunseal", "--password-file", "pw", "e.sme"), b"text")
        listed = json.loads(self.out("smunseal", "--password-file", "pw", "--list", "e.sme"))
        self.assertEqual(listed["role"], "message")
        self.assertEqual(listed["name"], "naïve\u202e.txt")

    def test_the_keyring_that_smkey_writes_opens_elsewhere(self):
        self.run_tool("smkey", "init")
        self.run_tool("smkey", "init", "tweede.org")
        self.run_tool("smkey", "rotate-org", "default")
        text = self.read("state/keys/keyring").decode()
        master = self.read("state/keys/master.key").decode()
        counter, keks, privates, states = v1.open_keyring(text, master)
        self.assertEqual(counter, 3)
        self.assertEqual(sorted(states.values()).count("active"), 2)
        sealed = self.out("smseal", "--org", "tweede.org", input=b"hallo")
        self.assertEqual(v1.open_envelope(sealed, {"keks": keks})[1], [b"hallo"])
        with self.assertRaises(v1.WrongKey):
            v1.open_keyring(text, v1.b64(os.urandom(32)))


if __name__ == "__main__":
    unittest.main()
