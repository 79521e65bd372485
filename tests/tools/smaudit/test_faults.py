#!/usr/bin/python3
"""Disks that are full or break, clocks that jump, backups that were put back, streams that are
closed: what was acknowledged stays, what failed is told, and the log goes on."""

import json
import os
import resource
import shutil
import signal
import subprocess
import unittest

import audit_format
from audittest import MESSAGE, SMAUDIT, has_faketime, has_strace, main
from killing import KillingTest

RECORD = ("append", "--event", "opened", "--disclose", "recipient=new@b.example", "--json")


def can_mount():
    """Whether a tmpfs can be had here."""
    if os.geteuid() != 0:
        return False
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(probe, stderr=subprocess.DEVNULL).returncode == 0


class Faults(KillingTest):
    def setUp(self):
        super().setUp()
        self.fill(4)
        self.outside = self.checkpoint("outside")
        self.append("submitted", MESSAGE % "Z", disclose=["recipient=anna@b.example"])
        self.key = self.write("key", self.read("log.vkey"))
        self.before = self.lines()

    def judge(self, result):
        """An acknowledged record is there; a failure said so with the right status."""
        self.assertIn(result.returncode, (0, 74, 75), result.stderr)
        if result.returncode == 0 and result.stdout.startswith(b"{"):
            record = json.loads(self.lines()[json.loads(result.stdout)["seq"]])
            self.assertEqual(record["event"], "opened")

    def go_on(self):
        """The log takes records again, and everybody says that it is whole."""
        self.append("locked")
        self.assertEqual(self.lines()[: len(self.before)], self.before)
        self.run_tool("checkpoint")
        kinds, _ = self.assert_intact("--checkpoint", self.outside, "--key", self.key)
        self.assertLessEqual(kinds, {"lifecycle-incomplete"})
        self.assert_independently_intact()

    def fail_at_every_point(self, command, calls, error, statuses):
        self.keep_state()
        failed = 0
        for name, number in self.points(command, calls):
            with self.subTest(call=name, number=number):
                result = self.strace(command, "-e", "inject=%s:error=%s:when=%d" % (name, error, number))
                self.assertIn(result.returncode, statuses, (name, number, result.stderr))
                failed += result.returncode != 0
                self.judge(result)
                self.go_on()
            self.put_state_back()
        print("%s: %d failures by %s" % (command[0], failed, error))
        return failed

    @unittest.skipUnless(has_strace(), "no strace, or a sanitized build, which it stops")
    def test_F04_a_sync_that_fails_is_no_success(self):
        self.keep_state()
        # An append syncs the disclosures, then the record: both must be told.
        count = len(self.points(RECORD, ("fdatasync",)))
        self.assertGreaterEqual(count, 2)
        self.assertEqual(self.fail_at_every_point(RECORD, ("fdatasync",), "EIO", (74,)), count)
        for command in (["checkpoint"], ["erase", "--address", "anna@b.example",
                                         "--authorised-by", "d", "--ground", "g"]):
            count = len(self.points(command, ("fsync", "fdatasync")))
            self.assertGreaterEqual(count, 4)
            # The database copies its journal when it is closed, which the next opener does again;
            # and the sync of the erased file, which has no name any more, only hides.
            failed = self.fail_at_every_point(command, ("fsync", "fdatasync"), "EIO", (0, 74, 75))
            self.assertGreaterEqual(failed, count - 4)

    @unittest.skipUnless(has_strace(), "no strace, or a sanitized build, which it stops")
    def test_F04_F05_calls_that_fail(self):
        os.utime(os.path.join(self.log, "checkpoint"), (1e9, 1e9))  # the append signs, too
        for calls, error, least in (
            (("pwrite64", "write"), "EIO", 2),
            (("pwrite64", "write", "mkdir", "fallocate"), "ENOSPC", 2),
            (("link", "rename", "renameat2"), "EIO", 0),  # a checkpoint that failed is a warning
        ):
            failed = self.fail_at_every_point(RECORD, calls, error, (0, 74, 75))
            self.assertGreaterEqual(failed, least)

    def test_F05_no_space_at_each_byte(self):
        """A file may grow by so many bytes and no more: the line is cut at each of them."""
        self.keep_state()
        size = os.path.getsize(os.path.join(self.log, "00000000.ndjson"))
        told, acknowledged = 0, 0
        for limit in range(size, size + 700, 13):
            with self.subTest(bytes=limit - size):

                def limited():
                    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

                result = self.run_tool(*RECORD, status=None, preexec_fn=limited)
                self.judge(result)
                told += result.returncode != 0
                acknowledged += result.returncode == 0
                self.go_on()
            self.put_state_back()
        self.assertGreater(told, 20)

    def on_tmpfs(self, option):
        """Every command on a state that has only so much room; then there is room again."""
        script = """
            mount -t tmpfs -o %s none "$SMTOOLS_STATE" || exit 99
            cp -a kept/. "$SMTOOLS_STATE"/ 2>/dev/null || exit 98
            for i in 1 2 3 4 5 6; do
              "$@"; status=$?
              echo "status $status"
              "$SMAUDIT" checkpoint >/dev/null; echo "checkpoint $?"
            done
            mount -o remount,size=64m,nr_inodes=10000 "$SMTOOLS_STATE" || exit 97
            rm -rf after; cp -a "$SMTOOLS_STATE" after
        """ % option
        result = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", SMAUDIT, *RECORD, "--disclose", "big=" + "x" * 3000],
            cwd=self.dir,
            env=dict(self.environment, SMAUDIT=SMAUDIT),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=120,
        )
        if result.returncode == 98:
            return None
        self.assertEqual(result.returncode, 0, result.stderr)
        rows = result.stdout.decode().splitlines()
        shutil.rmtree(self.state)
        os.rename(self.path("after"), self.state)
        for row in rows:
            if row.startswith("{"):
                record = json.loads(self.lines()[json.loads(row)["seq"]])
                self.assertEqual(record["event"], "opened")
            else:
                self.assertIn(row.split()[1], ("0", "74", "75"), (row, result.stderr))
        acknowledged = sum(row == "status 0" for row in rows)
        self.assertEqual(acknowledged, sum(row.startswith("{") for row in rows))
        self.go_on()
        return 6 - acknowledged

    def small_state(self):
        """One that takes little room, with its log in order."""
        self.run_tool("checkpoint")
        os.unlink(os.path.join(self.log, ".slots"))
        self.before = self.lines()
        self.keep_state()

    @unittest.skipUnless(can_mount(), "no tmpfs can be mounted here")
    def test_F05_no_space(self):
        self.small_state()
        failures = [self.on_tmpfs("size=%dk" % size) for size in range(180, 420, 16)]
        self.assertTrue(any(failures), failures)

    @unittest.skipUnless(can_mount(), "no tmpfs can be mounted here")
    def test_F05_no_inodes(self):
        self.small_state()
        failures = [self.on_tmpfs("nr_inodes=%d" % inodes) for inodes in range(14, 34)]
        self.assertTrue(any(failures), failures)

    def test_F13_A92_overlapping_runs(self):
        """50 appenders, and signers among them, at once."""
        running = []
        for i in range(50):
            command = [SMAUDIT, *RECORD] if i % 5 else [SMAUDIT, "checkpoint"]
            running.append(
                subprocess.Popen(command, env=self.environment, cwd=self.dir, stdout=subprocess.PIPE)
            )
        seqs = []
        for i, one in enumerate(running):
            out, _ = one.communicate(timeout=300)
            self.assertEqual(one.returncode, 0)
            if i % 5:
                seqs.append(json.loads(out)["seq"])
        self.assertEqual(len(set(seqs)), 40)
        self.go_on()

    def test_F13_a_lock_that_a_dead_process_left(self):
        lock = os.path.join(self.log, "lock")
        holder = subprocess.Popen(
            ["flock", lock, "sh", "-c", "echo held; exec sleep 600"], stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.assertEqual(holder.stdout.readline(), b"held\n")
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait(60)
        holder.stdout.close()
        with open(lock, "w") as file:
            file.write("%d\n" % holder.pid)
        self.go_on()

    @unittest.skipUnless(has_faketime(), "no faketime, or a sanitized build, which it stops")
    def test_F14_clocks_that_jump(self):
        def at(time, *command):
            environment = dict(self.environment, FAKETIME_DONT_FAKE_MONOTONIC="1")
            return self.run_tool(*command, before=["faketime", "-f", time], env=environment)

        for time in ("-365d", "+3650d", "@2016-12-31 23:59:60", "@2026-03-29 02:30:00", "@2040-02-29 12:00:00",
                     "@1971-01-01 00:00:00"):
            at(time, "append", "--event", "opened", "--fact", "clock=jumped")
            at(time, "checkpoint")
            at(time, "append", "--event", "opened", "--fact", "clock=jumped")
            self.assertIn(b"intact", at(time, "verify").stdout)
        rows = [json.loads(line) for line in self.out("export").splitlines()]
        times = [row["ts"] for row in rows]
        self.assertNotEqual(times, sorted(times))
        monotonic = [row["mono"] for row in rows]
        self.assertEqual(monotonic, sorted(monotonic))
        self.go_on()
        since = self.out("export", "--since", "2035-01-01").splitlines()
        self.assertEqual(len(since), 4)

    def test_F19_closed_streams_never_become_the_log(self):
        for closed in ("<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"):
            for command in ("append --event opened --fact bad", "append --event opened", "verify", "checkpoint"):
                result = subprocess.run(
                    ["sh", "-c", 'exec "$0" %s %s' % (command, closed), SMAUDIT],
                    env=self.environment,
                    cwd=self.dir,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
                self.assertIn(result.returncode, (0, 64, 74), (command, closed))
        self.go_on()

    def test_F19_a_full_device_and_a_reader_that_goes(self):
        for command in ("verify", "export", "trace anna@b.example", "report --month 2026-11", "checkpoint",
                        "append --event opened --json", "export --format csv", "export --raw"):
            with open("/dev/full", "wb") as full:
                result = self.run_tool(*command.split(), stdout=full, status=74)
            self.assertIn(b"smaudit: error: ", result.stderr)
        lines = self.lines()
        self.write_lines(lines)
        child = subprocess.Popen(
            [SMAUDIT, "export", "--follow"], env=self.environment, cwd=self.dir,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
        )
        self.assertTrue(child.stdout.readline())
        child.stdout.close()
        self.append("opened")
        child.stderr.read()
        child.stderr.close()
        self.assertEqual(child.wait(60), 74)

    def test_F24_yesterdays_backup_of_the_log_put_back(self):
        backup = self.path("backup")
        shutil.copytree(self.log, backup)
        self.fill(4)
        today = self.checkpoint("today")
        shutil.rmtree(self.log)
        shutil.copytree(backup, self.log)
        # The state's database knows better: nothing is appended, nothing signed, nothing cut.
        for command in (RECORD, ["checkpoint"], ["checkpoint", "--end-epoch"],
                        ["erase", "--address", "anna@b.example", "--authorised-by", "d", "--ground", "g"]):
            result = self.run_tool(*command, status=78)
            self.assertIn(b"were signed", result.stderr)
        self.assertEqual(self.lines(), self.before)
        # Verify sees a log that was whole yesterday; today's checkpoint tells.
        kinds, _ = self.assert_intact("--key", self.key)
        self.assertIn("tail-not-proven", kinds)
        kinds, _, status = self.findings("--key", self.key, "--checkpoint", today)
        self.assertEqual((status, kinds & {"shorter-than-checkpoint"}), (1, {"shorter-than-checkpoint"}))
        self.assertEqual(self.by_kind["shorter-than-checkpoint"]["record"], len(self.before))

    def test_F24_yesterdays_backup_of_the_whole_state_put_back(self):
        """Nothing here can know: new records make a fork, which whoever kept today's checkpoint sees."""
        self.keep_state()
        self.fill(4)
        today = self.checkpoint("today")
        self.put_state_back()
        self.go_on()
        self.fill(6)
        self.run_tool("checkpoint")
        kinds, _, status = self.findings("--key", self.key, "--checkpoint", today)
        self.assertEqual((status, kinds & {"tree-mismatch"}), (1, {"tree-mismatch"}))

    def test_F24_yesterdays_database_put_back(self):
        """The log is newer than what the database knows: its own checkpoints decide."""
        self.keep_state()
        self.fill(4)
        self.run_tool("checkpoint")
        for name in os.listdir(self.state):
            if name.startswith("index.db"):
                os.unlink(os.path.join(self.state, name))
        shutil.copy(os.path.join(self.kept, "index.db"), self.state)
        before = self.lines()
        self.go_on()
        self.assertEqual(self.lines()[: len(before)], before)

    def test_F24_a_log_of_another_history_is_not_signed(self):
        """As long as ours and longer, with a good chain: the database remembers the root."""
        self.keep_state()
        self.append("opened", facts=["history=one"])
        self.run_tool("checkpoint")
        shutil.copy(os.path.join(self.state, "index.db"), self.path("index.db"))
        self.put_state_back()
        self.append("opened", facts=["history=two"])
        self.fill(6)
        self.run_tool("checkpoint")
        for name in os.listdir(self.state):
            if name.startswith("index.db"):
                os.unlink(os.path.join(self.state, name))
        shutil.copy(self.path("index.db"), os.path.join(self.state, "index.db"))
        before = self.read("checkpoint")
        for command in (["checkpoint"], ["checkpoint", "--end-epoch"]):
            self.assertIn(b"not those that were signed", self.run_tool(*command, status=78).stderr)
        self.assertEqual(self.read("checkpoint"), before)

    def test_an_appender_never_cuts_what_was_signed(self):
        path = os.path.join(self.log, "00000000.ndjson")
        self.run_tool("checkpoint")
        for cut in (1, 100, 1000):
            self.keep_state()
            os.truncate(path, os.path.getsize(path) - cut)
            kept = open(path, "rb").read()
            self.run_tool(*RECORD, status=78)
            self.assertEqual(open(path, "rb").read(), kept)
            self.put_state_back()
        self.go_on()


if __name__ == "__main__":
    main()
