"""Recording every packet on the wire between client and servers while a command runs.

What a recording is used for is to prove that something was not sent, so it must be complete: it
ends only when a last packet of our own has been seen in the file, and it fails where the kernel
reports a lost one.
"""

import os
import re
import signal
import socket
import subprocess
import time

import domains
import namespaces
from identity import LabError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def record(file, client, servers, command):
    """Runs command() in a child, which must not return, and gives its exit status. `client` and
    `servers` are processes in those network namespaces."""
    watcher = _watch(file, servers)
    for number in SIGNALS:
        signal.signal(number, lambda *_: None)  # the command decides; the recording ends after it
    child = os.fork()
    if child == 0:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        command()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    _send_last_packet(file, client)
    watcher.send_signal(signal.SIGINT)
    words = watcher.stderr.read()
    watcher.wait()
    if not re.search(r"^0 packets dropped by kernel", words, re.M):
        raise LabError(f"tcpdump lost packets: {words.strip()}")
    return status if status >= 0 else 128 - status


def _watch(file, servers):
    namespace = namespaces.open_namespace(servers, "net")
    watcher = subprocess.Popen(
        ["tcpdump", "-i", "wire", "-s", "0", "-B", "65536", "-U", "-Z", "root", "-w", file],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: namespaces.setns(namespace, namespaces.NEWNET))
    said = ""
    for line in watcher.stderr:
        if "listening on" in line:
            return watcher
        said += line
    raise LabError(f"tcpdump does not start: {said.strip()}")


def _send_last_packet(file, client, patience=30.0):
    """Returns when the recording has it, and so everything before it."""
    token, deadline = os.urandom(32), time.monotonic() + patience
    while time.monotonic() < deadline:
        sender = os.fork()
        if sender == 0:
            namespaces.setns(namespaces.open_namespace(client, "net"), namespaces.NEWNET)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
                wire.sendto(token, (domains.WEB, 9))
            os._exit(0)
        os.waitpid(sender, 0)
        for _ in range(20):
            with open(file, "rb") as recording:
                recording.seek(max(0, os.path.getsize(file) - 65536))
                if token in recording.read():
                    return
            time.sleep(0.01)
    raise LabError("the recording does not keep up with the wire")
