"""What the tests of smseal, smunseal and smkey share: running the built tools in a folder of their
own, and waiting for nothing."""

import os
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

BIN = os.environ.get("SMTOOLS_BIN", "build/bin")


def tool(name):
    return os.path.join(os.path.abspath(BIN), name)


class ToolTest(unittest.TestCase):
    """Each test has a folder, its current one, and a state in it."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="smtools-test-")
        self.addCleanup(self.remove)
        self.state = self.path("state")
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "SMTOOLS_STATE": self.state,
            "SMTOOLS_CONFIG": self.write("smtools.yaml", b"{}\n"),
            "HOME": self.dir,
        }

    def remove(self):
        for folder, folders, _ in os.walk(self.dir):
            for name in folders:
                os.chmod(os.path.join(folder, name), 0o700)
        shutil.rmtree(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data, mode=0o600):
        with open(self.path(name), "wb") as file:
            file.write(data)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def names(self, folder="."):
        return sorted(os.listdir(self.path(folder)))

    def run_tool(self, *arguments, input=b"", status=0, before=(), environment=None, **more):
        """Runs a tool; its exit status must be `status` (None: any)."""
        command = list(before) + [tool(arguments[0])] + [str(a) for a in arguments[1:]]
        if "stdin" not in more:
            more["input"] = input
        result = subprocess.run(
            command,
            stdout=more.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            cwd=self.dir,
            env=environment or self.environment,
            timeout=300,
            **more,
        )
        if status is not None:
            self.assertEqual(result.returncode, status, (command, result.stderr))
        return result

    def out(self, *arguments, **more):
        return self.run_tool(*arguments, **more).stdout

    def error(self, status, *arguments, **more):
        """The message of a tool that must fail so."""
        result = self.run_tool(*arguments, status=status, **more)
        text = result.stderr.decode()
        self.assertTrue(text.startswith("%s: error: " % arguments[0]), text)
        return text


def peak_rss(function):
    """Runs a function in a child and returns the greatest RSS of the child's own children, KiB."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            function()
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            os.write(writer, str(peak).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    data = os.read(reader, 64)
    os.close(reader)
    _, status = os.waitpid(pid, 0)
    if status != 0:
        raise AssertionError("the child failed")
    return int(data)


def is_sanitized():
    """Built with AddressSanitizer, which wants no library before it and memory of its own."""
    return "SMTOOLS_SANITIZED" in os.environ


def has_strace():
    """Whether faults can be injected: not into sanitized builds, whose leak check traces itself."""
    return shutil.which("strace") is not None and not is_sanitized()


def has_faketime():
    """libfaketime and sanitizers each want to be first to take memory; together they abort."""
    return shutil.which("faketime") is not None and not is_sanitized()


def is_private(path):
    return stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0
