#!/usr/bin/python3
"""smretain: what became of sealed messages, and their end: told, certified, and complete from wherever it
was interrupted."""

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from retaintest import BODY, CONFIGURATION, SUBJECT, RetainTest, has_faketime, has_strace, killed, tool  # noqa: E402


class Listing(RetainTest):
    def test_list_has_a_row_a_recipient_and_never_the_subject(self):
        identity = self.send("anna@plain.example", "bob@other.example", options=("-V", "env-7"),
                             message_id="a@delinde.example")
        text = self.out("smretain", "list").decode()
        self.assertNotIn(SUBJECT, text)
        rows = [line.split("\t") for line in text.splitlines()]
        self.assertEqual(len(rows), 2)
        for row in rows:
            self.assertEqual(len(row), 7, row)
            self.assertEqual(row[:3], [identity, "env-7", "jan@delinde.example"])
            self.assertEqual((row[4], row[5]), ("pending", "opened 0 of 2"))
            self.assertRegex(row[6], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual({row[3] for row in rows}, {"anna@plain.example", "bob@other.example"})

    def test_list_is_chosen_by_status_sender_and_reference(self):
        first = self.send(options=("-V", "one"))
        second = self.send(options=("-V", "two"))
        self.assertEqual([row["id"] for row in self.rows()], [second, first], "newest first")
        self.run_tool("smretain", "revoke", first)
        self.assertEqual([row["id"] for row in self.rows("--status", "revoked")], [first])
        self.assertEqual([row["id"] for row in self.rows("--status", "sent")], [second])
        self.assertEqual([row["id"] for row in self.rows("--reference", "two")], [second])
        self.assertEqual(len(self.rows("--sender", "jan@delinde.example")), 2)
        self.assertEqual(self.rows("--sender", "piet@delinde.example"), [])
        self.error(64, "smretain", "list", "--status", "lost")
        self.error(66, "smretain", "show", "nonesuch")

    def test_a_reply_stands_below_the_message_that_it_answers(self):
        answered = self.send(message_id="a@delinde.example")
        reply = self.send(message_id="b@delinde.example")
        newer = self.send(message_id="c@delinde.example")
        with sqlite3.connect(self.path("state/index.db")) as database:
            database.execute("UPDATE sealed_message SET kind = 1, reply_to = ? WHERE id = ?", (answered, reply))
        database.close()
        rows = self.rows()
        self.assertEqual([row["id"] for row in rows], [newer, answered, reply])
        self.assertEqual([row["reply_to"] for row in rows], [None, None, answered])


class Revoking(RetainTest):
    def revoke(self, *options, status=0):
        out = self.out("smretain", "revoke", "--json", *options, status=status)
        return [json.loads(line) for line in out.splitlines()]

    def test_by_id_for_all_or_for_one(self):
        identity = self.send("anna@plain.example", "bob@other.example")
        rows = self.revoke(identity, "--recipient", "bob@other.example")
        self.assertEqual([(row["recipient"], row["status"]) for row in rows], [("bob@other.example", "revoked")])
        self.assertEqual(sorted(self.status(identity)), ["pending", "revoked"])
        folder = self.envelope(identity)
        head = self.head(folder)
        self.assertEqual(head.count("-> link"), 1, "the stanza of the one is gone")
        rows = self.revoke(identity)
        self.assertEqual({row["status"] for row in rows}, {"revoked"})
        self.assertFalse(os.path.exists(folder))
        self.error(66, "smretain", "revoke", "nonesuch")
        self.error(66, "smretain", "revoke", identity, "--recipient", "eve@other.example")
        self.check_log()

    def test_the_last_one_a_message_id_and_a_recipient_since(self):
        first = self.send("anna@plain.example", message_id="a@delinde.example")
        second = self.send("bob@other.example", message_id="b@delinde.example")
        third = self.send("anna@plain.example", message_id="c@delinde.example")
        self.assertEqual([row["id"] for row in self.revoke("--last")], [third])
        self.assertEqual([row["id"] for row in self.revoke("--message-id", "b@delinde.example")], [second])
        self.assertEqual(self.status(first), ["sent"])
        rows = self.revoke("--to", "anna@plain.example", "--since", "1h")
        self.assertEqual({(row["id"], row["status"]) for row in rows}, {(first, "revoked"), (third, "revoked")})

    def test_one_way_of_saying_which_is_wanted(self):
        identity = self.send()
        for options in ((), (identity, "--last"), ("--to", "anna@plain.example"), ("--since", "1h"),
                        ("--to", "anna@plain.example", "--since", "yesterday"), ("--last", "--recipient", "anna@plain.example"),
                        ("--to", "anna@plain.example", "--since", "1h", "--recipient", "bob@other.example")):
            with self.subTest(options):
                self.error(64, "smretain", "revoke", *options)
        self.assertEqual(self.status(identity), ["sent"])

    def test_an_end_before_stays_what_it_was(self):
        identity = self.send()
        self.let_expire(identity)
        self.sweep()
        self.assertEqual([row["status"] for row in self.revoke(identity)], ["expired"])
        self.assertEqual(self.status(identity), ["expired"])


class Ends(RetainTest):
    def test_a_sweep_is_idempotent(self):
        expiring, staying = self.send(), self.send()
        self.let_expire(expiring)
        self.assertEqual(self.sweep()["expired"], 1)
        before = self.event_names(expiring)
        again = self.sweep()
        self.assertEqual((again["expired"], again["finished"], again["repeated"]), (0, 0, 0))
        self.assertEqual(self.event_names(expiring), before)
        self.assertEqual((self.status(expiring), self.status(staying)), (["expired"], ["sent"]))
        self.check_log()

    def test_nothing_is_left_of_what_was_deleted_revoked_or_has_expired(self):
        password = self.write("password", b"passwordcanary\n")
        deleted = self.send(body="deletedcanary", options=("--password-file", password))
        revoked = self.send(body="revokedcanary")
        expired = self.send(body="expiredcanary")
        folders = [self.envelope(identity) for identity in (deleted, revoked, expired)]
        stanzas = []
        for folder in folders:
            lines = self.head(folder).splitlines()
            stanzas += [line for line in lines if len(line) > 80 and " " not in line]
        self.assertGreaterEqual(len(stanzas), 3, "the wrapped keys")
        self.run_tool("smretain", "delete", deleted)
        self.run_tool("smretain", "revoke", revoked)
        self.let_expire(expired)
        self.sweep()
        for canary in ("deletedcanary", "revokedcanary", "expiredcanary", SUBJECT, "passwordcanary", *stanzas):
            self.assertIsNone(self.is_anywhere(canary.encode()), canary)
        self.assertEqual(os.listdir(self.path("state/sealed")), [])
        self.assertEqual([self.status(i) for i in (deleted, revoked, expired)],
                         [["deleted"], ["revoked"], ["expired"]])
        for identity, event in ((deleted, "deleted"), (revoked, "revoked"), (expired, "expired")):
            self.assertEqual(self.event_names(identity)[-1], event)
        self.check_log()

    def test_a_deletion_is_certified_and_the_log_proves_it(self):
        identity = self.send()
        self.run_tool("smretain", "delete", identity, "--certificate", self.path("certificate"))
        told = json.loads(self.read("certificate"))
        self.assertEqual((told["message"], told["organisation"]), (identity, "De Linde"))
        os.mkdir(self.path("receipt"))
        self.write("receipt/record", told["record"].encode())
        self.write("receipt/disclosures", "".join(line + "\n" for line in told["disclosures"]).encode())
        self.write("receipt/proof.tlog-proof", told["proof"].encode())
        key = self.path("state/audit/delinde/log.vkey")
        self.run_tool("smaudit", "receipt", "verify", "--key", key, self.path("receipt"))
        # Asked for again, and of a message that had expired before.
        self.run_tool("smretain", "delete", identity, "--certificate", self.path("again"))
        self.assertEqual(json.loads(self.read("again"))["record"], told["record"])
        expired = self.send()
        self.let_expire(expired)
        self.sweep()
        self.run_tool("smretain", "delete", expired, "--certificate", self.path("expired"))
        self.assertEqual(self.status(expired), ["deleted"])
        self.assertEqual(json.loads(json.loads(self.read("expired"))["record"])["event"], "deleted")
        self.error(66, "smretain", "delete", "nonesuch")

    def test_a_forged_certificate_is_found_out(self):
        identity = self.send()
        self.run_tool("smretain", "delete", identity, "--certificate", self.path("certificate"))
        told = json.loads(self.read("certificate"))
        os.mkdir(self.path("receipt"))
        self.write("receipt/record", told["record"].replace('"deleted"', '"revoked"').encode())
        self.write("receipt/disclosures", b"")
        self.write("receipt/proof.tlog-proof", told["proof"].encode())
        key = self.path("state/audit/delinde/log.vkey")
        self.run_tool("smaudit", "receipt", "verify", "--key", key, self.path("receipt"), status=1)

    def test_F24_yesterdays_backup_brings_nothing_back(self):
        deleted, expired, revoked, kept = self.send(), self.send(), self.send(), self.send()
        both = self.send("anna@plain.example", "bob@other.example")
        shutil.copytree(self.path("state"), self.path("backup"))
        self.run_tool("smretain", "delete", deleted)
        self.run_tool("smretain", "revoke", revoked)
        self.run_tool("smretain", "revoke", both, "--recipient", "bob@other.example")
        self.let_expire(expired)
        self.sweep()
        # The database and the envelopes of yesterday, the log of today.
        shutil.rmtree(self.path("state/sealed"))
        shutil.copytree(self.path("backup/sealed"), self.path("state/sealed"))
        for name in os.listdir(self.path("state")):
            if name.startswith("index.db"):
                os.remove(self.path("state/" + name))
        for name in os.listdir(self.path("backup")):
            if name.startswith("index.db"):
                shutil.copy(self.path("backup/" + name), self.path("state/" + name))
        self.assertEqual(self.status(deleted), ["sent"], "the backup is in place")
        before = len(self.events())
        self.assertEqual(self.sweep()["repeated"], 4)
        self.assertEqual([self.status(i) for i in (deleted, expired, revoked, kept)],
                         [["deleted"], ["expired"], ["revoked"], ["sent"]])
        self.assertEqual(sorted(self.status(both)), ["pending", "revoked"])
        self.assertEqual(self.head(self.envelope(both)).count("-> link"), 1)
        self.assertEqual(len(os.listdir(self.path("state/sealed"))), 2)
        repeated = [record["event"] for record in self.events()[before:]]
        self.assertFalse({"deleted", "expired", "revoked"} & set(repeated), "told once, not twice")
        self.check_log()

    @unittest.skipUnless(has_faketime(), "SKIP: no faketime")
    def test_F14_a_clock_that_jumps_by_years_destroys_nothing(self):
        identity = self.send()
        environment = dict(self.environment)
        for jump, status in (("+3650d", 75), ("-365d", 0)):
            with self.subTest(jump):
                self.sweep(status=status, before=("faketime", "-f", jump), environment=environment)
                self.assertEqual(self.status(identity), ["sent"])
                self.assertTrue(os.path.exists(self.envelope(identity) + "/head"))
        self.sweep()
        self.sweep(status=75, before=("faketime", "-f", "+3650d"))
        self.assertEqual(self.status(identity), ["sent"])
        self.run_tool("smretain", "sweep", "--accept-clock", "--dns-file", self.answers,
                      before=("faketime", "-f", "+3650d"))
        self.assertEqual(self.status(identity), ["expired"])

    def test_F13_one_sweep_at_a_time_and_no_lock_that_stays(self):
        self.send()
        with open(self.path("state/sweep.lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertIn("another sweep", self.error(75, "smretain", "sweep", "--dns-file", self.answers))
        self.write("state/sweep.lock", b"12345\n")
        self.sweep()

    def test_F13_sweeps_and_deletions_side_by_side_agree(self):
        identities = [self.send() for _ in range(4)]
        self.let_expire(*identities[:2])
        commands = [["smretain", "sweep", "--dns-file", self.answers]] * 2
        commands += [["smretain", "delete", identity] for identity in identities]
        running = [subprocess.Popen([tool(c[0]), *c[1:]], env=self.environment, cwd=self.dir, stderr=subprocess.DEVNULL)
                   for c in commands]
        ended = [process.wait(timeout=120) for process in running]
        self.assertEqual(ended[2:], [0] * 4)
        self.assertLessEqual(set(ended[:2]), {0, 75})
        self.sweep()
        self.assertEqual([self.status(identity) for identity in identities], [["deleted"]] * 4)
        self.assertEqual(os.listdir(self.path("state/sealed")), [])
        self.check_log()


class Keys(RetainTest):
    def test_without_escrow_nobody_else_opens_a_message_and_the_log_says_who_tried(self):
        identity = self.send()
        self.error(77, "smretain", "get", identity, "-o", self.path("mail"))
        self.assertFalse(os.path.exists(self.path("mail")))
        last = self.events(identity)[-1]
        self.assertEqual((last["event"], last["outcome"], last["reason"]), ("escrow_opened", "denied", "no-escrow"))

    def test_a_notification_that_waits_is_hurried_and_no_new_link_is_made_without_a_key(self):
        identity = self.send()
        self.run_tool("smretain", "renotify", identity)
        with sqlite3.connect(self.path("state/index.db")) as database:
            database.execute("DELETE FROM errand")
        database.close()
        self.error(77, "smretain", "renotify", identity)
        last = self.events(identity)[-1]
        self.assertEqual((last["event"], last["outcome"], last["reason"]), ("link_issued", "denied", "no-key"))
        self.error(66, "smretain", "renotify", "nonesuch")

    def test_nobody_locked_is_nobody_unlocked(self):
        identity = self.send()
        self.run_tool("smretain", "unlock", identity)
        self.error(66, "smretain", "unlock", "nonesuch")


class Escrow(RetainTest):
    configuration = CONFIGURATION + "policy:\n  escrow: true\n"

    def test_the_organisation_opens_before_a_witness_and_not_after_the_expiry(self):
        identity = self.send()
        self.run_tool("smretain", "get", identity, "-o", self.path("mail"))
        self.assertIn(BODY.encode(), self.read("mail"))
        self.assertIn(BODY.encode(), self.out("smretain", "get", identity, "-o", "-"))
        self.assertEqual([(e["event"], e.get("outcome")) for e in self.events(identity)][-1], ("escrow_opened", "success"))
        folder = self.envelope(identity)
        self.assertIn(BODY.encode(), self.out("smunseal", "--org", "delinde", "--part", "1", folder))
        self.let_expire(identity)
        self.error(66, "smretain", "get", identity, "-o", self.path("late"))
        self.assertFalse(os.path.exists(self.path("late")))

    def test_a_new_link_replaces_the_old_one(self):
        identity = self.send()
        with sqlite3.connect(self.path("state/index.db")) as database:
            database.execute("DELETE FROM errand")
        database.close()
        old = self.head(self.envelope(identity))
        self.run_tool("smretain", "renotify", identity)
        new = self.head(self.envelope(identity))
        self.assertNotEqual(old, new)
        self.assertEqual(new.count("-> link"), 1)
        self.assertEqual(self.event_names(identity).count("link_issued"), 2)


@unittest.skipUnless(has_strace(), "SKIP: no strace")
class Killed(RetainTest):
    CHANGING = ("unlinkat", "unlink", "rmdir", "fdatasync", "fsync", "pwrite64", "ftruncate", "rename", "renameat2", "write",
                "mkdir", "fallocate", "syncfs")
    LOOKING = ("openat", "flock", "read", "pread64")

    def setUp(self):
        # Hundreds of runs, each of which waits for its syncs: in memory, where none takes time.
        tempfile.tempdir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        try:
            super().setUp()
        finally:
            tempfile.tempdir = None

    def each_kill(self, command, prepare):
        """Runs the command from the same state once for each system call that it makes there, killed at
        it. What a death at a call that changes nothing leaves behind is tried where it was not seen
        before: the files with their sizes."""
        shutil.copytree(self.path("state"), self.path("template"))
        kills, seen = 0, set()
        for call in self.CHANGING + self.LOOKING:
            for when in range(self.first(command, call), 1000):
                self.restore()
                if not killed(command, call, when, self.environment, self.dir):
                    break
                kills += 1
                left = self.left()
                if call in self.LOOKING and left in seen:
                    continue
                seen.add(left)
                with self.subTest(call=call, when=when):
                    prepare(call, when)
        return kills

    def restore(self):
        shutil.rmtree(self.path("state"))
        shutil.copytree(self.path("template"), self.path("state"))

    def left(self):
        return frozenset((os.path.relpath(f"{folder}/{name}", self.state), os.path.getsize(f"{folder}/{name}"))
                         for folder, _, names in os.walk(self.state) for name in names)

    def first(self, command, call):
        """The number of the first such call that comes after the program has begun with its state."""
        self.restore()
        trace = self.path("trace")
        subprocess.run(["strace", "-f", "-qq", "-o", trace, "-e", f"trace={call},openat", *command], cwd=self.dir,
                       env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
        count = 0
        with open(trace, errors="replace") as file:
            for line in file:
                if self.state in line:
                    return count + 1
                if f" {call}(" in line:
                    count += 1
        return 1

    def test_F04_a_sync_that_fails_ends_nothing_by_halves(self):
        for act in ("sweep", "delete"):
            with self.subTest(act):
                identity, staying, folder, command = self.about_to_end(act)
                failed = 0
                for call in ("fdatasync", "fsync"):
                    for when in range(1, 40):
                        self.restore()
                        done = subprocess.run(
                            ["strace", "-f", "-qq", "-o", self.path("trace"), "-e", f"trace={call}", "-e",
                             f"inject={call}:error=EIO:when={when}", *command], cwd=self.dir, env=self.environment,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
                        with open(self.path("trace")) as file:
                            if "INJECTED" not in file.read():
                                break
                        failed += 1
                        with self.subTest(call=call, when=when):
                            self.assertGreaterEqual(done.returncode, 0, done.stderr.decode())
                            if done.returncode == 0:  # where the checkpoint of a log, say, was all that failed
                                self.assertFalse(os.path.exists(folder + "/head"))
                            self.finish(act, identity, staying, folder)
                self.assertGreater(failed, 5)

    def about_to_end(self, act):
        """A message that `act` ends, one that stays, the first one's folder, and the command; the state is kept for restore()."""
        identity, staying = self.send(), self.send()
        if act == "sweep":
            self.let_expire(identity)
        command = [tool("smretain"), "sweep", "--dns-file", self.answers, "--deadline", "5"]
        if act == "delete":
            command = [tool("smretain"), "delete", identity]
        shutil.rmtree(self.path("template"), ignore_errors=True)
        shutil.copytree(self.path("state"), self.path("template"))
        return identity, staying, self.envelope(identity), command

    def finish(self, act, identity, staying, folder):
        """By a rerun, whatever was before it."""
        if act == "sweep":
            self.sweep()
        else:
            self.run_tool("smretain", "delete", identity)
        self.assertEqual((self.status(identity), self.status(staying)), (["expired" if act == "sweep" else "deleted"], ["sent"]))
        self.assertFalse(os.path.exists(folder))
        self.assertTrue(os.path.exists(self.envelope(staying) + "/head"))
        self.check_log()

    @unittest.skipUnless(os.geteuid() == 0, "SKIP: a small file system needs root")
    def test_F05_without_space_or_inodes_nothing_ends_by_halves(self):
        for act in ("sweep", "delete"):
            identity, staying, folder, command = self.about_to_end(act)
            used = sum((os.path.getsize(f"{where}/{name}") + 4095) // 4096 for where, folders, names in os.walk(self.path("template"))
                       for name in names)
            count = 1 + sum(len(folders) + len(names) for _, folders, names in os.walk(self.path("template")))
            ended = set()
            limits = [("size", f"{4 * (used + room)}k") for room in (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 48, 200)]
            limits += [("nr_inodes", str(count + room)) for room in (0, 1, 2, 3, 4, 6, 10)]
            for kind, limit in limits:
                with self.subTest(act=act, kind=kind, limit=limit):
                    shutil.rmtree(self.state)
                    os.mkdir(self.state, 0o700)
                    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{kind}={limit},mode=700", "none", self.state], check=True)
                    try:
                        shutil.copytree(self.path("template"), self.state, dirs_exist_ok=True)
                        done = subprocess.run(command, cwd=self.dir, env=self.environment, stdout=subprocess.PIPE,
                                              stderr=subprocess.PIPE, timeout=120)
                        self.assertGreaterEqual(done.returncode, 0, done.stderr.decode())
                        ended.add(done.returncode)
                        if done.returncode == 0:
                            self.assertFalse(os.path.exists(folder + "/head"))
                        roomy = "size=100m" if kind == "size" else "nr_inodes=10000"
                        subprocess.run(["mount", "-o", f"remount,{roomy}", self.state], check=True)
                        self.finish(act, identity, staying, folder)
                    finally:
                        subprocess.run(["umount", self.state], check=True)
            self.assertIn(0, ended)
            self.assertGreater(len(ended), 1, "no limit was felt")
            self.restore()

    def test_F01_a_sweep_that_is_killed_anywhere_is_finished_by_the_next(self):
        expiring, staying = self.send(), self.send()
        self.let_expire(expiring)
        folder, other = self.envelope(expiring), self.envelope(staying)

        def converges(call, when):
            self.sweep()
            self.assertEqual((self.status(expiring), self.status(staying)), (["expired"], ["sent"]))
            self.assertFalse(os.path.exists(folder))
            self.assertTrue(os.path.exists(other + "/head"))
            self.assertEqual(self.event_names(expiring).count("expired"), 1, (call, when))
            self.check_log()
            again = self.sweep()
            self.assertEqual((again["expired"], again["repeated"], again["finished"]), (0, 0, 0))

        kills = self.each_kill([tool("smretain"), "sweep", "--dns-file", self.answers, "--deadline", "5"], converges)
        self.assertGreater(kills, 15)

    def test_F01_a_deletion_that_is_killed_anywhere_is_finished_by_a_rerun_or_the_sweep(self):
        identity = self.send()
        folder = self.envelope(identity)
        command = [tool("smretain"), "delete", identity, "--certificate", self.path("certificate")]

        def converges(call, when):
            if when % 2 == 0:  # by the sweep alone, where the log was told
                told = "deleted" in self.event_names(identity)
                self.sweep()
                self.assertEqual(self.status(identity), ["deleted" if told else "sent"])
                self.assertEqual(os.path.exists(folder), not told)
            self.run_tool(*["smretain", "delete", identity, "--certificate", self.path("certificate")])
            self.assertEqual(self.status(identity), ["deleted"])
            self.assertFalse(os.path.exists(folder))
            record = json.loads(json.loads(self.read("certificate"))["record"])
            self.assertEqual((record["event"], record["message"]), ("deleted", identity))
            self.check_log()

        self.assertGreater(self.each_kill(command, converges), 15)

    def test_F01_between_the_end_of_the_keys_and_that_of_the_content_nothing_opens(self):
        identity = self.send()
        folder = self.envelope(identity)
        shutil.copytree(self.path("state"), self.path("template"))
        seen = set()
        for when in range(1, 20):
            shutil.rmtree(self.path("state"))
            shutil.copytree(self.path("template"), self.path("state"))
            if not killed([tool("smretain"), "delete", identity], "unlinkat", when, self.environment, self.dir):
                break
            left = sorted(os.listdir(folder)) if os.path.exists(folder) else []
            seen.add(tuple(left))
            if "head" not in left:
                continue
            # The keys go first: while they are there, all of the content is.
            self.assertLessEqual({"0", "1", "head"}, set(left))
        self.assertTrue(any("head" not in left and "1" in left for left in seen), seen)


if __name__ == "__main__":
    unittest.main(verbosity=2)
