#!/usr/bin/python3
"""Loss of power on a real file system: ext4 on a loop device, shut down in the middle of writing
without its journal being flushed. What was acknowledged is there when the power is back."""

import fcntl
import json
import os
import random
import struct
import subprocess
import sys
import threading
import time
import unittest

import audit_format
from audittest import SMAUDIT, AuditTest, main

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2


def mounted_image(folder):
    """Mounts a new ext4 there; why it could not, or None."""
    if os.geteuid() != 0:
        return "only root can mount"
    image = folder + ".image"
    with open(image, "wb") as file:
        file.truncate(64 << 20)
    os.mkdir(folder)
    for command in (["mkfs.ext4", "-q", "-F", image], ["mount", "-o", "loop", image, folder]):
        try:
            result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        except FileNotFoundError as error:
            return str(error)
        if result.returncode != 0:
            return "%s: %s" % (command[0], result.stdout.decode().strip())
    return None


class PowerLoss(AuditTest):
    def setUp(self):
        super().setUp()
        self.disk = self.path("disk")
        problem = mounted_image(self.disk)
        if problem:
            self.skipTest("no ext4 on a loop device can be had: " + problem)
        self.addCleanup(subprocess.run, ["umount", self.disk], stderr=subprocess.DEVNULL)
        self.use_state("disk/state")
        self.acknowledged = {}  # seq: who
        self.checkpoints = []
        self.erased = set()
        self.born = 0
        self.is_dark = False  # what is acknowledged from here on, nobody has seen
        self.lock = threading.Lock()

    def run_on(self, *arguments):
        return subprocess.run(
            [SMAUDIT, *arguments], env=self.environment, cwd=self.dir,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
        )

    def append_until(self, over):
        while not over.is_set():
            with self.lock:
                self.born += 1
                who = "user%d" % self.born
            result = self.run_on("append", "--event", "opened", "--fact", "who=" + who,
                                 "--disclose", "recipient=%s@b.example" % who, "--json")
            with self.lock:
                if result.returncode == 0 and not self.is_dark:
                    self.acknowledged[json.loads(result.stdout)["seq"]] = who

    def sign_until(self, over):
        while not over.is_set():
            result = self.run_on("checkpoint")
            with self.lock:
                if result.returncode == 0 and not self.is_dark:
                    self.checkpoints.append(result.stdout)

    def erase_until(self, over):
        while not over.is_set():
            with self.lock:
                left = set(self.acknowledged.values()) - self.erased
            if not left:
                time.sleep(0.01)
                continue
            who = min(left)
            result = self.run_on("erase", "--address", who + "@b.example", "--authorised-by", "d", "--ground", "g")
            with self.lock:
                if result.returncode == 0 and not self.is_dark:
                    self.erased.add(who)
            time.sleep(0.1)

    def lose_power(self):
        # A sync that is under way in this moment may still return as done, to a process that would not
        # be there any more.
        with self.lock:
            self.is_dark = True
        device = os.open(self.disk, os.O_RDONLY)
        fcntl.ioctl(device, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        os.close(device)

    def power_is_back(self):
        self.is_dark = False
        subprocess.run(["umount", self.disk], check=True)
        subprocess.run(["mount", "-o", "loop", self.disk + ".image", self.disk], check=True)

    def check(self):
        lines = self.lines()
        for seq, who in self.acknowledged.items():
            self.assertLess(seq, len(lines), "an acknowledged record is lost")
            self.assertEqual(json.loads(lines[seq])["who"], who)
        self.append("locked")
        self.run_tool("checkpoint")
        outside = []
        for i, note in enumerate(self.checkpoints):
            outside += ["--checkpoint", self.write("outside%d" % i, note)]
        kinds, _ = self.assert_intact("--key", self.write("key", self.read("log.vkey")), *outside)
        self.assertLessEqual(kinds, {"tail-not-proven"} if not outside else set())
        self.assert_independently_intact()
        for who in self.erased:
            self.assertEqual(self.holds('"%s@b.example"' % who), [])

    def test_F01_power_is_lost_in_the_middle_of_writing(self):
        seed = random.randrange(1 << 30)
        print("seed", seed)
        moments = random.Random(seed)
        recovered = 0
        for _ in range(8):
            over = threading.Event()
            threads = [threading.Thread(target=self.append_until, args=(over,)) for _ in range(3)]
            threads += [threading.Thread(target=self.sign_until, args=(over,)),
                        threading.Thread(target=self.erase_until, args=(over,))]
            before = len(self.acknowledged)
            for thread in threads:
                thread.start()
            deadline = time.monotonic() + 60
            while len(self.acknowledged) < before + 10 and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(moments.random() / 2)
            self.lose_power()
            over.set()
            for thread in threads:
                thread.join()
            self.power_is_back()
            self.check()
            recovered = sum(b'"event":"recovered"' in line for line in self.lines())
        self.assertGreaterEqual(len(self.acknowledged), 80)
        print("%d records acknowledged, %d checkpoints, %d erasures, %d recoveries" % (
            len(self.acknowledged), len(self.checkpoints), len(self.erased), recovered))

    def test_a_lost_checkpoint_is_made_again(self):
        """Directly behind each call of a checkpoint the power goes."""
        self.fill(4)
        self.append("opened")
        size = len(self.lines())
        for moment in range(12):
            signer = subprocess.Popen([SMAUDIT, "checkpoint"], env=self.environment, cwd=self.dir,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(moment * 0.004)
            self.lose_power()
            signer.wait(120)
            self.power_is_back()
            self.assertGreaterEqual(len(self.lines()), size)
            self.append("opened")
            size = len(self.lines())
            note = audit_format.Checkpoint(self.out("checkpoint"))
            self.assertEqual(note.size, size)
            self.assert_intact()
            self.assert_independently_intact()


def in_own_mounts():
    """Begins again where nobody else sees our mounts: whoever copied them would keep them alive."""
    if os.geteuid() != 0 or "SMTOOLS_OWN_MOUNTS" in os.environ:
        return
    probe = subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL)
    if probe.returncode == 0:
        os.environ["SMTOOLS_OWN_MOUNTS"] = "1"
        os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])


if __name__ == "__main__":
    in_own_mounts()
    main()
