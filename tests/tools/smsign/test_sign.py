#!/usr/bin/python3
"""smsign sign: what is signed, what is refused, and that the message comes out as it went in."""

import os
import pathlib
import shutil
import subprocess
import threading
import time
import unittest

from workbench import MAIL, SMSIGN, Workbench, tags_of


class Sign(Workbench):
    def test_the_message_itself_is_not_changed(self):
        for mail in (MAIL, MAIL.replace("\n", "\r\n")):
            signed = self.sign(mail, self.BOTH)
            self.assertTrue(signed.startswith(b"DKIM-Signature: v=1; a=rsa-sha256;"))
            self.assertTrue(signed.endswith(mail.encode()))
            ends = signed.count(b"\r\n")
            self.assertEqual(ends, signed.count(b"\n") if "\r" in mail else 0)
            self.assertEqual(signed.count(b"DKIM-Signature:"), 2)

    def test_sign_is_the_command_that_needs_no_name(self):
        unnamed = self.run_checked([*self.RSA, "--now", "1795310360"], MAIL)
        self.assertEqual(unnamed, self.sign(more=["--now", "1795310360"]))

    def test_a_pipe_and_a_file_give_the_same(self):
        path = self.write("mail", MAIL)
        with open(path, "rb") as file:
            done = subprocess.run(
                [SMSIGN, *self.RSA, "--now", "1795310360"],
                stdin=file, stdout=subprocess.PIPE, cwd=self.folder, env=self.environment(),
            )
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout, self.sign(more=["--now", "1795310360"]))

    def test_a_file_is_read_from_its_place_on(self):
        path = self.write("two", "skip this line\n" + MAIL)
        with open(path, "rb", buffering=0) as file:
            os.lseek(file.fileno(), len("skip this line\n"), os.SEEK_SET)
            done = subprocess.run(
                [SMSIGN, *self.RSA], stdin=file, stdout=subprocess.PIPE, cwd=self.folder,
                env=self.environment(),
            )
        self.assertTrue(done.stdout.endswith(MAIL.encode()))

    def test_what_a_reader_sees_is_signed_once_more_than_it_is_there(self):
        names = tags_of(self.sign())["h"].split(":")
        for name in ("from", "to", "subject", "date", "message-id"):
            self.assertEqual(names.count(name), 2, name)
        for name in ("reply-to", "cc"):
            self.assertEqual(names.count(name), 1, name)

    def test_what_changes_on_the_way_is_never_signed(self):
        more = "".join(
            f"{name}: x\n"
            for name in (
                "Received", "Comments", "Keywords", "Bcc", "DKIM-Signature", "X-Own", "Return-Path"
            )
        )
        names = tags_of(self.sign(more + MAIL))["h"].split(":")
        for name in (
            "received", "comments", "keywords", "bcc", "dkim-signature", "x-own", "return-path"
        ):
            self.assertNotIn(name, names)

    def test_fields_that_may_be_missing_are_signed_where_they_are(self):
        more = (
            "Sender: a@example.com\nMIME-Version: 1.0\nContent-Type: text/plain\n"
            "Content-Transfer-Encoding: 7bit\nIn-Reply-To: <2@x>\nReferences: <2@x>\n"
            "List-Id: <l.example.com>\nLIST-UNSUBSCRIBE: <https://example.com/u>\n"
        )
        names = tags_of(self.sign(more + MAIL))["h"].split(":")
        for name in (
            "sender", "mime-version", "content-type", "content-transfer-encoding", "in-reply-to",
            "references", "list-id", "list-unsubscribe",
        ):
            self.assertEqual(names.count(name), 2, name)
        plain = tags_of(self.sign())["h"].split(":")
        self.assertNotIn("sender", plain)
        self.assertNotIn("list-id", plain)

    def test_A55_no_length_and_a_time_always(self):
        tags = tags_of(self.sign())
        self.assertNotIn("l", tags)
        self.assertLess(abs(int(tags["t"]) - time.time()), 60)
        self.assertEqual(tags["c"], "relaxed/relaxed")
        self.assertNotIn("x", tags)

    def test_A55_oversigning_lets_no_field_be_added(self):
        signed = self.sign()
        for added in (b"From: evil@example.com\n", b"Subject: other\n", b"Cc: all@example.net\n"):
            self.assert_verdict(added + signed, 1, "fail d=example.com")

    def test_A55_small_keys_are_not_signed_with(self):
        path = self.folder / "weak.pem"
        subprocess.run(
            ["openssl", "genrsa", "-out", path, "1024"], check=True, stderr=subprocess.DEVNULL
        )
        path.chmod(0o600)
        done = self.run_smsign(
            ["--domain", "example.com", "--selector", "x", "--key", "weak.pem"], MAIL
        )
        self.assert_refused(done, 78, "1024 bits")

    def test_expiry_and_identity_are_in_the_signature(self):
        now = 1_795_310_360
        tags = tags_of(
            self.sign(
                more=["--expire", "14d", "--identity", "anna@sub.example.com", "--now", str(now)]
            )
        )
        self.assertEqual(int(tags["t"]), now)
        self.assertEqual(int(tags["x"]), now + 14 * 86400)
        self.assertEqual(tags["i"], "anna@sub.example.com")
        for wrong in ("0d", "14", "d", "-1d", "1y", "1.5h"):
            done = self.run_smsign([*self.RSA, "--expire", wrong], MAIL)
            self.assertEqual(done.returncode, 64, wrong)
        done = self.run_smsign([*self.RSA, "--identity", "anna@example.org"], MAIL)
        self.assert_refused(done, 78, "not at or under example.com")

    def test_ed25519_signs_only_beside_rsa(self):
        done = self.run_smsign(
            ["--domain", "example.com", "--selector", "edge", "--key", "edge.pem"], MAIL
        )
        self.assert_refused(done, 78, "Ed25519 signature alone")

    def test_canonicalization_can_be_chosen(self):
        for canons in ("simple/simple", "simple/relaxed", "relaxed/simple"):
            signed = self.sign(more=["--canonicalization", canons])
            self.assertEqual(tags_of(signed)["c"], canons)
            self.assert_verdict(signed, 0, "pass")
        done = self.run_smsign([*self.RSA, "--canonicalization", "nofws"], MAIL)
        self.assertEqual(done.returncode, 64)

    def test_messages_that_readers_read_differently_are_refused(self):
        head = "To: b@example.net\n"
        for name, mail in {
            "two From": "From: a@example.com\nFrom: b@example.com\n" + head + "\nx\n",
            "no From": head + "\nx\n",
            "group": "From: Friends: a@example.com, b@example.com;\n" + head + "\nx\n",
            "two authors": "From: a@example.com, b@example.com\n" + head + "\nx\n",
            "space before the colon": "From : a@example.com\n" + head + "\nx\n",
            "space before another colon": "Subject : x\n" + MAIL,
            "empty From": "From:\n" + head + "\nx\n",
            "no address": "From: somebody\n" + head + "\nx\n",
            "no field": "no field here\n" + MAIL,
            "bare CR in the body": MAIL + "a\rb\n",
            "bare CR in the header": MAIL.replace("invoice", "in\rvoice"),
            "bare LF beside CRLF": MAIL.replace("\n", "\r\n") + "x\n",
            "CRLF beside LF": MAIL + "x\r\n",
            "mixed ends in the header": "X-A: b\r\n" + MAIL,
            "NUL": MAIL + "a\0b\n",
            "NUL in the header": MAIL.replace("invoice", "in\0voice"),
            "CR at the end": MAIL.replace("\n", "\r\n") + "x\r",
            "nothing": "",
        }.items():
            for is_file in (False, True):
                with self.subTest(name, is_file=is_file):
                    if is_file:
                        path = self.write("bad", mail)
                        with open(path, "rb") as file:
                            done = subprocess.run(
                                [SMSIGN, *self.RSA], stdin=file, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, cwd=self.folder, env=self.environment(),
                            )
                    else:
                        done = self.run_smsign(self.RSA, mail)
                    self.assertEqual(done.returncode, 65, done.stderr)
                    self.assertEqual(done.stdout, b"")
                    self.assertTrue(done.stderr.startswith(b"smsign: error: "))

    def test_borders_between_blocks_change_nothing(self):
        body = ("word  word\t \n" * 6000) + "\n\n"
        mail = MAIL + body
        whole = self.sign(mail, more=["--now", "1795310360"])
        for size in (1, 7, 4096, 65535):
            reader, writer = os.pipe()
            data = mail.encode()
            pieces = 400 if size == 1 else None

            def feed():
                with os.fdopen(writer, "wb", buffering=0) as pipe:
                    at = 0
                    while at < len(data) and (pieces is None or at < pieces):
                        pipe.write(data[at : at + size])
                        at += size
                    pipe.write(data[at:])

            thread = threading.Thread(target=feed)
            thread.start()
            done = subprocess.run(
                [SMSIGN, *self.RSA, "--now", "1795310360"], stdin=reader,
                stdout=subprocess.PIPE, cwd=self.folder, env=self.environment(),
            )
            os.close(reader)
            thread.join()
            self.assertEqual(done.stdout, whole, size)

    def test_return_path_and_mbox_line_are_left_out_and_a_last_end_is_added(self):
        signed = self.sign("From anna Sat Nov 21 10:00:00 2026\nReturn-Path: <x@y>\n" + MAIL[:-1])
        self.assertTrue(signed.endswith(b"\n\n" + MAIL.split("\n\n", 1)[1].encode()))
        self.assertNotIn(b"Return-Path", signed)
        self.assertNotIn(b"From anna Sat", signed)
        self.assert_verdict(signed, 0, "pass")

    def test_a_message_without_body_is_signed(self):
        head = MAIL.split("\n\n", 1)[0] + "\n"
        for mail in (head, head + "\n", head[:-1]):
            self.assert_verdict(self.sign(mail), 0, "pass")

    def test_keys_of_the_configuration_are_chosen_by_the_author(self):
        self.write(
            "smtools.yaml",
            "organisations:\n  linde:\n    name: Linde\n    domains: [example.com]\n"
            "    dkim:\n"
            f"      - {{domain: example.com, selector: mail, key: {self.folder}/rsa.pem, "
            f"selector2: edge, key2: {self.folder}/edge.pem}}\n",
        )
        done = self.run_smsign(["--config", "smtools.yaml"], MAIL)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count(b"DKIM-Signature:"), 2)
        other = MAIL.replace("anna@example.com", "anna@example.org")
        done = self.run_smsign(["--config", "smtools.yaml"], other)
        self.assert_refused(done, 64, "none is configured for example.org")

    def test_a_full_disk_is_no_success(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [SMSIGN, *self.RSA], input=MAIL.encode(), stdout=full, stderr=subprocess.PIPE,
                cwd=self.folder, env=self.environment(),
            )
        self.assertEqual(done.returncode, 74)

    @unittest.skipIf("SMTOOLS_SANITIZED" in os.environ, "SKIP: sanitizers take memory of their own")
    def test_40_MB_from_a_pipe_take_bounded_memory_and_leave_nothing_in_the_clear(self):
        marker = b"PLAINTEXT-MARKER-0123456789"
        line = marker + b"x" * 40 + b"\n"
        data = MAIL.encode() + line * (40_000_000 // len(line))
        spool = self.folder / "tmp"
        spool.mkdir(exist_ok=True)
        script = (
            "import resource,subprocess,sys\n"
            "done=subprocess.run(sys.argv[1:],stdin=0,stdout=1)\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,file=sys.stderr)\n"
            "sys.exit(done.returncode)\n"
        )
        done = subprocess.run(
            ["/usr/bin/python3", "-c", script, SMSIGN, *self.BOTH], input=data,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder,
            env=self.environment(), timeout=120,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.endswith(data))
        resident = int(done.stderr.split()[-1])
        self.assertLessEqual(resident, 24 * 1024, "KiB")
        for found in self.folder.rglob("*"):
            if found.is_file() and found.stat().st_size < 1_000_000:
                self.assertNotIn(marker, found.read_bytes(), found)

    def test_flags_that_say_half_are_wrong_usage(self):
        for arguments in (
            ["--domain", "example.com"],
            ["--domain", "example.com", "--selector", "mail"],
            [*self.RSA, "--selector2", "edge"],
            [*self.RSA, "--key2", "edge.pem"],
            ["--domain", "-", "--selector", "mail", "--key", "rsa.pem"],
            [*self.RSA, "--now", "yesterday"],
            [*self.RSA, "extra"],
        ):
            done = self.run_smsign(arguments, MAIL)
            self.assertEqual(done.returncode, 64, (arguments, done.stderr))
        self.assertEqual(self.run_smsign([*self.RSA[:4], "--key", "none.pem"], MAIL).returncode, 66)
        self.write("shared.pem", (self.folder / "rsa.pem").read_bytes(), 0o644)
        done = self.run_smsign([*self.RSA[:4], "--key", "shared.pem"], MAIL)
        self.assert_refused(done, 77, "can be read by others")
        done = self.run_smsign([*self.RSA[:4], "--key", "dns"], MAIL)
        self.assertEqual(done.returncode, 77)
        self.write("no.pem", "not a key", 0o600)
        self.assertEqual(self.run_smsign([*self.RSA[:4], "--key", "no.pem"], MAIL).returncode, 65)

    def test_a_credential_is_a_key(self):
        folder = self.folder / "credentials"
        folder.mkdir()
        (folder / "dkim").write_bytes((self.folder / "rsa.pem").read_bytes())
        (folder / "dkim").chmod(0o440)
        environment = {"CREDENTIALS_DIRECTORY": str(folder)}
        arguments = ["--domain", "example.com", "--selector", "mail", "--key"]
        for name in ("credential:dkim", str(folder / "dkim")):
            done = self.run_smsign([*arguments, name], MAIL, environment=environment)
            self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_smsign([*arguments, "credential:../rsa.pem"], MAIL, environment=environment)
        self.assertEqual(done.returncode, 64)
        self.assertEqual(self.run_smsign([*arguments, "credential:dkim"], MAIL).returncode, 66)

    def test_its_other_part_is_found_wherever_both_are_and_missed_in_words(self):
        there = pathlib.Path(SMSIGN).resolve().parents[1]
        moved = self.folder / "opt"
        shutil.copytree(there / "libexec", moved / "libexec")
        (moved / "bin").mkdir()
        shutil.copy(SMSIGN, moved / "bin/smsign")
        (self.folder / "link").symlink_to(moved / "bin/smsign")
        signed = self.sign()
        for name in (moved / "bin/smsign", self.folder / "link"):
            command = [name, "verify", "--dns-file", "dns"]
            done = subprocess.run(command, input=signed, cwd=self.folder, env=self.environment(),
                                  capture_output=True)
            self.assertEqual((done.returncode, done.stderr), (0, b""), name)
        shutil.rmtree(moved / "libexec")
        done = subprocess.run(command, input=signed, cwd=self.folder, env=self.environment(),
                              capture_output=True)
        self.assert_refused(done, 69, f"running {moved}/libexec/smtools/smsign-lookup: No such")
        self.assertIn(b"smsign: hint: ", done.stderr)

    @unittest.skipIf("SMTOOLS_SANITIZED" in os.environ, "SKIP: sanitizers bring libraries")
    def test_signing_loads_none_of_the_libraries_that_looking_up_needs(self):
        loaded = subprocess.run(["ldd", SMSIGN], check=True, capture_output=True, text=True).stdout
        self.assertIn("libcrypto", loaded)
        for name in ("unbound", "sqlite", "yaml", "simdjson", "stdc++"):
            self.assertNotIn(name, loaded)

    def test_which_part_answers_is_not_to_be_seen(self):
        for arguments in (["verify", "--help"], ["--quiet", "verify", "--help"], ["rotate", "-h"],
                          ["sign", "--help"], ["dns", "--help"]):
            self.assertIn(b"\nUsage: smsign ", self.run_checked(arguments), arguments)
        for arguments in (["--key", ""], ["--key="], ["sign", "--key="], ["sign", "verify"],
                          ["sign", "--selector", "verify"], ["--nonsense"], ["verify", "--key", "k"]):
            done = self.run_smsign(arguments, MAIL)
            self.assert_refused(done, 64, "smsign: ")


if __name__ == "__main__":
    unittest.main()
