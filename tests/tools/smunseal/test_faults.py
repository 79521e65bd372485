#!/usr/bin/python3
"""smunseal under faults: a file appears only whole and verified, whatever fails."""

import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../smseal"))

from tooltest import ToolTest, has_strace, tool


class Faults(ToolTest):
    def setUp(self):
        super().setUp()
        self.run_tool("smkey", "init")
        self.content = bytes(range(256)) * 2000
        self.write("a", self.content)
        self.write("b", b"second")
        self.run_tool("smseal", "--org", "default", "-o", "e.sme", "a", "b")
        self.command = [tool("smunseal"), "--org", "default", "-C", "out", "--force", "e.sme"]

    def strace(self, *options):
        return subprocess.run(
            ["strace", "-f", "-o", self.path("trace"), *options, "--", *self.command],
            cwd=self.dir,
            env=self.environment,
            stderr=subprocess.PIPE,
        )

    def calls(self):
        self.assertEqual(self.strace().returncode, 0)
        counts = {}
        for call in re.findall(r"^\d+ +([a-z0-9_]+)\(", self.read("trace").decode(errors="replace"), re.M):
            counts[call] = counts.get(call, 0) + 1
        return counts

    def check_and_remove(self):
        """Whatever has its final name is whole; returns how many there are."""
        found = 0
        if not os.path.exists(self.path("out")):
            return 0
        for name, content in (("a", self.content), ("b", b"second")):
            if os.path.exists(self.path("out/" + name)):
                self.assertEqual(self.read("out/" + name), content)
                os.remove(self.path("out/" + name))
                found += 1
        return found

    @unittest.skipUnless(has_strace(), "SKIP: no strace, or a sanitized build")
    def test_F01_killed_at_every_system_call(self):
        counts = self.calls()
        self.check_and_remove()
        killed = 0
        for call in ("openat", "pread64", "read", "write", "fsync", "renameat2", "fchmod", "futex"):
            for when in range(1, counts.get(call, 0) + 1):
                result = self.strace("-e", "inject=%s:signal=KILL:when=%d" % (call, when))
                killed += result.returncode != 0
                self.check_and_remove()
        print("killed %d times" % killed)
        self.assertGreater(killed, 50)
        self.assertEqual(subprocess.run(self.command, cwd=self.dir, env=self.environment).returncode, 0)
        self.assertEqual(self.check_and_remove(), 2)

    @unittest.skipUnless(has_strace(), "SKIP: no strace, or a sanitized build")
    def test_F04_F05_failing_syncs_and_writes(self):
        counts = self.calls()
        self.check_and_remove()
        failed = 0
        for call, error in (("fsync", "EIO"), ("write", "ENOSPC"), ("pread64", "EIO")):
            for when in range(1, counts[call] + 1):
                result = self.strace("-e", "inject=%s:error=%s:when=%d" % (call, error, when))
                found = self.check_and_remove()
                left = [n for n in self.names("out") if n.startswith(".")] if os.path.exists(self.path("out")) else []
                if b"INJECTED" not in self.read("trace"):
                    continue
                if result.returncode != 127:  # the dynamic loader's own reads
                    self.assertIn(result.returncode, (74, 75), (call, when, result.stderr))
                    self.assertEqual(left, [])
                    failed += 1
                self.assertLessEqual(found, 2)
        print("%d failures" % failed)
        self.assertGreater(failed, 5)

    def test_F19_a_full_device_and_a_reader_that_goes(self):
        one = ["smunseal", "--org", "default", "--part", 1, "e.sme"]
        with open("/dev/full", "wb") as full:
            self.error(74, *one, stdout=full)
        child = subprocess.Popen(
            [tool("smunseal"), "--org", "default", "--part", "1", "e.sme"],
            cwd=self.dir,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        child.stdout.close()
        child.stderr.read()
        child.stderr.close()
        self.assertEqual(child.wait(60), 74)

    def test_the_middle_of_a_pipe_that_ends_too_soon(self):
        sealed = self.read("e.sme")
        for cut in (0, 100, 2000, 20000, len(sealed) - 1):
            self.error(65, "smunseal", "--org", "default", "--verify", input=sealed[:cut])
            self.error(65, "smunseal", "--org", "default", "--part", 1, "-o", "x", input=sealed[:cut])
            self.assertFalse(os.path.exists(self.path("x")))


if __name__ == "__main__":
    unittest.main()
