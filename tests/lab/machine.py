"""A machine of its own for a lab test: the lab's network, and this machine's files with /etc, /var and
whatever else the test names overlaid, so that users, groups, configurations and mail programs can be
set up as on a fresh Debian, and are gone at the end. Nothing of it reaches the real machine.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import labtest

INSIDE = "SMTOOLS_TEST_MACHINE"
OVERLAID = ("/etc", "/var", "/usr", "/root")


def on_a_machine(overlaid=OVERLAID, apart=()):
    """As labtest.inside_a_lab; the TestCases run inside such a machine. Those whose names are in `apart`
    have a machine of their own each: what one installs is in nobody's way."""
    if INSIDE in os.environ:
        _overlay(overlaid)
        return unittest.main(verbosity=2)
    if "SMTOOLS_LAB" in os.environ:
        runs = [sys.argv[1:]] if sys.argv[1:] or not apart else [[name] for name in apart]
        return max([_on_one_machine(arguments) for arguments in runs])
    return labtest.inside_a_lab()


def _on_one_machine(arguments):
    with tempfile.TemporaryDirectory(prefix="smtools-machine-") as folder:
        return abs(subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable,
                                   os.path.realpath(sys.argv[0]), *arguments],
                                  env={**os.environ, INSIDE: folder}).returncode)


def _overlay(folders):
    """The test's own layer over each folder. What the lab has bound into /etc is bound again."""
    scratch = os.environ[INSIDE]
    resolver = open("/etc/resolv.conf").read()
    run("mount", "-t", "tmpfs", "-o", "mode=755", "none", scratch)
    for folder in folders:
        layer = f"{scratch}{folder}"
        os.makedirs(f"{layer}/upper")
        os.makedirs(f"{layer}/work")
        os.chmod(f"{layer}/upper", os.stat(folder).st_mode & 0o7777)
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={folder},upperdir={layer}/upper,workdir={layer}/work", folder)
    if "/etc" in folders:
        with open("/etc/resolv.conf", "w") as out:
            out.write(resolver)
    for folder in ("/etc/smtools", "/var/lib/smtools"):  # whatever this machine has of its own
        shutil.rmtree(folder, ignore_errors=True)
    for name in ("SMTOOLS_CONFIG", "SMTOOLS_STATE", "XDG_CONFIG_HOME"):
        os.environ.pop(name, None)
    os.environ["HOME"] = "/root"


def run(*command, status=0, **options):
    """A command that must end with this status; its streams as text."""
    options.setdefault("timeout", 120)
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if status is not None and done.returncode != status:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def install_built():
    """The built programs, where packages put them."""
    built = os.environ.get("SMTOOLS_BIN", f"{labtest.SOURCE}/build/bin")
    os.makedirs("/usr/libexec/smtools", exist_ok=True)
    for source, target in ((built, "/usr/bin"), (f"{os.path.dirname(built)}/libexec/smtools", "/usr/libexec/smtools")):
        for name in os.listdir(source) if os.path.isdir(source) else ():
            if name.startswith("sm"):
                shutil.copy(f"{source}/{name}", target)


def add_service_user():
    """The user and groups that the package makes, from the file that it brings."""
    run("systemd-sysusers", f"{labtest.SOURCE}/scripts/deploy/sysusers/smtools.conf")


def trust_the_lab():
    """As every machine of the real world: the lab's root certificates and DNSSEC root key are the
    system's."""
    lab = os.environ["SMTOOLS_LAB"]
    with open(f"{lab}/ca.pem") as file:
        root = file.read()
    with open("/etc/ssl/certs/ca-certificates.crt", "a") as out:
        out.write(root)
    digest = run("openssl", "x509", "-noout", "-hash", "-in", f"{lab}/ca.pem").stdout.strip()
    with open(f"/etc/ssl/certs/{digest}.0", "w") as out:
        out.write(root)
    with open(f"{lab}/root.key") as file:
        key = file.read()
    os.makedirs("/usr/share/dns", exist_ok=True)
    with open("/usr/share/dns/root.key", "w") as out:
        out.write(key)
