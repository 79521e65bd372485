"""Chromium for lab tests, driven by browser/driver.mjs. Its modules come by `npm ci` from the pinned
lockfile, outside the lab's network, into the build folder; the source stays as it is."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
PINNED = ("package.json", "package-lock.json", ".npmrc")
SKIP = 77


def _modules():
    build = os.environ.get("SMTOOLS_BUILD", f"{SOURCE}/build")
    return f"{build}/browser"


def _skip(why):
    print(f"SKIP: {why}")
    sys.exit(SKIP)


def install():
    """To be called before the lab is entered. Ends the test as skipped where chromium, node or the
    modules cannot be had."""
    if "SMTOOLS_LAB" in os.environ:
        return
    for program in ("chromium", "node", "npm", "certutil"):
        if not shutil.which(program):
            _skip(f"{program} is not installed")
    folder, pinned = _modules(), hashlib.sha256()
    for name in PINNED:
        with open(f"{HERE}/browser/{name}", "rb") as file:
            pinned.update(file.read())
    mark = f"{folder}/node_modules/.pinned"
    if os.path.exists(mark):
        with open(mark) as file:
            if file.read() == pinned.hexdigest():
                return
    os.makedirs(folder, exist_ok=True)
    for name in PINNED:
        shutil.copy(f"{HERE}/browser/{name}", folder)
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    if done.returncode != 0:
        _skip("npm ci cannot fetch playwright-core and axe-core: " + done.stdout.strip()[-500:])
    with open(mark, "w") as file:
        file.write(pinned.hexdigest())


class Browser:
    """`browser.goto(url=…)` and the other acts of driver.mjs; an act that fails raises."""

    def __init__(self, trusted_ca, hosts=""):
        """`hosts`: Chromium's --host-resolver-rules, such as "MAP a.example:443 127.0.0.1:8443"."""
        self.home = tempfile.TemporaryDirectory()
        database = f"{self.home.name}/.pki/nssdb"
        os.makedirs(database)
        certutil = ["certutil", "-d", f"sql:{database}"]
        subprocess.run([*certutil, "-N", "--empty-password"], check=True)
        subprocess.run([*certutil, "-A", "-t", "C,,", "-n", "lab", "-i", trusted_ca], check=True)
        self.log = open(f"{self.home.name}/log", "w+")
        self.process = subprocess.Popen(
            ["node", f"{HERE}/browser/driver.mjs"], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.log,
            env={**os.environ, "HOME": self.home.name, "BROWSER_MODULES": _modules(), "BROWSER_HOSTS": hosts})
        self._answer()

    def __getattr__(self, act):
        def call(**options):
            self.process.stdin.write(json.dumps({"do": act, **options}) + "\n")
            self.process.stdin.flush()
            return self._answer()
        return call

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise AssertionError(f"the browser ended: {self.log.read()[-2000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["ok"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()
        self.log.close()
        self.home.cleanup()
