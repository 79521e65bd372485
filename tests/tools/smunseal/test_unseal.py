#!/usr/bin/python3
"""smunseal: what comes out, under which name, and with which words it refuses."""

import json
import os
import random
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../smseal"))

import envelope_v1 as v1
from tooltest import ToolTest, is_private, is_sanitized, peak_rss, tool

KID = "0123456789abcdef"


class Unseal(ToolTest):
    """All envelopes here are sealed by the independent program for an organisation's key."""

    def setUp(self):
        super().setUp()
        os.makedirs(self.path("state/keys"), 0o700)
        master = v1.b64(os.urandom(32)) + "\n"
        self.kek = os.urandom(32)
        created = "2026-11-21T10:00:00Z"
        keyring = v1.make_keyring(master, 1, [("default", KID, created, "active", self.kek)], [])
        self.write("state/keys/master.key", master.encode())
        self.write("state/keys/keyring", keyring.encode())
        self.unseal = ["smunseal", "--org", "default"]

    def stanzas(self, envelope_id, mk):
        return [v1.org_stanza(envelope_id, mk, "default", KID, self.kek)]

    def seal(self, contents, name="e.sme", **more):
        sealed = v1.seal(contents, self.stanzas, **more)
        self.write(name, sealed)
        return sealed

    def test_one_part_goes_to_stdout_or_its_file(self):
        self.seal([b"inhoud"])
        self.assertEqual(self.out(*self.unseal, "e.sme"), b"inhoud")
        self.run_tool(*self.unseal, "-o", "out", "e.sme")
        self.assertEqual(self.read("out"), b"inhoud")
        self.assertTrue(is_private(self.path("out")))
        self.assertEqual(self.out(*self.unseal, "-", input=self.read("e.sme")), b"inhoud")

    def test_several_parts_want_a_choice(self):
        sealed = self.seal([b"een", b"twee"])
        for arguments in ([], ["-o", "out"], ["--range", "0-1"]):
            message = self.error(64, *self.unseal, *arguments, "e.sme")
            self.assertIn("hint: -C DIR", message)
        self.assertFalse(os.path.exists(self.path("out")))
        self.assertEqual(self.out(*self.unseal, "--part", 2, "e.sme"), b"twee")
        self.assertEqual(self.out(*self.unseal, "--part", 2, input=sealed), b"twee")
        self.assertIn("no part 3", self.error(64, *self.unseal, "--part", 3, "e.sme"))
        self.error(64, *self.unseal, "--part", 0, "e.sme")

    def test_list_says_what_the_manifest_says(self):
        self.seal([b"een", b"twee"], last_has_size=False, names=["a\tb", None])
        lines = self.out(*self.unseal, "--list", "e.sme").decode().splitlines()
        self.assertEqual(
            [json.loads(line) for line in lines],
            [
                {"n": 1, "role": "file", "name": "a\tb", "type": "application/octet-stream", "size": 3},
                {"n": 2, "role": "file", "name": None, "type": "application/octet-stream", "size": None},
            ],
        )

    def test_folder_gets_all_parts(self):
        sealed = self.seal([b"een", b"twee", b"drie"], names=["a.txt", None, "b.txt"])
        self.run_tool(*self.unseal, "-C", "out", "e.sme")
        self.assertEqual(self.names("out"), ["a.txt", "b.txt", "part-2"])
        self.assertEqual(self.read("out/part-2"), b"twee")
        self.run_tool(*self.unseal, "-C", "piped", input=sealed)
        self.assertEqual(self.names("piped"), ["a.txt", "b.txt", "part-2"])
        self.assertEqual(self.read("piped/b.txt"), b"drie")
        self.run_tool(*self.unseal, "-C", "one", "--part", 3, "e.sme")
        self.assertEqual(self.names("one"), ["b.txt"])

    def test_A67_names_are_made_safe(self):
        names = [
            "../../x",
            "/etc/passwd",
            "..",
            ".",
            "",
            "-rf",
            ".bashrc",
            "a\nb\x1b[31m",
            "exe\u202egpj.pdf",
            "C:\\windows\\evil.exe",
            "x" * 4096,
            "con.txt",
            "same",
            "same",
            "part-5",
            "a/b/c",
            "nul\0byte",
        ]
        contents = [b"%d" % n for n in range(len(names))]
        self.seal(contents, names=names)
        os.makedirs(self.path("deep/er"))
        self.run_tool(*self.unseal, "-C", "deep/er/out", "e.sme")
        made = self.names("deep/er/out")
        self.assertEqual(len(made), len(names))
        self.assertEqual(self.names("deep"), ["er"])
        self.assertEqual(self.names("deep/er"), ["out"])
        for name in made:
            self.assertTrue(name.isprintable())
            self.assertNotIn(name[0], ".-")
            self.assertLess(len(name.encode()), 256)
            self.assertNotIn("\u202e", name)
        self.assertEqual(
            sorted(self.read("deep/er/out/" + name) for name in made), sorted(contents)
        )

    def test_what_is_there_is_kept_without_force(self):
        self.seal([b"een", b"twee"], names=["a", "b"])
        os.mkdir(self.path("out"))
        self.write("out/b", b"old")
        message = self.error(77, *self.unseal, "-C", "out", "e.sme")
        self.assertIn("--force", message)
        self.assertEqual(self.names("out"), ["b"])
        self.assertEqual(self.read("out/b"), b"old")
        self.run_tool(*self.unseal, "-C", "out", "--force", "e.sme")
        self.assertEqual(self.read("out/b"), b"twee")

    def test_A68_links_pipes_and_folders_in_the_way(self):
        self.seal([b"een"], names=["a"])
        os.mkdir(self.path("out"))
        self.write("target", b"target")
        os.mkdir(self.path("folder"))

        def make(kind):
            if kind == "link":
                os.symlink("../target", self.path("out/a"))
            elif kind == "dangling":
                os.symlink("../nowhere", self.path("out/a"))
            elif kind == "fifo":
                os.mkfifo(self.path("out/a"))
            elif kind == "folder":
                os.symlink("../folder", self.path("out/a"))

        for kind in ("link", "dangling", "fifo", "folder"):
            make(kind)
            self.error(77, *self.unseal, "-C", "out", "e.sme")
            self.error(64, *self.unseal, "-C", "out", "--force", "e.sme")
            self.error(64, *self.unseal, "-o", "out/a", "e.sme")
            self.assertEqual(self.names("out"), ["a"])
            os.remove(self.path("out/a"))
        self.assertEqual(self.read("target"), b"target")
        self.assertEqual(self.names("folder"), [])
        self.assertFalse(os.path.lexists(self.path("nowhere")))
        os.link(self.path("target"), self.path("out/a"))
        self.run_tool(*self.unseal, "-C", "out", "--force", "e.sme")
        self.assertEqual(self.read("out/a"), b"een")
        self.assertEqual(self.read("target"), b"target")

    def test_range(self):
        content = random.Random(1).randbytes(100000)
        sealed = self.seal([b"first", content])
        for text, first, last in [
            ("0-0", 0, 0),
            ("0-99999", 0, 99999),
            ("16383-16384", 16383, 16384),
            ("99999-99999", 99999, 99999),
            ("50000-", 50000, 99999),
            ("50000-999999999999", 50000, 99999),
        ]:
            expected = content[first : last + 1]
            arguments = [*self.unseal, "--part", 2, "--range", text]
            self.assertEqual(self.out(*arguments, "e.sme"), expected)
            self.assertEqual(self.out(*arguments, input=sealed), expected)
        for text in ("", "5", "-5", "5-4", "a-b", "0x1-2", "100000-100001", "1-2-3", " 1-2", "-"):
            self.error(64, *self.unseal, "--part", 2, "--range=" + text, "e.sme")

    def test_wrong_key_and_damage_have_their_own_words(self):
        sealed = self.seal([b"x" * 20000])
        self.write("pw", b"geheim")
        self.assertIn(
            "no key given opens this: wrong key, or its stanza is damaged",
            self.error(77, "smunseal", "--password-file", "pw", "e.sme"),
        )
        self.write("cut.sme", sealed[:-1])
        self.assertIn("truncated envelope", self.error(65, *self.unseal, "--verify", "cut.sme"))
        self.write("long.sme", sealed + b"x")
        self.assertIn("damaged envelope", self.error(65, *self.unseal, "--verify", "long.sme"))
        flipped = bytearray(sealed)
        flipped[-5000] ^= 4
        self.write("flipped.sme", bytes(flipped))
        self.assertIn("damaged envelope", self.error(65, *self.unseal, "--verify", "flipped.sme"))
        self.write("text", b"Dear Sir,\n" * 100)
        self.assertIn("no sealed envelope", self.error(65, *self.unseal, "text"))
        self.write("later", sealed.replace(b"/v1", b"/v9", 1))
        self.assertIn("version is unknown", self.error(65, *self.unseal, "later"))
        self.error(66, *self.unseal, "nosuch")
        self.error(65, *self.unseal, input=b"")

    def test_verify_writes_nothing_and_looks_at_everything(self):
        sealed = self.seal([b"a" * 40000, b"b" * 40000])
        self.assertEqual(self.out(*self.unseal, "--verify", "e.sme"), b"")
        self.assertEqual(self.out(*self.unseal, "--verify", input=sealed), b"")
        for at in (-1, -40000, -45000, -70000):
            damaged = bytearray(sealed)
            damaged[at] ^= 1
            self.error(65, *self.unseal, "--verify", input=bytes(damaged))
        self.error(64, *self.unseal, "--verify", "--list", "e.sme")
        self.error(64, *self.unseal, "--verify", "-o", "x", "e.sme")
        self.error(64, *self.unseal, "-o", "x", "-C", "y", "e.sme")

    def test_no_byte_of_a_damaged_chunk_and_no_file_of_a_damaged_part(self):
        content = random.Random(2).randbytes(1 << 20)
        sealed = bytearray(self.seal([content]))
        sealed[-600000] ^= 1
        self.write("e.sme", bytes(sealed))
        result = self.run_tool(*self.unseal, "e.sme", status=65)
        self.assertTrue(content.startswith(result.stdout))
        self.assertLess(len(result.stdout), len(content) - 590000)
        before = self.names()
        self.error(65, *self.unseal, "-o", "out", "e.sme")
        self.assertEqual(self.names(), before)
        self.error(65, *self.unseal, "-C", "out", "e.sme")
        self.assertEqual(self.names("out"), [])

    def test_random_flips_in_a_stored_envelope(self):
        """The store's form: a folder."""
        rng = random.Random(3)
        sealed = self.seal([b"een" * 10000, b"twee"])
        text, rest = v1.split_header(sealed)
        os.mkdir(self.path("stored"))
        zero = v1.parse_header(text)[2]
        one = v1.sealed_size(30000)
        files = {
            "head": text.encode(),
            "0": rest[:zero],
            "1": rest[zero : zero + one],
            "2": rest[zero + one :],
        }
        for name, data in files.items():
            self.write("stored/" + name, data)
        self.run_tool(*self.unseal, "--verify", "stored")
        self.assertEqual(self.out(*self.unseal, "--part", 2, "stored"), b"twee")
        refused = 0
        for _ in range(200):
            name = rng.choice(sorted(files))
            damaged = bytearray(files[name])
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            self.write("stored/" + name, bytes(damaged))
            result = self.run_tool(*self.unseal, "--verify", "stored", status=None)
            self.assertIn(result.returncode, (65, 77), (name, result.stderr))
            refused += 1
            self.write("stored/" + name, files[name])
        self.assertEqual(refused, 200)
        self.run_tool(*self.unseal, "--verify", "stored")

    def test_A64_argon2_parameters_of_terabytes_cost_nothing(self):
        self.write("pw", b"geheim")
        sealed = v1.seal([b"x"], lambda i, mk: [v1.password_stanza(i, mk, b"geheim", 1, 8, 1)])
        for cost in (b" 3 1073741824 4 ", b" 4294967295 65536 4 ", b" 3 65536 16777215 "):
            changed = sealed.replace(b" 1 8 1 ", cost, 1)

            def run():
                self.run_tool("smunseal", "--password-file", "pw", status=65, input=changed)

            self.assertLess(peak_rss(run), (1024 if is_sanitized() else 64) * 1024)

    def test_A66_one_stanza_too_many_and_a_header_without_end(self):
        def many(count):
            return lambda i, mk: self.stanzas(i, mk) + [
                v1.org_stanza(i, mk, "other", KID, os.urandom(32)) for _ in range(count - 1)
            ]

        self.write("e.sme", v1.seal([b"x"], many(1024)))
        self.assertEqual(self.out(*self.unseal, "e.sme"), b"x")
        self.write("e.sme", v1.seal([b"x"], many(1025)))
        self.assertIn("1,024 stanzas", self.error(65, *self.unseal, "e.sme"))
        endless = b"smtools-envelope/v1\n" + b"x" * (1 << 20)
        self.assertIn("256 KiB", self.error(65, *self.unseal, input=endless))

    def test_ranges_of_a_sparse_part_of_five_terabytes(self):
        """Chunks are sealed at the begin, around the middle and at the end; between them is nothing."""
        size = 5_000_000_000_000
        envelope_id, mk, salt = os.urandom(32), os.urandom(32), os.urandom(24)
        key, base, commitment = v1.cobblestone_keys(
            v1.part_key(mk, envelope_id, 1), salt, v1.part_context(envelope_id, 1)
        )
        part = {"name": "large", "size": size, "sealed": salt + commitment}
        zero = v1.seal_part(mk, envelope_id, 0, v1.make_manifest(mk, envelope_id, [part]))
        head = v1.header(envelope_id, zero, self.stanzas(envelope_id, mk)).encode()
        chunks = size // v1.CHUNK  # and a short one after them
        written = [*range(8), *range(chunks // 2, chunks // 2 + 8), *range(chunks - 64, chunks + 1)]

        def plain(chunk):
            content = chunk.to_bytes(8, "big") * (v1.CHUNK // 8)
            return content[: size - chunk * v1.CHUNK]

        with open(self.path("large.sme"), "wb") as file:
            file.write(head + zero + salt + commitment)
            start = file.tell()
            aead = v1.AESGCM(key)
            for chunk in written:
                file.seek(start + chunk * (v1.CHUNK + v1.TAG))
                file.write(aead.encrypt(v1.chunk_nonce(base, chunk), plain(chunk), None))
        self.assertEqual(os.path.getsize(self.path("large.sme")), len(head) + len(zero) + v1.sealed_size(size))
        self.assertLess(os.stat(self.path("large.sme")).st_blocks * 512, 4 << 20)

        middle = chunks // 2 * v1.CHUNK
        for first, last in ((0, 0), (100, 100_000), (middle + 5, middle + 3 * v1.CHUNK),
                            (size - (1 << 20), size - 1), (size - 1, size - 1)):
            expected = b"".join(plain(chunk) for chunk in range(first // v1.CHUNK, last // v1.CHUNK + 1))
            expected = expected[first % v1.CHUNK :][: last - first + 1]

            def read():
                got = self.out(*self.unseal, "--range", "%d-%d" % (first, last), "large.sme")
                self.assertEqual(got, expected)

            if is_sanitized():
                read()
            else:
                self.assertLess(peak_rss(read), 64 * 1024)
        # A hole holds no chunk, and says so before a byte comes out.
        hole = 20 * v1.CHUNK
        self.assertIn("damaged", self.error(65, *self.unseal, "--range", "%d-%d" % (hole, hole), "large.sme"))
        os.truncate(self.path("large.sme"), os.path.getsize(self.path("large.sme")) - 1)
        self.assertIn("truncated", self.error(65, *self.unseal, "--range", "0-0", "large.sme"))

    def test_a_password_is_asked_for_on_the_terminal(self):
        import pty

        self.write("e.sme", v1.seal([b"x"], lambda i, mk: [v1.password_stanza(i, mk, b"geheim", 1, 8, 1)]))

        def answer(password):
            pid, terminal = pty.fork()
            if pid == 0:
                os.chdir(self.dir)
                os.execve(tool("smunseal"), ["smunseal", "-o", "out", "e.sme"], self.environment)
            shown = b""
            while not shown.rstrip().endswith(b":"):
                shown += os.read(terminal, 1024)
            os.write(terminal, password + b"\n")
            _, status = os.waitpid(pid, 0)
            os.close(terminal)
            return os.waitstatus_to_exitcode(status)

        self.assertEqual(answer(b"anders"), 77)
        self.assertFalse(os.path.exists(self.path("out")))
        self.assertEqual(answer(b"geheim"), 0)
        self.assertEqual(self.read("out"), b"x")
        self.error(64, "smunseal", "e.sme", start_new_session=True)


if __name__ == "__main__":
    unittest.main()
