#!/usr/bin/python3
"""SIGKILL at every call of an append, a checkpoint, the end of an epoch and an erasure that touches
a file: whoever comes next finds a log that goes on, with everything that was acknowledged."""

import json
import os
import unittest

import audit_format
from audittest import MESSAGE, has_strace, main
from killing import KillingTest

CANARY = "canary.%s@b.example"


@unittest.skipUnless(has_strace(), "no strace, or a sanitized build, which it stops")
class Kills(KillingTest):
    def setUp(self):
        super().setUp()
        self.fill(4)
        self.outside = self.checkpoint("outside")
        self.append("submitted", MESSAGE % "Z", disclose=["recipient=" + CANARY % "one"])
        self.append("opened", MESSAGE % "Z", disclose=["recipient=" + CANARY % "two"])
        self.key = self.write("key", self.read("log.vkey"))
        self.before = self.lines()
        self.keep_state()

    def kill_at_every_point(self, command, check=None):
        killed = 0
        points = self.points(command)
        for name, number in points:
            with self.subTest(call=name, number=number):
                result = self.strace(command, "-e", "inject=%s:signal=KILL:when=%d" % (name, number))
                killed += result.returncode != 0
                self.go_on(result)
                if check:
                    check(result)
            self.put_state_back()
        print("%s: killed at %d of %d calls" % (command[0], killed, len(points)))
        self.assertGreater(killed, len(points) // 2)
        return points

    def go_on(self, result):
        """The next appender and the next signer, then everybody's verdict."""
        self.append("locked", facts=["after=kill"])
        self.assertEqual(self.lines()[: len(self.before)], self.before)
        events = [json.loads(line)["event"] for line in self.lines()]
        self.assertIn("locked", events[len(self.before) :])
        self.assert_independently_intact()
        note = audit_format.Checkpoint(self.out("checkpoint"))
        self.assertEqual(note.size, len(self.lines()))
        kinds, summary = self.assert_intact("--checkpoint", self.outside, "--key", self.key)
        self.assertEqual(summary["signed"], note.size)
        self.assertLessEqual(kinds, {"lifecycle-incomplete"})

    def test_F01_an_append_killed_at_every_call(self):
        command = ["append", "--event", "opened", "--disclose", "recipient=" + CANARY % "new", "--json"]

        def acknowledged(result):
            if result.stdout:
                record = json.loads(self.lines()[json.loads(result.stdout)["seq"]])
                self.assertEqual(record["event"], "opened")

        points = {name for name, _ in self.kill_at_every_point(command, acknowledged)}
        self.assertLessEqual({"openat", "pwrite64", "fdatasync"}, points)

    def test_F01_an_append_that_signs_on_its_way_killed_at_every_call(self):
        os.utime(os.path.join(self.log, "checkpoint"), (1e9, 1e9))
        self.keep_state()
        command = ["append", "--event", "opened", "--disclose", "recipient=" + CANARY % "new"]
        points = {name for name, _ in self.kill_at_every_point(command)}
        self.assertLessEqual({"openat", "pwrite64", "fdatasync", "link", "rename"}, points)

    def test_F01_the_first_append_of_all_killed_at_every_call(self):
        self.before = []
        self.use_state("fresh")
        os.mkdir(self.state, 0o700)
        self.keep_state()
        command = ["append", "--event", "opened", "--disclose", "recipient=" + CANARY % "new"]
        points = self.points(command)
        for name, number in points:
            with self.subTest(call=name, number=number):
                self.strace(command, "-e", "inject=%s:signal=KILL:when=%d" % (name, number))
                self.append("locked")
                self.run_tool("checkpoint")
                kinds, _ = self.assert_intact()
                self.assertLessEqual(kinds, {"origin-unproven", "tail-not-proven"})
                self.assert_independently_intact()
            self.put_state_back()

    def test_F01_a_checkpoint_killed_at_every_call(self):
        points = {name for name, _ in self.kill_at_every_point(["checkpoint"])}
        self.assertLessEqual({"link", "rename", "fsync", "write"}, points)

    def test_F01_the_end_of_an_epoch_killed_at_every_call(self):
        def ended_or_not(_):
            keys = os.listdir(os.path.join(self.state, "keys"))
            ends = sum(json.loads(line)["event"] == "epoch_ended" for line in self.lines())
            self.assertLessEqual(ends, 1)
            if ends:  # then the old key is gone, and the new one signs
                self.assertEqual([key for key in keys if not key.startswith(".")], ["log-default-2.key"])

        self.kill_at_every_point(["checkpoint", "--end-epoch"], ended_or_not)

    def test_F01_an_erasure_killed_at_every_call(self):
        command = ["erase", "--address", CANARY % "one", "--authorised-by", "dpo", "--ground", "asked"]

        def whole_or_not_at_all(_):
            erased = [line for line in self.lines() if b'"event":"erased"' in line]
            there = self.holds(CANARY % "one")
            self.assertEqual(len(erased), 0 if there else 1)
            self.run_tool(*command, status=None)
            self.assertFalse(self.holds(CANARY % "one"))
            self.assertTrue(self.holds(CANARY % "two"))
            # Killed or not, no file is left beside that would outlive the next erasure.
            self.run_tool("erase", "--address", CANARY % "two", "--authorised-by", "d", "--ground", "g")
            self.assertFalse(self.holds(CANARY % "two"))
            self.assert_intact("--checkpoint", self.outside, "--key", self.key)
            self.assert_independently_intact()

        self.kill_at_every_point(command, whole_or_not_at_all)


if __name__ == "__main__":
    main()
