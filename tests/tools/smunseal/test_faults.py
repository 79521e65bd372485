#!/usr/bin/python3
"""smunseal under faults: a file appears only whole and verified, whatever fails."""

import os
import re
import signal
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

    @unittest.skipUnless(has_strace(), "SKIP: no strace, or a sanitized build")
    def test_F07_interrupted_and_short_calls(self):
        counts = self.calls()
        self.assertEqual(self.check_and_remove(), 2)
        # The first reads are the dynamic loader's, which takes no interruption.
        for call, when in (("pread64", "%d" % counts["pread64"]), ("write", "1+2")):
            result = self.strace("-e", "inject=%s:error=EINTR:when=%s" % (call, when))
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(self.check_and_remove(), 2)
        slow = "import os\nwhile b := os.read(0, 1):\n os.write(1, b)\n"
        self.write("little", self.content[:20000])
        self.write("e.little", self.out("smseal", "--org", "default", "little"))
        with open(self.path("e.little"), "rb") as file:
            feeder = subprocess.Popen([sys.executable, "-c", slow], stdin=file, stdout=subprocess.PIPE)
            opened = self.out("smunseal", "--org", "default", stdin=feeder.stdout)
            feeder.stdout.close()
            self.assertEqual(feeder.wait(), 0)
        self.assertEqual(opened, self.content[:20000])

    def test_F05_F08_no_space_and_a_file_system_that_cannot_be_written(self):
        mount = self.path("small")
        os.mkdir(mount)
        probe = subprocess.run(["mount", "-t", "tmpfs", "none", mount], stderr=subprocess.PIPE)
        if probe.returncode != 0:
            self.skipTest("SKIP: no right to mount")
        subprocess.run(["umount", mount], check=True)
        whole = 0
        for options in [f"size={pages * 4}k" for pages in (1, 2, 8, 32, 100, 130)] + ["nr_inodes=1", "ro"]:
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", mount], check=True)
            try:
                for more in (["--part", 1, "-o", "small/x"], ["-C", "small/out"]):
                    result = self.run_tool("smunseal", "--org", "default", *more, "e.sme", status=None)
                    if result.returncode == 0:
                        whole += 1
                        if "-o" in more:
                            self.assertEqual(self.read("small/x"), self.content)
                            os.remove(self.path("small/x"))
                        continue
                    self.assertIn(result.returncode, (74, 75, 77), (options, result.stderr))
                    self.assertTrue(result.stderr.startswith(b"smunseal: error: "), result.stderr)
                    # Of a folder what is verified stays; of a file nothing but the whole.
                    for folder, _, names in os.walk(mount):
                        self.assertLessEqual(set(names), {"a", "b"}, options)
                        if "a" in names:
                            self.assertEqual(os.path.getsize(folder + "/a"), len(self.content))
            finally:
                subprocess.run(["umount", mount], check=True)
        self.assertGreater(whole, 0)

    def test_F08_folders_that_are_not_there(self):
        self.error(74, "smunseal", "--org", "default", "--part", 1, "-o", "none/x", "e.sme")
        self.error(74, "smunseal", "--org", "default", "-C", "a/out", "e.sme")
        self.error(66, "smunseal", "--org", "default", "-C", "out", "none.sme")
        self.assertFalse(os.path.exists(self.path("out")))

    def test_F19_closed_descriptors(self):
        for closed in ("<&-", "2>&-", ">&-", "<&- >&- 2>&-"):
            script = '"$0" --org default --part 1 -o x e.sme ' + closed
            result = subprocess.run(["/bin/sh", "-c", script, self.command[0]], cwd=self.dir,
                                    env=self.environment)
            self.assertEqual(result.returncode, 0, closed)
            self.assertEqual(self.read("x"), self.content)
            os.remove(self.path("x"))
        script = '"$0" --org default --part 1 e.sme >&-'
        result = subprocess.run(["/bin/sh", "-c", script, self.command[0]], cwd=self.dir,
                                env=self.environment, stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 74, result.stderr)

    def test_F19_a_signal_leaves_nothing(self):
        sealed = self.out("smseal", "--org", "default", "a")
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            reader, writer = os.pipe()
            child = subprocess.Popen([self.command[0], "--org", "default", "-o", "x"], stdin=reader,
                                     cwd=self.dir, env=self.environment)
            os.close(reader)
            os.write(writer, sealed[:60000])
            while not [name for name in self.names() if name.startswith(".x")]:
                self.assertIsNone(child.poll())
            child.send_signal(number)
            self.assertEqual(child.wait(60), -number)
            os.close(writer)
            self.assertEqual([name for name in self.names() if "x" == name.strip(".")[:1]], [])

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
