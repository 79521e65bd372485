"""Stopping a tool at any system call that touches the log: which calls those are, and running up
to one of them."""

import os
import re
import shutil
import subprocess

from audittest import SMAUDIT, AuditTest

# What changes files, and what makes that last.
CALLS = (
    "openat",
    "mkdir",
    "link",
    "linkat",
    "rename",
    "renameat2",
    "unlink",
    "pwrite64",
    "write",
    "ftruncate",
    "fallocate",
    "fchmod",
    "chmod",
    "fsync",
    "fdatasync",
    "flock",
)
BY_PATH = ("openat", "mkdir", "link", "linkat", "rename", "renameat2", "unlink", "chmod")


class KillingTest(AuditTest):
    """Each test makes a state, and goes on from copies of it."""

    def keep_state(self):
        self.kept = self.path("kept")
        shutil.rmtree(self.kept, True)
        shutil.copytree(self.state, self.kept)

    def put_state_back(self):
        shutil.rmtree(self.state)
        shutil.copytree(self.kept, self.state)

    def strace(self, command, *options, **more):
        return subprocess.run(
            ["strace", "-f", "-qq", "-o", self.path("trace"), *options, "--", SMAUDIT, *map(str, command)],
            cwd=self.dir,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=300,
            **more,
        )

    def points(self, command, calls=CALLS):
        """Each call of the command on the state, as (name, which of that name)."""
        result = self.strace(command, "-e", "trace=" + ",".join(calls))
        self.assertEqual(result.returncode, 0, result.stderr)
        counts, points = {}, []
        with open(self.path("trace"), errors="replace") as trace:
            for line in trace:
                call = re.match(r"\d+ +([a-z0-9_]+)\(", line)
                if not call:
                    continue
                name = call.group(1)
                counts[name] = counts.get(name, 0) + 1
                if name not in BY_PATH or self.state in line:
                    points.append((name, counts[name]))
        self.put_state_back()
        return points
