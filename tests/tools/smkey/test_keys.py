#!/usr/bin/python3
"""smkey: keys are made, rotated and destroyed, and at every moment every envelope opens."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../smseal"))

import envelope_v1 as v1
from tooltest import ToolTest, has_strace, is_private, tool


class KeyTest(ToolTest):
    def keys(self, state=None):
        """kid and state of each key of organisation default, in order."""
        lines = self.out("smkey", "list").decode().splitlines()
        rows = [line.split(" ") for line in lines]
        return [(row[1], row[3]) for row in rows if row[0] == "default" and state in (None, row[3])]

    def kid(self, state):
        return self.keys(state)[0][0]

    def store(self, sealed):
        """Puts an envelope into the store, as the sealed channel does."""
        text, rest = v1.split_header(sealed)
        envelope_id, _, size, _ = v1.parse_header(text)
        folder = "state/sealed/" + v1.b64url(envelope_id)
        os.makedirs(self.path(folder), 0o700)
        self.write(folder + "/head", text.encode())
        self.write(folder + "/0", rest[:size])
        self.write(folder + "/1", rest[size:])
        return folder

    def seal_into_store(self, count, *arguments):
        return [
            self.store(self.out("smseal", *arguments, input=b"message %d" % n))
            for n in range(count)
        ]

    def stanza_kids(self, folder):
        head = self.read(folder + "/head").decode()
        return [line.split(" ")[3] for line in head.splitlines() if line.startswith("-> ")]

    def opens(self, folder):
        result = self.run_tool("smunseal", "--org", "default", folder, status=None)
        return result.returncode == 0

    def records(self):
        log = self.read("state/audit/default/00000000.ndjson").decode().splitlines()
        return [json.loads(line) for line in log]


class Keys(KeyTest):
    def test_init_makes_what_is_missing_and_changes_nothing_else(self):
        self.run_tool("smkey", "init")
        self.assertEqual([state for _, state in self.keys()], ["active", "public"])
        master = self.read("state/keys/master.key")
        keyring = self.read("state/keys/keyring")
        self.assertEqual(len(base64.b64decode(master)), 32)
        self.assertTrue(is_private(self.path("state/keys/master.key")))
        self.assertTrue(is_private(self.path("state/keys/keyring")))
        self.run_tool("smkey", "init")
        self.assertEqual(self.read("state/keys/keyring"), keyring)
        self.run_tool("smkey", "init", "tweede.org")
        self.assertEqual(self.read("state/keys/master.key"), master)
        rows = [json.loads(line) for line in self.out("smkey", "list", "--json").splitlines()]
        self.assertEqual({row["org"] for row in rows}, {"default", "tweede.org"})
        self.assertEqual({row["kind"] for row in rows}, {"kek", "x25519"})
        self.error(64, "smkey", "init", "No Org")
        self.error(64, "smkey")
        self.error(64, "smkey", "destroy", "default")

    def test_every_change_is_in_the_log_with_counter_and_digest(self):
        self.run_tool("smkey", "init")
        self.run_tool("smkey", "rotate-org", "default")
        self.run_tool("smkey", "destroy", "default", self.kid("retired"))
        self.run_tool("smkey", "rotate-master")
        records = [r for r in self.records() if r["event"].startswith("kek_")]
        self.assertEqual(
            [r["event"] for r in records],
            ["kek_created", "kek_rotated", "kek_destroyed", "kek_rotated"],
        )
        self.assertEqual([r["keyring_counter"] for r in records], [1, 2, 3, 4])
        digest = hashlib.sha256(self.read("state/keys/keyring")).hexdigest()
        self.assertEqual(records[-1]["keyring_sha256"], digest)

    def test_rotation_moves_every_envelope_and_the_old_key_can_go(self):
        self.run_tool("smkey", "init")
        self.write("public", self.out("smkey", "export-public", "default"))
        folders = self.seal_into_store(5, "--org", "default")
        folders += self.seal_into_store(5, "--public-key", "public")
        bodies = [self.read(folder + "/1") for folder in folders]
        old = {kid for kid, _ in self.keys()}
        self.run_tool("smkey", "rotate-org", "default")
        self.assertEqual([self.read(folder + "/1") for folder in folders], bodies)
        for folder in folders:
            self.assertTrue(self.opens(folder))
            self.assertFalse(old & set(self.stanza_kids(folder)))
        states = dict(self.keys())
        self.assertEqual(sorted(states[kid] for kid in old), ["retired", "retired-public"])
        for kid in old:
            self.run_tool("smkey", "destroy", "default", kid)
            self.run_tool("smkey", "destroy", "default", kid, status=None)
        for folder in folders:
            self.assertTrue(self.opens(folder))
        self.assertEqual(len(self.keys("destroyed")), 1)

    def test_a_key_that_is_needed_is_not_destroyed_by_mistake(self):
        self.run_tool("smkey", "init")
        (folder,) = self.seal_into_store(1, "--org", "default")
        head = self.read(folder + "/head")
        active = self.kid("active")
        self.error(77, "smkey", "destroy", "default", active)
        self.error(77, "smkey", "destroy", "default", active, "--force")
        self.error(77, "smkey", "destroy", "default", self.kid("public"))
        self.error(66, "smkey", "destroy", "default", "0" * 16)
        self.error(64, "smkey", "destroy", "default", "nokid")
        self.run_tool("smkey", "rotate-org", "default")
        self.write(folder + "/head", head)
        message = self.error(77, "smkey", "destroy", "default", active)
        self.assertIn("1 envelopes of the store still need", message)
        self.run_tool("smkey", "destroy", "default", active, "--force")
        self.error(77, "smunseal", "--org", "default", folder)

    def test_F24_a_destroyed_key_stays_destroyed_when_the_old_keyring_is_put_back(self):
        self.run_tool("smkey", "init")
        sealed = self.out("smseal", "--org", "default", input=b"geheim")
        self.write("e.sme", sealed)
        self.run_tool("smkey", "rotate-org", "default")
        shutil.copytree(self.path("state/keys"), self.path("yesterday"))
        self.assertEqual(self.out("smunseal", "--org", "default", "e.sme"), b"geheim")
        self.run_tool("smkey", "destroy", "default", self.kid("retired"))
        self.error(77, "smunseal", "--org", "default", "e.sme")
        today = self.read("state/keys/keyring")
        shutil.rmtree(self.path("state/keys"))
        shutil.copytree(self.path("yesterday"), self.path("state/keys"))
        for command in (
            ["smunseal", "--org", "default", "e.sme"],
            ["smseal", "--org", "default", "e.sme"],
            ["smkey", "list"],
            ["smkey", "init", "other"],
            ["smkey", "rotate-org", "default"],
            ["smkey", "rotate-master"],
            ["smkey", "export-public", "default"],
        ):
            self.assertIn("an old copy was put back", self.error(78, *command))
        os.remove(self.path("state/keys/keyring"))
        self.assertIn("is missing", self.error(78, "smkey", "init"))
        self.write("state/keys/keyring", today)
        self.error(77, "smunseal", "--org", "default", "e.sme")
        self.assertEqual(len(self.keys("destroyed")), 1)

    def test_a_log_of_many_megabytes_is_searched_once(self):
        import time

        self.run_tool("smkey", "init")
        sealed = self.out("smseal", "--org", "default", input=b"x")
        # What the search sees: lines, none of which is about keys.
        line = b'{"v":1,"seq":1,"event":"delivered","filler":"' + b"x" * 400 + b'"}\n'
        with open(self.path("state/audit/default/00000000.ndjson"), "ab") as log:
            log.write(line * 100000)
        self.assertFalse(os.path.exists(self.path("state/keys/log-searched")))
        self.assertEqual(self.out("smunseal", "--org", "default", input=sealed), b"x")
        self.assertTrue(os.path.exists(self.path("state/keys/log-searched")))
        best = 10.0
        for _ in range(10):
            began = time.monotonic()
            self.assertEqual(self.out("smunseal", "--org", "default", input=sealed), b"x")
            best = min(best, time.monotonic() - began)
        print("beside a log of 45 MB: %.1f ms" % (best * 1000))

    def test_an_altered_keyring_and_a_wrong_master_key_are_refused(self):
        self.run_tool("smkey", "init")
        keyring = self.read("state/keys/keyring")
        self.write("state/keys/keyring", keyring.replace(b" active ", b" retired ", 1))
        self.error(77, "smkey", "list")
        self.write("state/keys/keyring", keyring)
        self.write("state/keys/master.key", base64.b64encode(os.urandom(32)) + b"\n")
        self.error(77, "smkey", "list")
        self.write("state/keys/master.key", b"short\n")
        self.error(78, "smkey", "list")
        os.remove(self.path("state/keys/master.key"))
        self.assertIn("no master key", self.error(78, "smkey", "list"))
        self.error(78, "smkey", "init")
        self.assertFalse(os.path.exists(self.path("state/keys/master.key")))
        self.write("state/keys/master.key", b"x", 0o644)
        self.error(77, "smkey", "list")

    def test_the_master_key_from_a_credential_and_from_the_environment(self):
        os.mkdir(self.path("credentials"))
        one = base64.b64encode(os.urandom(32))
        two = base64.b64encode(os.urandom(40))
        self.write("credentials/master.key", one + b"\n", 0o440)
        self.environment["CREDENTIALS_DIRECTORY"] = self.path("credentials")
        self.run_tool("smkey", "init")
        self.assertFalse(os.path.exists(self.path("state/keys/master.key")))
        sealed = self.out("smseal", "--org", "default", input=b"x")
        by_environment = dict(self.environment, SECURE_MAIL_MASTER_KEY=one.decode())
        del by_environment["CREDENTIALS_DIRECTORY"]
        result = self.run_tool(
            "smunseal", "--org", "default", input=sealed, environment=by_environment
        )
        self.assertEqual(result.stdout, b"x")
        self.assertIn(b"warning: ", result.stderr)
        self.error(64, "smkey", "rotate-master")
        self.write("two", two + b"\n")
        self.run_tool("smkey", "rotate-master", "--new-key", "two")
        self.error(77, "smkey", "list")
        self.write("credentials/master.key", two + b"\n", 0o440)
        self.assertEqual(self.out("smunseal", "--org", "default", input=sealed), b"x")

    def test_rotating_the_master_key_leaves_the_old_one_good_for_nothing(self):
        self.run_tool("smkey", "init")
        sealed = self.out("smseal", "--org", "default", input=b"x")
        old = self.read("state/keys/master.key").decode()
        self.run_tool("smkey", "rotate-master")
        self.assertEqual(self.out("smunseal", "--org", "default", input=sealed), b"x")
        new = self.read("state/keys/master.key").decode()
        keyring = self.read("state/keys/keyring").decode()
        self.assertEqual(v1.open_keyring(keyring, new)[0], 2)
        with self.assertRaises(v1.WrongKey):
            v1.open_keyring(keyring, old)
        self.error(64, "smkey", "rotate-master", "--new-key", "x")

    def test_a_damaged_envelope_does_not_stop_the_others(self):
        self.run_tool("smkey", "init")
        folders = self.seal_into_store(4, "--org", "default")
        head = bytearray(self.read(folders[1] + "/head"))
        head[-20] = ord("A") if head[-20] != ord("A") else ord("B")
        self.write(folders[1] + "/head", bytes(head))
        old = self.kid("active")
        self.assertIn("1 envelopes could not be renewed", self.run_tool(
            "smkey", "rotate-org", "default", status=77).stderr.decode())
        for n, folder in enumerate(folders):
            self.assertEqual(self.stanza_kids(folder) == [old], n == 1)
        shutil.rmtree(self.path(folders[1]))
        keys = self.keys()
        self.run_tool("smkey", "rotate-org", "default")
        self.assertEqual(self.keys(), keys)


class Places(KeyTest):
    """State that lies where there is no room, or nothing can be written."""

    def setUp(self):
        super().setUp()
        self.mount = self.path("state")
        os.mkdir(self.mount)
        probe = subprocess.run(["mount", "-t", "tmpfs", "none", self.mount], stderr=subprocess.PIPE)
        if probe.returncode != 0:
            self.skipTest("SKIP: no right to mount")
        self.addCleanup(subprocess.run, ["umount", self.mount], check=True)

    def remount(self, options):
        subprocess.run(["mount", "-o", "remount," + options, self.mount], check=True)

    def used(self):
        """KiB that are taken."""
        status = os.statvfs(self.mount)
        return (status.f_blocks - status.f_bfree) * status.f_frsize // 1024

    def test_F05_no_space_at_any_size(self):
        self.run_tool("smkey", "init")
        folders = self.seal_into_store(2, "--org", "default")
        failed = 0
        for command in (["rotate-org", "default"], ["rotate-master"], ["init", "second"]):
            used = self.used()
            for more in range(0, 4000, 4):
                self.remount("size=%dk" % (used + more))
                result = self.run_tool("smkey", *command, status=None)
                for folder in folders:
                    self.assertTrue(self.opens(folder), (command, more))
                self.assertEqual(len(self.keys("active")), 1)
                if result.returncode == 0:
                    break
                failed += 1
                self.assertIn(result.returncode, (74, 75, 78), result.stderr)
                self.assertTrue(result.stderr.startswith(b"smkey: error: "), result.stderr)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.remount("size=64m")
            self.run_tool("smkey", *command)
        self.assertGreater(failed, 3)
        for folder in folders:
            self.assertEqual(self.stanza_kids(folder), [self.kid("active")])

    def test_F08_read_only(self):
        self.run_tool("smkey", "init")
        folder, = self.seal_into_store(1, "--org", "default")
        before = self.out("smkey", "list")
        self.remount("ro")
        for command in (["rotate-org", "default"], ["rotate-master"], ["init", "second"],
                        ["destroy", "default", self.kid("active")]):
            result = self.run_tool("smkey", *command, status=None)
            self.assertIn(result.returncode, (74, 77), (command, result.stderr))
        # What only reads goes on.
        self.assertEqual(self.out("smkey", "list"), before)
        self.assertTrue(self.out("smkey", "export-public", "default"))
        self.assertTrue(self.opens(folder))
        self.remount("rw")

    def test_F19_what_is_printed_is_written_or_it_failed(self):
        self.run_tool("smkey", "init")
        for command in (["list"], ["export-public", "default"]):
            with open("/dev/full", "wb") as full:
                self.error(74, "smkey", *command, stdout=full)
            script = '"$0" "$@" >&-'
            result = subprocess.run(["/bin/sh", "-c", script, tool("smkey"), *command],
                                    env=self.environment, stderr=subprocess.PIPE)
            self.assertEqual(result.returncode, 74, (command, result.stderr))


@unittest.skipUnless(has_strace(), "SKIP: no strace, or a sanitized build")
class Crashes(KeyTest):
    def crash_everywhere(self, command, prepare, check, calls):
        """Kills a command at each of its system calls of some kinds, then lets it run again."""
        template = self.path("template")
        prepare()
        shutil.copytree(self.path("state"), template)
        arguments = [tool("smkey"), *command()]
        trace = ["strace", "-f", "-o", self.path("trace")]
        subprocess.run(trace + arguments, env=self.environment, check=True)
        text = self.read("trace").decode(errors="replace")
        kills = 0
        for call in calls:
            count = len(re.findall(r"^\d+ +%s\(" % call, text, re.M))
            for when in range(1, count + 1):
                shutil.rmtree(self.path("state"))
                shutil.copytree(template, self.path("state"))
                inject = "inject=%s:signal=KILL:when=%d" % (call, when)
                result = subprocess.run(
                    trace + ["-e", inject, *arguments],
                    env=self.environment,
                    stderr=subprocess.PIPE,
                )
                kills += result.returncode != 0
                check("after a kill at %s %d" % (call, when))
                self.run_tool("smkey", *command())
                check("after the rerun")
        print("%d kills of smkey %s" % (kills, arguments[1]))
        self.assertGreater(kills, 10)

    CALLS = ["openat", "write", "fsync", "fdatasync", "rename", "renameat2", "unlink", "unlinkat", "flock"]

    def test_F01_init(self):
        def check(_):
            # Nothing there yet, or all of it; never keys without their record.
            result = self.run_tool("smkey", "list", status=None)
            self.assertIn(result.returncode, (0, 78), result.stderr)

        def command():
            return ["init", "second"]

        self.crash_everywhere(command, lambda: self.run_tool("smkey", "init"), check, self.CALLS)
        self.assertIn(b"second", self.out("smkey", "list"))

    def test_F01_rotate_org(self):
        folders = []

        def prepare():
            self.run_tool("smkey", "init")
            folders.extend(self.seal_into_store(3, "--org", "default"))

        def check(when):
            for folder in folders:
                self.assertTrue(self.opens(folder), when)
            self.assertEqual(len(self.keys("active")), 1)
            self.assertLessEqual(len(self.keys("retired")), 2)
            if when == "after the rerun":
                for folder in folders:
                    self.assertEqual(self.stanza_kids(folder), [self.kid("active")])

        self.crash_everywhere(lambda: ["rotate-org", "default"], prepare, check, self.CALLS)

    def test_F01_rotate_master(self):
        folders = []

        def prepare():
            self.run_tool("smkey", "init")
            folders.extend(self.seal_into_store(1, "--org", "default"))

        def check(when):
            self.assertTrue(self.opens(folders[0]), when)

        self.crash_everywhere(lambda: ["rotate-master"], prepare, check, self.CALLS)
        self.assertEqual(
            [n for n in self.names("state/keys") if n.endswith(".next")], []
        )

    def test_F04_a_sync_that_fails_is_told_and_the_next_run_finishes(self):
        self.run_tool("smkey", "init")
        folders = self.seal_into_store(2, "--org", "default")
        template = self.path("template")
        shutil.copytree(self.path("state"), template)
        failed = 0
        for command in (["rotate-org", "default"], ["rotate-master"], ["init", "second"]):
            for call in ("fsync", "fdatasync"):
                for when in range(1, 40):
                    shutil.rmtree(self.path("state"))
                    shutil.copytree(template, self.path("state"))
                    inject = "inject=%s:error=EIO:when=%d" % (call, when)
                    result = subprocess.run(
                        ["strace", "-f", "-o", self.path("trace"), "-e", inject, tool("smkey"), *command],
                        env=self.environment,
                        stderr=subprocess.PIPE,
                    )
                    if b"INJECTED" not in self.read("trace"):
                        break
                    failed += 1
                    # A checkpoint that could not be signed is made good by the next record.
                    self.assertIn(result.returncode, (0, 74, 75, 78), result.stderr)
                    for folder in folders:
                        self.assertTrue(self.opens(folder), (command, call, when))
                    self.run_tool("smkey", *command)
                    for folder in folders:
                        self.assertTrue(self.opens(folder), (command, call, when))
        print("%d failing syncs" % failed)
        self.assertGreater(failed, 20)

    def test_F01_destroy(self):
        kids = []

        def prepare():
            self.run_tool("smkey", "init")
            self.write("e.sme", self.out("smseal", "--org", "default", input=b"x"))
            self.run_tool("smkey", "rotate-org", "default")
            kids.append(self.kid("retired"))

        def check(when):
            result = self.run_tool("smunseal", "--org", "default", "e.sme", status=None)
            if when == "after the rerun":
                self.assertEqual(result.returncode, 77)
            # Once the log says that it is destroyed, it is, whatever else the kill left.
            told = any(r["event"] == "kek_destroyed" for r in self.whole_records())
            self.assertEqual(result.returncode, 77 if told else 0, (when, result.stderr))

        self.crash_everywhere(lambda: ["destroy", "default", kids[0]], prepare, check, self.CALLS)

    def whole_records(self):
        log = self.read("state/audit/default/00000000.ndjson")
        return [json.loads(line) for line in log[: log.rfind(b"\n") + 1].splitlines() if line.strip(b"\0")]


if __name__ == "__main__":
    unittest.main()
