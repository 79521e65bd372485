"""What lab tests share. A test is an executable of tests/lab that calls `inside_a_lab()`: it starts a
lab of its own, runs itself again in that lab's client network, and ends the lab. Tests of the lab
itself, which look from outside, use `lab()` alone.
"""

import os
import re
import signal
import subprocess
import sys
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
LAB = f"{SOURCE}/scripts/lab"
SKIP = 77


def lab(*arguments, name=None, **options):
    """Runs scripts/lab, its streams captured as text."""
    named = ["--name", name] if name else []
    return subprocess.run([LAB, *named, *arguments], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120, **options)


def command(*arguments, **options):
    """Runs a command, its output and errors captured as one text."""
    return subprocess.run(arguments, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60, **options)


def need_root():
    if os.geteuid() != 0:
        print("SKIP: network namespaces need root")
        sys.exit(SKIP)


def inside_a_lab():
    """Returns the exit status for the whole; what is in the calling file's TestCases runs inside."""
    if "SMTOOLS_LAB" in os.environ:
        return unittest.main(verbosity=2)
    need_root()
    name = f"{re.sub('[^a-z0-9]', '-', os.path.basename(sys.argv[0]))}-{os.getpid()}"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        started = lab("start", name=name)
        if started.returncode != 0:
            print(started.stderr)
            return 1
        return subprocess.run([LAB, "--name", name, "run", "--", os.path.realpath(sys.argv[0]),
                               *sys.argv[1:]]).returncode
    finally:
        lab("stop", name=name)
